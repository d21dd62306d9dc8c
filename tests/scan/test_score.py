"""An actor replaces crops by scores and lets rows without clips pass."""

from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
import safetensors.numpy

from gsgmodel.errors import Status
from gsgmodel.model.scoring import score_clips
from gsgmodel.records import FaceClip
from gsgmodel.scan import score as module
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.rows import DRIFTED, HELD_BACK, SCORED_SCHEMA, held_back_row, prepared_row
from gsgmodel.scan.score import ScoreActor, drift_now, drift_of
from gsgmodel.scan.session import NO_POOLS, Session
from gsgmodel.scoring.canary import make_canary
from gsgmodel.scoring.prepare import PreparedVideo
from tests.small_model import FRAMES, draw_crops, make_network, write_files


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture
def files(tmp_path, network):
    return partial(write_files, tmp_path / "model", network)


def planned(ref, number):
    return {name: getattr(ref(number), name) for name in PLAN_SCHEMA.names}


def face_clips(crops):
    return [
        FaceClip(
            track_id=0,
            start_s=float(index),
            end_s=index + 1.0,
            time_s=np.arange(FRAMES, dtype=np.float64),
            boxes_px=np.zeros((FRAMES, 4), np.float32),
            detected=np.ones(FRAMES, bool),
            crops=clip,
            is_reduced=False,
        )
        for index, clip in enumerate(crops)
    ]


@pytest.fixture
def actor(files, monkeypatch):
    monkeypatch.setattr(module.ray, "get", lambda value: value)
    return ScoreActor(model=files(), batch_clips=4, device="cpu")


def test_an_actor_replaces_crops_by_scores_and_passes_rows_without_clips(actor, ref, network):
    clips = draw_crops(3)
    batch = pa.concat_tables(
        [
            prepared_row(planned(ref, 0), PreparedVideo(decoder="av 1", clips=face_clips(clips[:2])), cpu_s=0.5),
            prepared_row(planned(ref, 1), PreparedVideo(decoder="av 1", status=Status.NO_FACE), cpu_s=0.25),
            held_back_row(planned(ref, 2)),
            prepared_row(
                planned(ref, 3), PreparedVideo(decoder="av 1", clips=face_clips(clips[2:]), notes=["noted"]), cpu_s=0.5
            ),
        ]
    )
    table = actor(batch)
    assert table.schema.equals(SCORED_SCHEMA)
    first, without, held, last = table.to_pylist()
    assert [row["video_id"] for row in (first, without, held, last)] == [ref(n).video_id for n in range(4)]
    assert [row["status"] for row in (first, without, held, last)] == ["scored", "no_face", HELD_BACK, "scored"]
    assert (first["num_clips"], last["num_clips"], without["num_clips"]) == (2, 1, 0)
    assert (without["score"], without["faces"], without["prepare_cpu_s"]) == (None, [], 0.25)
    assert last["notes"] == ["noted"]
    # A model that was not found fit for bfloat16, whatever the machine has.
    assert [row["numerics"] for row in (first, without, held, last)] == ["float32", None, None, "float32"]
    alone = score_clips(network, clips[2:], device="cpu")
    margins = np.array([alone.global_margins[0], alone.fusion_margins[0]])
    assert last["score"] == pytest.approx(float((1 / (1 + np.exp(-margins))).mean()), abs=1e-6)
    assert len(first["faces"][0]["clips"]) == 2
    assert first["score_cpu_s"] == pytest.approx(2 * last["score_cpu_s"])
    assert without["score_cpu_s"] == 0


def test_a_batch_of_failures_passes_without_the_network(actor, ref, monkeypatch):
    calls = []
    monkeypatch.setattr("gsgmodel.scoring.network.launch", lambda *_args, **_kwargs: calls.append(1))
    rows = [
        prepared_row(planned(ref, number), PreparedVideo(decoder="av 1", status=status), cpu_s=0.0)
        for number, status in enumerate(Status)
        if status != Status.SCORED
    ]
    table = actor(pa.concat_tables(rows))
    assert table["status"].to_pylist() == [status.value for status in Status if status != Status.SCORED]
    assert calls == []


def canary_of(files, *, moved=0.0):
    content = make_canary(files, np.stack(draw_crops(2)))
    held = safetensors.numpy.load(content)
    held["said"] += moved
    return safetensors.numpy.save(held, metadata={"model_digest": files.digest})


def test_an_actor_that_judges_the_models_own_clips_as_they_were_judged_scores(files, monkeypatch, ref):
    monkeypatch.setattr(module.ray, "get", lambda value: value)
    actor = ScoreActor(model=files(), batch_clips=4, device="cpu", canary=canary_of(files()))
    batch = prepared_row(planned(ref, 0), PreparedVideo(decoder="av 1", clips=face_clips(draw_crops(1))), cpu_s=0.5)
    assert actor(batch)["status"].to_pylist() == [Status.SCORED]


def test_an_actor_that_judges_them_otherwise_scores_nothing_and_says_so(files, monkeypatch, ref):
    monkeypatch.setattr(module.ray, "get", lambda value: value)
    actor = ScoreActor(model=files(), batch_clips=4, device="cpu", canary=canary_of(files(), moved=0.02))
    batch = prepared_row(planned(ref, 0), PreparedVideo(decoder="av 1", clips=face_clips(draw_crops(1))), cpu_s=0.5)
    row = actor(batch)
    assert row.schema.equals(SCORED_SCHEMA)
    assert row["status"].to_pylist() == [DRIFTED]
    assert "judges otherwise on this machine" in row["error_text"][0].as_py()


def test_without_a_canary_nothing_can_drift(files):
    assert drift_of(files(), None, device="cpu") == ""
    session = Session(pools=NO_POOLS, gate=None, processes=())
    assert drift_now(session, model=files(), canary=None) == ""


def test_a_model_that_is_fit_for_bfloat16_is_judged_in_it_where_the_machine_has_it(files, monkeypatch, ref):
    monkeypatch.setattr(module.ray, "get", lambda value: value)
    monkeypatch.setattr("gsgmodel.model.numerics.has_bfloat16", lambda _: True)
    fit = replace(files(), settings=replace(files().settings, bfloat16=True))
    batch = prepared_row(planned(ref, 0), PreparedVideo(decoder="av 1", clips=face_clips(draw_crops(1))), cpu_s=0.5)
    scores = {}
    for numerics in ("auto", "float32"):
        (row,) = ScoreActor(model=fit, batch_clips=4, device="cpu", numerics=numerics)(batch).to_pylist()
        scores[row["numerics"]] = row["score"]
    assert scores["bfloat16"] == pytest.approx(scores["float32"], abs=0.01)
