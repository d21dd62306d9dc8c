import numpy as np
import pytest

from gsgmodel.model.scoring import calibrate
from gsgmodel.records import Preparation
from gsgmodel.training.assess import DEFAULT_POINT, assess
from tests.small_store import make_store

SMALL = Preparation(frames_per_clip=2, crop_size_px=64)
SPLITS = {"train": 12, "val": 20, "test": 20}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips", splits=SPLITS, preparation=SMALL)


def margins(*, strength, seed=0):
    """Of both splits: fakes higher by a strength, with noise."""
    rng = np.random.default_rng(seed)
    found = {}
    for split in ("val", "test"):
        labels = np.arange(20) % 2
        found[split] = np.stack([strength * (2 * labels - 1) + rng.normal(size=20)] * 2, axis=1)
    return found


def test_what_is_fitted_comes_from_validation_alone(store):
    found = assess(store, margins(strength=1.0), score_fusion=True, seed=0)
    other = margins(strength=1.0)
    other["test"] = other["test"][::-1].copy()
    moved = assess(store, other, score_fusion=True, seed=0)
    assert (moved.calibration, moved.operating_points) == (found.calibration, found.operating_points)
    assert moved.metrics["val"] == found.metrics["val"]
    assert moved.metrics["test"]["auc"] == pytest.approx(1 - found.metrics["test"]["auc"])


def test_points_are_thresholds_of_calibrated_scores(store):
    found = assess(store, margins(strength=1.0), score_fusion=True, seed=0)
    assert set(found.operating_points) == {DEFAULT_POINT, "eer", "fpr_1", "fpr_01", "balanced"}
    assert found.operating_points[DEFAULT_POINT] == found.operating_points["eer"]
    of_val = found.predictions.filter(np.array(found.predictions["split"].to_pylist()) == "val")
    real = of_val["score"].to_numpy()[of_val["label"].to_numpy() == 0]
    assert not np.any(real >= found.operating_points["fpr_1"])


def test_predictions_are_the_calibrated_scores_of_both_splits(store):
    said = margins(strength=1.0)
    found = assess(store, said, score_fusion=True, seed=0)
    rows = found.predictions.to_pylist()
    assert [row["split"] for row in rows] == ["val"] * 20 + ["test"] * 20
    raw = 1 / (1 + np.exp(-said["val"][0, 0]))
    assert rows[0]["score"] == pytest.approx(calibrate(float(raw), found.calibration))
    assert found.num_videos == SPLITS


def test_the_interval_holds_the_area(store):
    found = assess(store, margins(strength=0.5), score_fusion=True, seed=0)
    low, high = found.auc_interval
    assert 0 <= low < found.metrics["test"]["auc"] < high <= 1


def test_what_gives_labels_away_is_found_and_said(store):
    # In these made clips colour alone tells, which is what a probe is for.
    found = assess(store, margins(strength=1.0), score_fusion=True, seed=0)
    assert found.probes["colour"] > 0.9
    assert 0.2 < found.probes["resolution"] < 0.8
    assert any(note.startswith("colour alone tells fakes from real ones (AUC 1.00)") for note in found.notes)
    assert not any("resolution" in note for note in found.notes)
