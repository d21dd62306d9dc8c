"""A fixed video's scores, so that they cannot move unnoticed.

Measured on one machine with the instruction sets SSE4, AVX2 and AVX512 (by ``ATEN_CPU_CAPABILITY`` and
``ONEDNN_MAX_CPU_ISA``): they differ by less than 1e-7. The video is lossless, so that no encoder's version moves them.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import skimage.data

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.reading import open_object
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.model.reference import build_network, resolve_model
from gsgmodel.model.settings import PREPARATION
from gsgmodel.scan.opening import SCORING_REVISION
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.rows import prepared_row
from gsgmodel.scan.score import scored_row
from gsgmodel.scoring.network import ClipScorer, combine_with
from gsgmodel.scoring.prepare import VideoPreparer
from gsgmodel.video.write import Encoding, write_video

REVISION = 1
"""``SCORING_REVISION`` when the scores below were taken."""
SCORES = {
    1: {"score": 0.772231, "score_global": 0.709468, "score_fusion": 0.834993},
    3: {"score": 0.778834, "score_global": 0.703153, "score_fusion": 0.854515},
}
"""By ``detect_every`` of the preparation."""
CLIPS = {1: [0.780993, 0.762716], 3: [0.782253, 0.775253]}
TOLERANCE = 1e-4
ADVICE = (
    "scores of an unchanged video by an unchanged model moved: raise SCORING_REVISION in gsgmodel/scan/opening.py, so "
    "that tables do not mix old and new scores, and put the new scores and the revision here"
)


@pytest.fixture(scope="module", params=SCORES)
def row(tmp_path_factory, request):
    path = tmp_path_factory.mktemp("golden") / "golden.mkv"
    picture = skimage.data.astronaut()
    frames = [picture[2 * i : 256 + 2 * i, 96 + 3 * i : 352 + 3 * i] for i in range(20)]
    write_video(path, frames, fps=10, encoding=Encoding(codec="ffv1", pixel_format="yuv444p"))
    model = resolve_model("untrained", preparation=replace(PREPARATION, detect_every=request.param))
    preparation = model.settings.preparation
    detector = FaceDetector.of(preparation)
    listed = next(list_archive([str(path)]))
    video = VideoPreparer(
        detector=detector,
        preparation=preparation,
        faces="all",
        window_s=1.0,
        max_clips=32,
    ).prepare(partial(open_object, listed))
    planned = {name: getattr(listed, name) for name in PLAN_SCHEMA.names}
    prepared = prepared_row(planned, video, cpu_s=0.0).drop_columns(["crops"]).to_pylist()[0]
    scorer = ClipScorer(build_network(model), batch_clips=4, device="cpu")
    (scored,) = scorer.score([np.stack([clip.crops for clip in video.clips])])
    return scored_row(prepared, scored, combine=combine_with(model), cpu_s=0.0) | {"every": request.param}


def test_scores_move_only_with_the_scoring_revision(row):
    assert SCORING_REVISION == REVISION, "the revision was raised: put it and the new scores here"
    every = row["every"]
    found = {name: row[name] for name in SCORES[every]}
    assert found == pytest.approx(SCORES[every], abs=TOLERANCE), ADVICE
    assert [clip["score"] for clip in row["faces"][0]["clips"]] == pytest.approx(CLIPS[every], abs=TOLERANCE), ADVICE


@pytest.mark.parametrize("row", [1], indirect=True)
def test_the_tolerance_is_far_finer_than_what_it_is_to_notice(row):
    # The two seconds of one slowly moving face already differ by much more.
    first, second = (clip["score"] for clip in row["faces"][0]["clips"])
    assert abs(first - second) > 100 * TOLERANCE
