"""What a user can set for reports and explanations."""

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.report.settings import ExplainSettings, ReportSettings, make_folder, page_file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips": 0}, "--clips is 0"),
        ({"max_clips": 0}, "--max-clips is 0"),
        ({"window_s": 0.0}, "--window-s is 0.0"),
        ({"window_s": float("nan")}, "--window-s is nan"),
    ],
)
def test_explanations_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        ExplainSettings(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"top": -1}, "--top is -1; accepted: 0 to 500"),
        ({"top": 501}, "--top is 501"),
        ({"threshold": 1.5}, "--threshold is 1.5; accepted: 0 to 1"),
        ({"threshold": float("nan")}, "--threshold is nan"),
        ({"s3_endpoint": "http://me:secret@store"}, "--s3-endpoint"),
    ],
)
def test_reports_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        ReportSettings(output="results", **changes)


def test_a_folder_is_made_and_one_that_cannot_be_is_refused(tmp_path):
    assert make_folder(str(tmp_path / "a" / "b")).is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"--output is .* which cannot be made"):
        make_folder(str(tmp_path / "file"))


def test_a_page_goes_to_a_file_in_a_folder_that_is_there(tmp_path):
    assert page_file(str(tmp_path / "a.html")) == tmp_path / "a.html"
    for wrong in (tmp_path, tmp_path / "no" / "a.html"):
        with pytest.raises(ConfigError, match="accepted: the path of a file"):
            page_file(str(wrong))
