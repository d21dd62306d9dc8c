"""Models on perturbed crops and videos."""

import numpy as np
import pytest

from gsgmodel.datasets.labelled import LabelledVideo
from gsgmodel.evaluation.robustness import (
    Outcome,
    Trial,
    levels_markdown,
    levels_rows,
    on_crops,
    on_videos,
    trials_of,
)
from tests.small_model import make_network, write_files
from tests.small_store import make_store


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("model") / "m", make_network())


def test_trials_are_the_videos_as_they_are_and_then_each_type_from_its_mildest_level():
    trials = trials_of(["blur", "jpeg"])
    assert [each.name for each in trials] == [
        "untouched",
        *(f"{kind} {n}" for kind in ("blur", "jpeg") for n in range(1, 6)),
    ]


def test_a_video_is_perturbed_alike_whenever_it_is_and_another_otherwise():
    frames = np.full((2, 64, 64, 3), 120, np.uint8)
    noise = Trial(kind="noise", level=5)
    one, same, other = (noise.frames(frames, key=key, seed=0, fps=1.0) for key in ("a", "a", "b"))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert Trial(kind=None, level=0).frames(frames, key="a", seed=0, fps=1.0) is frames


def test_crops_are_perturbed_and_untouched_ones_score_as_they_did(files, tmp_path):
    store = make_store(
        tmp_path / "clips", splits={"train": 2, "val": 2, "test": 6}, preparation=files.settings.preparation
    )
    trials = [Trial(kind=None, level=0), Trial(kind="contrast", level=5), Trial(kind=None, level=0)]
    first, changed, again = on_crops(store, files, trials, seed=0)
    assert (first.auc, first.accuracy) == (again.auc, again.accuracy)
    assert first.num_videos == changed.num_videos == 6
    assert first.coverage == 1.0


def test_videos_are_perturbed_before_faces_are_looked_for(files, tmp_path):
    from gsgmodel.archive.identity import canonical_uri
    from gsgmodel.datasets.made import make_videos

    videos = make_videos(tmp_path, num_videos=2, seconds=1.0, size_px=160)
    labels = {canonical_uri(video.path): _labelled(video) for video in videos}
    kinds = [("pixelation", 5), ("blocks", 1), ("compression", 5), ("frame_rate", 5)]
    trials = [Trial(kind=None, level=0), *(Trial(kind=kind, level=level) for kind, level in kinds)]
    first, pixels, blocks, *recoded = on_videos(labels, files, trials, seed=0)
    assert {each.coverage for each in recoded} == {1.0}
    assert first.coverage == 1.0
    assert first.num_videos == 2
    assert blocks.trial.name == "blocks 1"
    assert pixels.coverage <= first.coverage


def test_a_video_that_cannot_be_encoded_again_is_counted_and_not_guessed(files, tmp_path):
    from gsgmodel.archive.identity import canonical_uri

    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing" * 100)
    uri = canonical_uri(broken)
    video = LabelledVideo(
        uri=uri,
        label=1,
        method="x",
        identity=None,
        source_identity=None,
        split="test",
        original_uri=None,
        mask_uri=None,
    )
    for kind in ("compression", "blur"):
        (found,) = on_videos({uri: video}, files, [Trial(kind=kind, level=1)], seed=0)
        assert (found.coverage, found.auc, found.accuracy) == (0.0, None, None)


def _labelled(video):
    return LabelledVideo(
        uri=str(video.path), label=video.label, method=video.method, identity=video.target, source_identity=None,
        split="test", original_uri=None, mask_uri=None,
    )  # fmt: skip


def outcome(kind, level, auc):
    return Outcome(
        trial=Trial(kind=kind, level=level), auc=auc, auc_interval=None, accuracy=0.5, coverage=0.75, num_videos=8
    )


def test_the_table_has_a_line_a_type_and_the_mean_over_levels():
    outcomes = [outcome(None, 0, 0.9), *(outcome("blur", level, 0.9 - 0.1 * level) for level in range(1, 6))]
    text = levels_markdown(outcomes, at="crops")
    assert "| blur | - | - | - | - | - | 0.600 | 75.0% |" in text
    assert "AUC of 8 videos, crops perturbed" in text
    rows = levels_rows(outcomes)
    assert [row["amount"] for row in rows] == [None, 7, 9, 13, 17, 21]
    assert [row["perturbation"] for row in rows[:2]] == ["untouched", "blur"]
