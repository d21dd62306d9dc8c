"""The page of explanations."""

import base64
import io
import re

import numpy as np
from PIL import Image

from gsgmodel.report.explanation import clip_parts, explanation_page
from tests.report.conftest import HOSTILE, make_video


def test_every_model_has_its_scores_verdict_and_strips():
    videos = {"a.mp4": [make_video("full"), make_video("local only", score=0.25)]}
    page = explanation_page(videos, thresholds={"full": 0.5, "local only": 0.5}, show_faces=False)
    assert page.count("<article>") == 2
    assert page.count("FAKE") == 1
    assert page.count("chosen patches</figcaption>") == 2
    assert "frames 0.50 0.75 1.00" in page
    assert "Faces are blurred" in page


def test_a_video_without_a_score_says_why():
    failed = make_video(clips=[], status="unreadable", error_text="<b>moov</b>", score=None)
    page = explanation_page({HOSTILE[0]: [failed]}, thresholds={"m": None}, show_faces=True)
    assert "unreadable: &lt;b&gt;moov&lt;/b&gt;" in page
    assert "<img" not in page


def test_pictures_are_part_of_the_page_and_as_large_as_it_says():
    (part,) = clip_parts(make_video(), show_faces=True)
    for strip in part["strips"]:
        content = base64.b64decode(re.fullmatch(r"data:image/jpeg;base64,(.*)", strip["uri"])[1])
        picture = Image.open(io.BytesIO(content))
        assert picture.size == (strip["width"], strip["height"])
        assert np.asarray(picture).std() > 1
