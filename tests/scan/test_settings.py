"""What a user may set for a scan, and how each refusal reads."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import TERMINAL, ConfigError, Status
from gsgmodel.scan.settings import (
    MAX_CLIPS_LIMIT,
    SHARD_BYTES,
    SHARD_VIDEOS,
    PrepareSettings,
    ScanSettings,
    deadline_time,
)

NOW = datetime(2026, 11, 24, 22, 30, 15, tzinfo=UTC)
REFUSED = [
    ({"limit": 0}, "--limit is 0; accepted: 1 or more"),
    ({"limit": -3}, "--limit is -3"),
    ({"prepare_actors": 0}, "--prepare-actors is 0; accepted: 1 or more"),
    ({"score_actors": 0}, "--score-actors is 0; accepted: 1 or more"),
    ({"batch_clips": 0}, "--batch-clips is 0; accepted: 1 or more"),
    ({"window_s": 0.0}, "--window-s is 0.0; accepted: a number above 0"),
    ({"window_s": float("nan")}, "--window-s is nan"),
    ({"window_s": float("inf")}, "--window-s is inf"),
    ({"commit_s": -1.0}, "--commit-s is -1.0; accepted: a number above 0"),
    ({"drain_s": -1.0}, "--drain-s is -1.0; accepted: seconds, 0 or more"),
    ({"drain_s": float("nan")}, "--drain-s is nan"),
    ({"max_clips": 0}, f"--max-clips is 0; accepted: 1 to {MAX_CLIPS_LIMIT}"),
    ({"max_clips": MAX_CLIPS_LIMIT + 1}, f"--max-clips is {MAX_CLIPS_LIMIT + 1}"),
    ({"max_failures": -0.1}, "--max-failures is -0.1; accepted: a share from 0 to 1"),
    ({"max_failures": 1.5}, "--max-failures is 1.5"),
    ({"max_failures": float("nan")}, "--max-failures is nan"),
    ({"retry": ("unreadable,scored",)}, "--retry names 'scored'; accepted: crashed, no_face"),
    ({"retry": ("missing",)}, "--retry names 'missing'"),
    ({"retry": ("UNREADABLE",)}, "--retry names 'UNREADABLE'"),
    ({"deadline": "soon"}, "--deadline is 'soon'; accepted: HH:MM, or a duration such as 2h, 90m or 45s"),
    ({"deadline": "24:00"}, "--deadline is '24:00'"),
    ({"deadline": ""}, "--deadline is ''"),
    ({"start_timeout": "soon"}, "--start-timeout is 'soon'; accepted: a duration such as 10m or 1h"),
    ({"start_timeout": ""}, "--start-timeout is ''"),
    ({"start_timeout": "0s"}, "--start-timeout is '0s'"),
    ({"filter": ("*.mp4", "size>big")}, "size>big"),
    ({"s3_endpoint": "http://me:secret@store"}, "--s3-endpoint is 'http://[hidden]@store'; accepted: http(s)://HOST"),
    ({"s3_endpoint": "store:9000"}, "--s3-endpoint is 'store:9000'"),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED)
def test_a_value_that_cannot_work_is_named_with_what_is_accepted(values, sentence):
    with pytest.raises(ConfigError) as caught:
        ScanSettings(**values)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"val_share": -0.1}, "--val-share is -0.1; accepted: a share from 0 to 1"),
        ({"test_share": 1.1}, "--test-share is 1.1; accepted: a share from 0 to 1"),
        ({"test_share": float("nan")}, "--test-share is nan"),
        (
            {"val_share": 0.6, "test_share": 0.5},
            "--val-share is 0.6 and --test-share 0.5; accepted: together at most 1",
        ),
        ({"max_clips": 0}, "--max-clips is 0"),
        ({"frames_per_clip": 0}, "--frames-per-clip is 0; accepted: 1 to 32"),
        ({"crop_size_px": 2048}, "--crop-size-px is 2048; accepted: 32 to 384"),
        ({"retry": ("prepared",)}, "--retry names 'prepared'"),
    ],
)
def test_a_preparation_that_cannot_work_is_named_too(values, sentence):
    with pytest.raises(ConfigError) as caught:
        PrepareSettings(**values)
    assert sentence in str(caught.value)


def test_the_recipe_of_a_store_follows_from_the_settings():
    recipe = PrepareSettings(window_s=30, faces="all", max_clips=3, boxes_from="original", val_share=0.5).recipe
    assert (recipe.window_s, recipe.faces, recipe.max_clips, recipe.boxes_from) == (30.0, "all", 3, "original")
    assert recipe.preparation_id == PrepareSettings(
        window_s=30.0, faces="all", max_clips=3, boxes_from="original", split_seed=9
    ).recipe.preparation_id  # fmt: skip
    assert recipe.preparation_id != PrepareSettings().recipe.preparation_id
    other = PrepareSettings(frames_per_clip=8, crop_size_px=112).recipe
    assert (other.preparation.frames_per_clip, other.preparation.crop_size_px) == (8, 112)
    assert other.preparation_id != PrepareSettings().recipe.preparation_id


@given(max_clips=st.integers(1, MAX_CLIPS_LIMIT))
def test_a_shard_gets_fewer_videos_where_each_may_be_large(max_clips):
    wishes = PrepareSettings(max_clips=max_clips, prepare_actors=3).wishes
    clip_bytes = 12 * 224 * 224 * 4
    assert 1 <= wishes.batch_clips <= SHARD_VIDEOS
    assert wishes.batch_clips == 1 or wishes.batch_clips * max_clips * clip_bytes <= SHARD_BYTES
    assert (wishes.device, wishes.prepare_actors, wishes.score_actors) == ("none", 3, None)
    assert PrepareSettings().wishes.batch_clips == SHARD_VIDEOS


def test_values_at_the_edge_of_what_is_accepted_work():
    ScanSettings(
        limit=1,
        prepare_actors=1,
        score_actors=1,
        batch_clips=1,
        window_s=0.01,
        commit_s=0.01,
        drain_s=0.0,
        max_clips=MAX_CLIPS_LIMIT,
        max_failures=0.0,
        deadline="0s",
    )


@given(statuses=st.lists(st.sampled_from(sorted(TERMINAL - {Status.SCORED})), min_size=1))
def test_statuses_to_retry_may_come_as_values_or_with_commas(statuses):
    assert ScanSettings(retry=tuple(statuses)).retry_statuses == tuple(statuses)
    assert ScanSettings(retry=(" , ".join(statuses),)).retry_statuses == tuple(statuses)


@given(hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_a_deadline_by_the_clock_is_the_next_time_it_shows_that(hour, minute):
    then = deadline_time(f"{hour:02}:{minute:02}", now=NOW)
    assert (then.hour, then.minute, then.second) == (hour, minute, 0)
    assert timedelta(0) < then - NOW <= timedelta(days=1)


def test_a_clock_without_a_leading_zero_is_understood():
    assert deadline_time("6:05", now=NOW) == datetime(2026, 11, 25, 6, 5, tzinfo=UTC)


def test_a_deadline_of_this_very_minute_is_tomorrow():
    now = NOW.replace(second=0)
    assert deadline_time("22:30", now=now) == now + timedelta(days=1)


@given(hours=st.integers(0, 1000), minutes=st.integers(0, 1000), seconds=st.integers(0, 100_000))
def test_a_duration_adds_its_parts(hours, minutes, seconds):
    expected = NOW + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    assert deadline_time(f"{hours}h{minutes}m{seconds}s", now=NOW) == expected
    assert deadline_time(f" {hours * 3600 + minutes * 60 + seconds}s ", now=NOW) == expected


@given(text=st.text(max_size=12) | st.from_regex(r"\d{1,30}[hms]{1,2}", fullmatch=True))
def test_any_text_is_a_time_not_before_now_or_a_config_error(text):
    with contextlib.suppress(ConfigError):
        assert deadline_time(text, now=NOW) >= NOW


def test_a_duration_beyond_the_calendar_is_refused():
    with pytest.raises(ConfigError, match="--deadline is '99999999999h'; accepted"):
        deadline_time("99999999999h", now=NOW)


def test_a_start_timeout_is_counted_in_seconds():
    assert ScanSettings(start_timeout="1h30m5s").start_timeout_s == 5405
    assert ScanSettings().start_timeout_s == 600


def test_what_is_asked_of_the_pools_is_what_was_set():
    wishes = ScanSettings(device="gpu", prepare_actors=3, score_actors=2, batch_clips=8).wishes
    assert (wishes.device, wishes.prepare_actors, wishes.score_actors, wishes.batch_clips) == ("gpu", 3, 2, 8)
