"""Whole preparations: killed and interrupted ones leave each video once, with the crops that the same code cuts."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.reading import open_object
from gsgmodel.clips.schema import INDEX_ROWS, SHARDS
from gsgmodel.clips.store import ClipStore
from gsgmodel.datasets.made import make_videos
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import Preparation
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.store_finish import StoreSummary
from gsgmodel.scoring.prepare import Companion, VideoPreparer
from jobs.prepare import app, prepare_archive
from tests.end_to_end.scans import ROOT, RunningScan

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
NUM_VIDEOS = 20
ACTORS = {"prepare": "MapWorker(MapBatches(PrepareActor))", "keep": "MapWorker(MapBatches(KeepActor))"}
StartPrepare = Callable[..., RunningScan]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of short videos, every fake with the real video before it as its original and as its mask."""
    folder = tmp_path_factory.mktemp("labelled")
    made = make_videos(folder, num_videos=NUM_VIDEOS, seconds=1.0, size_px=192, seed=5)
    (folder / "noise.mp4").write_bytes(b"no video at all")
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "identity", "original", "mask"])
        rows.writerow(["noise.mp4", "fake", "", "", ""])
        rows.writerow(["gone.mp4", "fake", "", "", ""])
        for before, video in zip([None, *made], made, strict=False):
            like = before.path.name if video.label and before else ""
            rows.writerow([video.path.name, video.label, video.path.name.split("_")[0], like, like])
    return folder / "labels.csv"


@pytest.fixture
def start_prepare() -> Iterator[StartPrepare]:
    """Starts preparations; what still runs afterwards is killed."""
    started: list[RunningScan] = []

    def start(*args: str | Path) -> RunningScan:
        command = [sys.executable, str(ROOT / "jobs" / "prepare.py"), *map(str, args), "--json"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(RunningScan(subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)))
        return started[-1]

    yield start
    for run in started:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
            run.process.communicate()


def actors(run: RunningScan, stage: str) -> list[psutil.Process]:
    found = []
    for process in run.family():
        try:
            if ACTORS[stage] in " ".join(process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def summary_in(out: str) -> dict[str, Any]:
    """The last line of standard output; Ray's notices of killed actors come before it."""
    summary: dict[str, Any] = json.loads(out.splitlines()[-1])
    return summary


def prepare_here(*args: str | Path) -> StoreSummary:
    """The job in this process, for runs that find nothing to prepare and start nothing."""
    inputs, *others = map(str, args)
    _, bound, *_ = app.parse_args([inputs, *others])
    summary = prepare_archive((inputs,), bound.kwargs["settings"])
    assert summary is not None
    assert summary.exit_code == 0
    return summary


def assert_crops_are_those_of_the_same_code(store: ClipStore, labels: Path, names: set[str]) -> None:
    """Every clip of some videos, bit by bit, as it is cut in this process."""
    preparation = Preparation()
    detector = FaceDetector.of(preparation)
    preparer = VideoPreparer(detector=detector, preparation=preparation, faces="largest", window_s=60.0, max_clips=8)
    with labels.open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}

    def opener(name: str) -> Callable[[], Any]:
        return partial(open_object, next(list_archive([str(labels.parent / name)])))

    for index, video in enumerate(store.videos["uri"].to_pylist()):
        name = video.rpartition("/")[2]
        if name not in names:
            continue
        like = rows[name]["original"]
        companion = Companion(name="like", open_source=opener(like)) if like else None
        expected = preparer.prepare(opener(name), original=companion, mask=companion)
        numbers = [n for n, of in enumerate(store.clips["video"].to_pylist()) if of == index]
        assert len(numbers) == len(expected.clips) > 0
        for number, clip in zip(numbers, expected.clips, strict=True):
            np.testing.assert_array_equal(store.read_crops(number), clip.crops)
            np.testing.assert_array_equal(store.clips["boxes_px"][number].as_py(), clip.boxes_px.ravel())
        for number, mask in zip(numbers, expected.masks, strict=False):
            np.testing.assert_array_equal(store.read_mask(number), mask)
        assert bool(expected.masks) == bool(like)


@dataclass
class StoreOnS3:
    """A clip store on the S3 server of the tests."""

    client: Any
    bucket: str
    endpoint: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/clips"

    @property
    def shards(self) -> set[str]:
        listed = self.client.list_objects_v2(Bucket=self.bucket, Prefix=f"clips/{SHARDS}/")
        return {each["Key"].rpartition("/")[2] for each in listed.get("Contents", [])}

    @property
    def index(self) -> dict[str, dict[str, Any]]:
        """Rows by file name; fails where a video has more than one."""
        rows = VideoTable.open(self.uri, s3_endpoint=self.endpoint, kind=INDEX_ROWS).rows().to_pylist()
        by_name = {row["uri"].rpartition("/")[2]: row for row in rows}
        assert len(by_name) == len(rows), "a video stands in the index twice"
        return by_name

    def open(self) -> ClipStore:
        return ClipStore.open(self.uri, s3_endpoint=self.endpoint)


def test_kills_and_a_stop_cost_retries_and_the_next_run_prepares_what_is_left(
    labelled: Path, s3: Any, bucket: str, s3_environment: str, start_prepare: StartPrepare
) -> None:
    store = StoreOnS3(s3, bucket, s3_environment)
    args = (labelled, "--output", store.uri, "--s3-endpoint", s3_environment, "--boxes-from", "original")
    run = start_prepare(*args, "--commit-s", "0.2")
    run.wait_for(lambda: bool(actors(run, "prepare")) and bool(actors(run, "keep")))
    actors(run, "prepare")[0].kill()
    run.wait_for(lambda: bool(store.shards))
    for process in actors(run, "keep"):
        process.kill()
    run.process.send_signal(signal.SIGTERM)
    code, out, err = run.finish()
    assert code == 143, err
    first = summary_in(out)
    assert first["planned"] == NUM_VIDEOS + 1 == first["committed"] + first["left"], err
    code, out, err = start_prepare(*args).finish()
    assert code == 0, err
    second = summary_in(out)
    assert second["planned"] == second["committed"] == first["left"]
    assert (second["left_out"]["missing"], second["not_there"][0].endswith("/gone.mp4 (missing)")) == (1, True)

    rows = store.index
    assert len(rows) == NUM_VIDEOS + 1
    assert rows.pop("noise.mp4")["status"] in {"unreadable", "unsupported"}
    assert {row["status"] for row in rows.values()} == {"prepared"}
    assert all(("boxes_from_original" in row["notes"]) == bool(row["original_uri"]) for row in rows.values())
    places = [(clip["shard"], clip["row"]) for row in rows.values() for clip in row["clips"]]
    assert len(set(places)) == len(places)
    assert {shard for shard, _ in places} <= store.shards
    opened = store.open()
    assert opened.clips.num_rows == len(places)
    assert set(opened.clips["split"].to_pylist()) <= {"train", "val", "test"}
    assert_crops_are_those_of_the_same_code(opened, labelled, {name for name in rows if name < "006"})

    third = prepare_here(*args)
    assert (third.planned, third.data_digest) == (0, opened.digest)
    in_test = prepare_here(*args, "--test-share", "1", "--val-share", "0")
    assert (in_test.planned, in_test.relabelled > 0) == (0, True)
    again = store.open()
    assert set(again.clips["split"].to_pylist()) == {"test"}
    np.testing.assert_array_equal(again.read_crops(2), opened.read_crops(2))
