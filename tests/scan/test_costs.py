"""What a video costs: nothing is told that was not measured, and a run of one's own counts for what it found."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.scan.costs import (
    BUSY_SHARE,
    CLIP_S,
    DECODE_S,
    USUAL,
    costs_of,
    picture_size,
    read_costs,
    usual_costs,
    videos_per_s_at,
)
from gsgmodel.scan.expected import PREPARE_S, VIDEO_S, videos_per_s
from gsgmodel.scan.finish import Summary
from gsgmodel.scan.preflight import GIB, Machine, Wishes, fit_machine
from gsgmodel.scan.settings import RunSettings
from tests.bench.pipeline import SCAN
from tests.bench.side_by_side import Comparison

WISHES = Wishes(device="auto", prepare_actors=None, score_actors=None, batch_clips=4)
SUMMARY = Summary(
    run_id="run",
    exit_code=0,
    reason="done",
    started_at="2026-01-01T00:00:00+00:00",
    wall_s=900.0,
    planned=250,
    planned_bytes=10**9,
    committed=200,
    unfinished=0,
    left=50,
    lost=0,
    by_status={"scored": 180, "unreadable": 20},
    left_out={},
    left_out_suffixes={},
    clips=540,
    videos_per_s=0.2222,
    clips_per_s=0.6,
    prepare_cpu_s=372.0,
    notes=[],
    submission_id=None,
    model_uri="models:/gsg/1",
    model_version="1",
    model_digest="d",
    is_untrained=False,
    scoring_id="s",
    threshold=None,
    flagged=0,
    score_cpu_s=186.0,
)
BENCH = Comparison(
    title="Whole scan, in steady state",
    peer="plain script",
    took_s={SCAN: [1.0, 0.8, 0.9], "plain script": [3.0, 3.0, 3.0]},
    unit="wall s a video",
    facts={"videos": 48, "cores": 2},
)


@pytest.fixture
def write(tmp_path):
    def put(found, name="summary.json"):
        path = tmp_path / name
        path.write_text(found if isinstance(found, str) else json.dumps(found))
        return path

    return put


def pools(**machine):
    return fit_machine(Machine(**{"cores": 16, "memory_bytes": 256 * GIB, "num_gpus": 0} | machine), WISHES)


def test_usual_costs_are_those_of_what_a_scan_expects():
    assert USUAL.of_core_s(scores_on_cores=True) == pytest.approx(VIDEO_S)
    assert USUAL.of_core_s(scores_on_cores=False) == PREPARE_S
    for each in (pools(), pools(num_gpus=2)):
        assert videos_per_s_at(each, USUAL) == pytest.approx(videos_per_s(each))


def test_videos_that_cost_twice_as_much_go_half_as_fast_and_beside_gpus_the_network_costs_no_core():
    double = replace(USUAL, prepare_s=2 * USUAL.prepare_s, score_s=2 * USUAL.score_s)
    assert videos_per_s_at(pools(), double) == pytest.approx(videos_per_s(pools()) / 2)
    on_gpu, dear = pools(num_gpus=2), replace(USUAL, score_s=100.0)
    assert videos_per_s_at(on_gpu, dear) == pytest.approx(videos_per_s(on_gpu))


def test_more_faces_cost_the_network_more_and_nothing_else():
    many = usual_costs(faces=3.0)
    assert (many.prepare_s, many.num_clips) == (USUAL.prepare_s, 3.0)
    assert many.score_s == pytest.approx(3 * USUAL.score_s)


@pytest.mark.parametrize(
    ("name", "size"),
    [("360p", (640, 360)), ("1080p", (1920, 1080)), ("2160p", (3840, 2160)), ("1080x1920", (1080, 1920))],
)
def test_a_picture_has_a_name_or_two_sides(name, size):
    assert picture_size(name) == size


@pytest.mark.parametrize("name", ["4k", "1080", "0x10", "10x", "-1x5", "1e3x10", "65536x10", "", "1080P", "\u0663x10"])
def test_another_picture_is_refused_with_what_is_accepted(name):
    with pytest.raises(ConfigError, match=r"--resolution is .* accepted: 360p, .* or WIDTHxHEIGHT"):
        picture_size(name)


def test_decoding_grows_with_seconds_and_pixels_and_the_rest_with_windows():
    short, long = costs_of(30, "1000x1000"), costs_of(60, "1000x1000")
    assert long.prepare_s - short.prepare_s == pytest.approx(DECODE_S * 30 / BUSY_SHARE)
    assert costs_of(60, "2000x1000").prepare_s - long.prepare_s == pytest.approx(DECODE_S * 60 / BUSY_SHARE)
    assert (short.num_clips, long.num_clips) == (1.0, 1.0)
    two = costs_of(61, "1000x1000", faces=1.5)
    assert two.num_clips == 3.0
    assert two.score_s == pytest.approx(3 * (VIDEO_S - PREPARE_S))
    assert two.prepare_s == pytest.approx((DECODE_S * 61 + 2 * CLIP_S) / BUSY_SHARE)


def test_a_very_long_video_has_no_more_clips_than_a_scan_allows():
    assert costs_of(36_000, "360p").num_clips == RunSettings().max_clips


def test_videos_like_those_of_the_usual_costs_cost_about_as_much():
    between = costs_of(20, "720p")
    assert between.prepare_s == pytest.approx(PREPARE_S, rel=0.35)


@given(
    duration_s=st.floats(0.1, 1e5),
    more_s=st.floats(0.0, 1e5),
    side=st.integers(1, 4000),
    faces=st.floats(0.1, 20.0),
)
def test_a_longer_video_never_costs_less(duration_s, more_s, side, faces):
    short = costs_of(duration_s, f"{side}x{side}", faces=faces)
    long = costs_of(duration_s + more_s, f"{side}x{side}", faces=faces)
    assert long.prepare_s >= short.prepare_s > 0
    assert long.score_s >= short.score_s > 0


def test_what_lies_outside_of_what_was_measured_is_said():
    assert costs_of(60, "1080p").notes == ()
    assert costs_of(7200, "1080p").notes == (
        "--duration-s 7200 lies outside of what was measured (10 to 2400 s): extrapolated",
    )
    assert len(costs_of(0.5, "2160p").notes) == 2


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("inf"), float("nan")])
def test_a_length_that_is_none_is_refused(duration_s):
    with pytest.raises(ConfigError, match=r"--duration-s is .*; accepted: seconds, above 0"):
        costs_of(duration_s, "720p")


@pytest.mark.parametrize("make", [usual_costs, lambda faces: costs_of(10, "720p", faces=faces)])
@pytest.mark.parametrize("faces", [0.0, -1.0, float("inf"), float("nan")])
def test_no_faces_at_all_are_refused(make, faces):
    with pytest.raises(ConfigError, match=r"--faces-at-once is .*; accepted: above 0"):
        make(faces=faces)


def test_a_scan_s_summary_gives_what_a_finished_video_cost_with_the_idle_share_of_its_cores(write):
    costs = read_costs(write(asdict(SUMMARY)))
    assert costs.prepare_s == pytest.approx(372 / 200 / BUSY_SHARE)
    assert costs.score_s == pytest.approx(186 / 200 / BUSY_SHARE)
    assert costs.num_clips == pytest.approx(2.7)
    assert costs.source == "as summary.json has of 200 videos, whose like the others are taken to be"
    assert costs.notes == ()


def test_a_summary_of_few_videos_says_so(write):
    few = read_costs(write(asdict(replace(SUMMARY, by_status={"scored": 99}))))
    assert few.notes == ("99 videos are few to go by",)


def test_a_summary_without_a_network_sizes_no_scan_on_cores(write):
    kept = {name: value for name, value in asdict(SUMMARY).items() if name != "score_cpu_s"}
    costs = read_costs(write(kept))
    assert costs.score_s is None
    assert costs.of_core_s(scores_on_cores=False) == costs.prepare_s
    with pytest.raises(ConfigError, match=r"say nothing of the network on cores; accepted: --device gpu"):
        costs.of_core_s(scores_on_cores=True)


@pytest.mark.parametrize("wrap", [lambda bench: bench, lambda bench: {"decode": {}, "pipeline": bench}])
def test_the_benchmark_of_whole_scans_gives_the_median_over_its_cores(write, wrap):
    costs = read_costs(write(wrap(BENCH.to_dict()), "pipeline.json"))
    assert costs.of_core_s(scores_on_cores=True) == pytest.approx(1.8)
    assert costs.prepare_s == pytest.approx(1.8 * PREPARE_S / VIDEO_S)
    assert costs.source.startswith("as pipeline.json has of 2 cores; it measures whole scans")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "accepted: summary.json of a run, or pipeline.json"),
        ({"title": "Faces", "took_s": {"every frame": [1.0]}}, "accepted: summary.json of a run"),
        ({"pipeline": 3}, "accepted: summary.json of a run"),
        (asdict(SUMMARY) | {"by_status": {}}, "a run that finished no video"),
        (asdict(SUMMARY) | {"by_status": 5}, "a run that finished no video"),
        (asdict(SUMMARY) | {"by_status": {"scored": "many"}}, "its scored is 'many'"),
        (asdict(SUMMARY) | {"prepare_cpu_s": None}, "its prepare_cpu_s is None; accepted: a number"),
        (asdict(SUMMARY) | {"prepare_cpu_s": 0}, "its prepare_cpu_s is 0; accepted: above 0"),
        (asdict(SUMMARY) | {"score_cpu_s": -1}, "its score_cpu_s is -1"),
        (asdict(SUMMARY) | {"clips": True}, "its clips is True"),
        (BENCH.to_dict() | {"facts": {"videos": 48}}, "its cores is None"),
        (BENCH.to_dict() | {"facts": None}, "its cores is None"),
        (BENCH.to_dict() | {"took_s": {SCAN: []}}, "without rounds or cores"),
        (BENCH.to_dict() | {"took_s": {SCAN: [0.0]}}, "whose scans took no time"),
        (BENCH.to_dict() | {"took_s": {SCAN: ["x"]}}, "its a scan is 'x'"),
    ],
)
def test_what_is_no_measurement_is_one_sentence(write, found, said):
    with pytest.raises(ConfigError, match=r"^--measured is ") as raised:
        read_costs(write(found))
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"--measured is '.*none.json', which cannot be read as JSON"):
        read_costs(tmp_path / "none.json")
