"""An actor that prepares and scores answers as one of each stage would."""

import numpy as np
import pyarrow as pa
import pytest

from gsgmodel.archive.listing import list_archive
from gsgmodel.datasets.made import make_frames
from gsgmodel.datasets.portraits import load_portrait
from gsgmodel.scan import prepare as module
from gsgmodel.scan.joint import JointActor
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.prepare import PrepareActor
from gsgmodel.scan.rows import HELD_BACK, SCORED_SCHEMA
from gsgmodel.scan.score import ScoreActor
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.video.write import Encoding, write_video
from tests.small_model import make_network, write_files

CPU_TIMES = ("prepare_cpu_s", "score_cpu_s")


class Gate:
    """Stands for the handle of the gate's actor; ``ray.get`` of its answer is the answer."""

    def __init__(self, *, is_open):
        self.enter = self
        self._is_open = is_open

    def remote(self, _):
        return self._is_open


@pytest.fixture
def planned(tmp_path):
    """Rows of a video of one face and of a file that is none."""
    folder = tmp_path / "videos"
    folder.mkdir()
    portrait = load_portrait("astronaut")
    frames = list(make_frames(portrait, None, rng=np.random.default_rng(0), num_frames=20, size_px=160))
    write_video(folder / "face.mp4", frames, fps=10, encoding=Encoding(options={"preset": "ultrafast"}))
    (folder / "none.mp4").write_bytes(b"no video" * 100)
    refs = list(list_archive([str(folder)]))
    rows = [{name: getattr(ref, name) for name in PLAN_SCHEMA.names} for ref in refs]
    return [pa.Table.from_pylist([row], schema=PLAN_SCHEMA) for row in rows]


@pytest.fixture
def stages(tmp_path, monkeypatch):
    """What each stage is made with."""
    monkeypatch.setattr(module.ray, "get", lambda value: value)
    files = write_files(tmp_path / "model", make_network())
    preparing = {"preparation": files.settings.preparation, "settings": ScanSettings(), "gate": Gate(is_open=True)}
    return preparing, {"model": files, "batch_clips": 4, "device": "cpu"}


def test_one_actor_answers_as_one_of_each_stage_does(planned, stages):
    preparing, scoring = stages
    joint, prepare, score = (
        JointActor(preparing=preparing, scoring=scoring),
        PrepareActor(**preparing),
        ScoreActor(**scoring),
    )
    statuses = []
    for batch in planned:
        found = joint(batch)
        assert found.schema.equals(SCORED_SCHEMA)
        assert found.drop_columns(CPU_TIMES).equals(score(prepare(batch)).drop_columns(CPU_TIMES))
        statuses += found["status"].to_pylist()
    assert sorted(statuses) == ["scored", "unreadable"]


def test_what_the_gate_holds_back_passes_unscored(planned, stages):
    preparing, scoring = stages
    joint = JointActor(preparing=preparing | {"gate": Gate(is_open=False)}, scoring=scoring)
    (row,) = joint(planned[0]).to_pylist()
    assert (row["status"], row["score"]) == (HELD_BACK, None)
