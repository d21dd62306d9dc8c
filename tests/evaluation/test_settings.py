"""Settings of an evaluation."""

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.settings import EvaluateSettings


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_lies_within_zero_and_one(threshold):
    with pytest.raises(ConfigError, match=r"--threshold is .*; accepted: 0 to 1"):
        EvaluateSettings(threshold=threshold)


def test_figures_go_into_a_csv_in_a_folder_that_is_there(tmp_path):
    EvaluateSettings(csv=tmp_path / "x.csv")
    for path in (tmp_path / "x.txt", tmp_path / "no" / "x.csv"):
        with pytest.raises(ConfigError, match=r"accepted: a .csv in a folder that is there"):
            EvaluateSettings(csv=path)
