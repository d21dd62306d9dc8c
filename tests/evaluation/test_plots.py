"""Tables as pictures."""

import numpy as np
from PIL import Image

from gsgmodel.evaluation.ablations import ROWS, result_of
from gsgmodel.evaluation.plots import draw_rows
from tests.evaluation.test_ablations import predictions


def test_a_picture_has_a_panel_a_method_and_is_wider_for_more(tmp_path):
    rows = ROWS["temporal"]
    results = [result_of(row, [predictions(0), predictions(1)], seed=0) for row in rows]
    draw_rows(tmp_path / "a.png", results, title="temporal on x")
    picture = np.asarray(Image.open(tmp_path / "a.png").convert("L"))
    assert picture.shape[1] > 300 * len(results[0].figures) / 2
    assert (picture < 100).any()
