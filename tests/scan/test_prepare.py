"""An actor prepares one video a call, if the gate lets it."""

from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from gsgmodel.archive.listing import list_archive
from gsgmodel.datasets.made import make_frames
from gsgmodel.datasets.portraits import load_portrait
from gsgmodel.records import Preparation
from gsgmodel.scan import prepare as module
from gsgmodel.scan.labelled import LABELLED_SCHEMA
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.prepare import PrepareActor
from gsgmodel.scan.rows import HELD_BACK, PREPARED_SCHEMA, UNSAFE, crops_of, masks_of
from gsgmodel.scan.settings import RunSettings
from gsgmodel.video.write import Encoding, write_video

QUICK = Preparation(frames_per_clip=4, detect_long_side_px=160, crop_size_px=64)


@pytest.fixture
def reference(tmp_path):
    """Of a video of one face."""
    portrait = load_portrait("astronaut")
    frames = list(make_frames(portrait, None, rng=np.random.default_rng(0), num_frames=20, size_px=160))
    write_video(tmp_path / "video.mp4", frames, fps=10, encoding=Encoding(options={"preset": "ultrafast"}))
    return next(list_archive([str(tmp_path / "video.mp4")]))


class OpenGate:
    """Stands for the handle of the gate's actor; ``ray.get`` of its answer is the answer."""

    def __init__(self, *, is_open):
        self.asked = []
        self.enter = self
        self._is_open = is_open

    def remote(self, video_id):
        self.asked.append(video_id)
        return self._is_open


@pytest.mark.parametrize("is_open", [True, False])
def test_an_actor_asks_the_gate_and_answers_with_one_row(reference, monkeypatch, is_open):
    monkeypatch.setattr(module.ray, "get", lambda answer: answer)
    gate = OpenGate(is_open=is_open)
    actor = PrepareActor(preparation=QUICK, settings=RunSettings(), gate=gate)
    planned = {name: getattr(reference, name) for name in PLAN_SCHEMA.names}
    row = actor(pa.Table.from_pylist([planned], schema=PLAN_SCHEMA))
    assert gate.asked == [reference.video_id]
    assert row.schema.equals(PREPARED_SCHEMA)
    assert row.num_rows == 1
    assert row["status"].to_pylist() == [None if is_open else HELD_BACK]
    assert len(crops_of(row, 0, num_frames=4, size_px=64)) == (1 if is_open else 0)
    if is_open:
        assert row["prepare_cpu_s"][0].as_py() > 0
        assert row["sandbox"][0].as_py().startswith("process+limits")
        assert row["attempts"].to_pylist() == [1]


@pytest.mark.parametrize("level", ["require", "best-effort", "off"])
def test_a_row_says_what_its_decoder_had_given_up(reference, monkeypatch, level):
    monkeypatch.setattr(module.ray, "get", lambda answer: answer)
    actor = PrepareActor(preparation=QUICK, settings=RunSettings(sandbox=level), gate=OpenGate(is_open=True))
    planned = {name: getattr(reference, name) for name in PLAN_SCHEMA.names}
    monkeypatch.setattr("gsgmodel.video.sandbox.FULL", ("process", "limits", "hardware"))
    row = actor(pa.Table.from_pylist([planned], schema=PLAN_SCHEMA))
    if level == "require":
        assert row["status"].to_pylist() == [UNSAFE]
        assert "cannot give hardware" in row["error_text"][0].as_py()
    else:
        assert row["status"].to_pylist() == [None]
        assert (row["sandbox"][0].as_py() == "off") == (level == "off")
    assert row.schema.equals(PREPARED_SCHEMA)


def test_a_row_that_names_an_original_and_a_mask_is_prepared_with_them(reference, tmp_path, monkeypatch):
    monkeypatch.setattr(module.ray, "get", lambda answer: answer)
    blank = [np.full((160, 160, 3), 90, np.uint8)] * 20
    write_video(tmp_path / "fake.mp4", blank, fps=10, encoding=Encoding(options={"preset": "ultrafast"}))
    fake = next(list_archive([str(tmp_path / "fake.mp4")]))
    gate = OpenGate(is_open=True)
    actor = PrepareActor(preparation=QUICK, settings=RunSettings(), gate=gate)

    def prepared(**companions):
        planned = asdict(fake) | {"original": None, "mask": None} | companions
        return actor(pa.Table.from_pylist([planned], schema=LABELLED_SCHEMA))

    assert prepared()["status"].to_pylist() == ["no_face"]
    row = prepared(original=asdict(reference), mask=asdict(fake))
    assert row["status"].to_pylist() == [None]
    assert row.schema.equals(PREPARED_SCHEMA)
    assert len(crops_of(row, 0, num_frames=4, size_px=64)) == 1
    assert masks_of(row, 0, num_frames=4, size_px=64).shape == (1, 4, 64, 64)
    gone = asdict(reference) | {"uri": reference.uri + ".gone"}
    row = prepared(original=gone)
    assert row["status"].to_pylist() == ["missing"]
    assert row["error_text"][0].as_py().startswith(f"original {gone['uri']}: ")


def test_free_memory_goes_back_and_a_c_library_that_cannot_is_left_alone(monkeypatch):
    module.return_free_memory()
    monkeypatch.setattr(module.ctypes, "CDLL", lambda _name: object())
    module.return_free_memory()
