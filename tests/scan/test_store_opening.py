"""The start of a preparation: labels and splits on the driver, one recipe a store, rows that follow their labels."""

import json
import tomllib

import pytest

from gsgmodel.clips.recipe import CropRecipe
from gsgmodel.clips.schema import INDEX_ROWS
from gsgmodel.clips.store import ClipStore
from gsgmodel.errors import ConfigError
from gsgmodel.results.done import DoneIds
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.settings import PrepareSettings
from gsgmodel.scan.sinks import ListSink, TableSink
from gsgmodel.scan.store_opening import open_store_run
from tests.scan.stores import kept_rows, names_of, plan_for, write_manifest
from tests.scan.test_notify import listening

ROWS = (
    {"path": "real-1.mp4", "label": "0", "identity": "anna", "split": "train"},
    {"path": "fake-1.mp4", "label": "1", "identity": "anna", "split": "train", "original": "real-1.mp4"},
    {"path": "real-2.mp4", "label": "0", "identity": "bert", "split": "test"},
    {"path": "fake-2.mp4", "label": "1", "identity": "bert", "split": "test"},
)


@pytest.fixture
def opened(tmp_path):
    def start(rows=ROWS, **settings):
        manifest = write_manifest(tmp_path / "archive", *rows)
        return open_store_run((manifest,), PrepareSettings(**({"output": str(tmp_path / "store")} | settings)))

    return start


def prepare_all(run, **how):
    """Commit a row for every planned video; returns the planned names."""
    plan = plan_for(run)
    run.relabel()
    if plan.num_videos:
        run.sink.commit(kept_rows(plan, **how))
    return names_of(plan)


def store_of(tmp_path):
    videos = ClipStore.open(str(tmp_path / "store")).videos.to_pylist()
    return {row["uri"].rpartition("/")[2]: row for row in videos}


def with_split(split):
    return [row | {"split": split} for row in ROWS]


def test_a_row_says_what_its_labels_say(opened, tmp_path):
    with opened() as run:
        assert prepare_all(run) == {"real-1.mp4", "fake-1.mp4", "real-2.mp4", "fake-2.mp4"}
        rows = VideoTable.open(str(tmp_path / "store"), kind=INDEX_ROWS).rows().to_pylist()
    row = next(row for row in rows if row["uri"].endswith("fake-1.mp4"))
    assert (row["label"], row["method"], row["identity"], row["split"]) == (1, "fake", "anna", "train")
    assert row["original_uri"] == (tmp_path / "archive" / "real-1.mp4").as_uri()
    assert (row["original_id"], row["mask_uri"], row["mask_id"]) == (None, None, None)
    assert (row["run_id"], row["preparation_id"]) == (run.identity["run_id"], run.recipe.preparation_id)
    assert (row["status"], row["num_clips"]) == ("prepared", 1)


def test_a_second_run_finds_nothing_to_do_and_a_third_what_is_new(opened):
    with opened() as run:
        prepare_all(run)
    with opened() as run:
        assert prepare_all(run) == set()
    with opened((*ROWS, {"path": "real-3.mp4", "label": "0", "split": "val"})) as run:
        assert prepare_all(run) == {"real-3.mp4"}


def test_videos_of_other_labels_or_splits_keep_their_crops(opened, tmp_path):
    with opened() as run:
        prepare_all(run)
    before = store_of(tmp_path)
    rows = [ROWS[0] | {"split": "val"}, ROWS[1] | {"label": "0", "identity": "cleo"}, *ROWS[2:]]
    with opened(rows) as run:
        plan = plan_for(run)
        assert plan.num_videos == 0
        assert run.relabel() == 2
    after = store_of(tmp_path)
    assert (after["real-1.mp4"]["split"], after["fake-1.mp4"]["label"], after["fake-1.mp4"]["identity"]) == (
        "val",
        0,
        "cleo",
    )
    assert {name: after[name] for name in ("real-2.mp4", "fake-2.mp4")} == {
        name: before[name] for name in ("real-2.mp4", "fake-2.mp4")
    }
    assert all(row["num_clips"] == 1 for row in after.values())
    with opened(rows) as run:
        plan_for(run)
        assert run.relabel() == 0


def test_a_replaced_original_makes_its_fake_anew_and_only_where_crops_depend_on_it(opened, tmp_path):
    with opened(boxes_from="original") as run:
        prepare_all(run)
    (tmp_path / "archive" / "real-1.mp4").write_bytes(b"another")
    with opened(boxes_from="original") as run:
        assert prepare_all(run) == {"real-1.mp4", "fake-1.mp4"}
    with opened(boxes_from="original") as run:
        assert prepare_all(run) == set()


def test_a_retried_video_gets_its_new_labels_with_its_new_crops(opened, tmp_path):
    with opened() as run:
        prepare_all(run, status="crashed")
    with opened(with_split("val"), retry=("crashed",)) as run:
        assert prepare_all(run) == {row["path"] for row in ROWS}
        planned = kept_rows(plan_for(run))["video_id"].combine_chunks()
        ids = DoneIds()
        ids.add(planned)
        assert run.recount(ids)(planned).all()
    after = store_of(tmp_path)
    assert {row["split"] for row in after.values()} == {"val"}
    assert len(after) == len(ROWS)


def test_splits_are_drawn_where_none_is_given_and_people_stay_together(opened):
    rows = [row | {"split": ""} for row in ROWS]
    with opened(rows, val_share=0.0, test_share=1.0) as run:
        assert {video.split for video in run.labelled.videos.values()} == {"test"}
    with opened(rows, dry_run=True) as run:
        splits = {uri.rpartition("/")[2]: video.split for uri, video in run.labelled.videos.items()}
    assert splits["real-1.mp4"] == splits["fake-1.mp4"]
    assert splits["real-2.mp4"] == splits["fake-2.mp4"]


def test_a_store_of_another_preparation_is_refused_by_what_differs(opened, tmp_path):
    with opened() as run:
        assert CropRecipe.from_json(run.sink.table.description) == run.recipe
    with pytest.raises(ConfigError, match=r"of another preparation: faces is largest, not all; max_clips is 8, not 4"):
        opened(max_clips=4, faces="all").__enter__()
    with pytest.raises(ConfigError, match=r"boxes_from is own, not original; accepted: the settings of the store"):
        opened(boxes_from="original", dry_run=True).__enter__()
    assert len(list((tmp_path / "store" / "runs").iterdir())) == 1


def test_a_dry_run_writes_nothing_and_knows_what_is_there(opened, tmp_path):
    with opened(dry_run=True) as run:
        assert isinstance(run.sink, ListSink)
        assert len(names_of(plan_for(run))) == 4
    assert not (tmp_path / "store").exists()
    with opened() as run:
        prepare_all(run)
    before = sorted(tmp_path.rglob("*"))
    with opened(with_split("val"), dry_run=True) as run:
        assert isinstance(run.sink, TableSink)
        assert names_of(plan_for(run)) == set()
        assert len(run.labelled.relabelled) == 4
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_odd_about_labels_is_said(opened):
    shared = [ROWS[0], ROWS[1] | {"split": "val"}, *ROWS[2:]]
    with opened(shared, boxes_from="original") as run:
        assert run.notes == (
            "1 people are in several splits, as the splits were given: anna",
            "1 fakes have no original: they are cropped where their own faces are",
        )
    with opened(output=str(run.plan_folder.parent / "other")) as run:
        assert run.notes == ()


def test_a_run_keeps_its_settings_and_an_error_leaves_a_summary(opened, tmp_path):
    with pytest.raises(RuntimeError), opened(window_s=30.0) as run:
        raise RuntimeError("a bug")
    settings = tomllib.loads(run.run_folder.settings_path.read_text())
    assert (settings["window_s"], settings["max_clips"], settings["boxes_from"]) == (30.0, 8, "own")
    assert settings["identity"] == run.identity
    summary = json.loads(run.run_folder.summary_path.read_text())
    assert (summary["exit_code"], summary["preparation_id"]) == (1, run.recipe.preparation_id)
    assert run.store_uri == str(tmp_path / "store")


def test_whoever_waits_is_told_of_an_error(opened):
    with listening(200) as (url, heard), pytest.raises(RuntimeError), opened(notify=f"{url}/SECRET") as run:
        raise RuntimeError("a bug")
    ((_, _, content),) = heard
    assert content["text"] == f"preparation {run.identity['run_id']} ended with exit code 1 (ended by an error)"
    assert run.resolved["notify"] == url


def test_labels_that_cannot_be_meant_are_refused_before_anything_is_made(opened, tmp_path):
    with pytest.raises(ConfigError, match="1 rows have a label that is none"):
        opened([{"path": "a.mp4", "label": "maybe"}]).__enter__()
    assert not (tmp_path / "store").exists()
