"""What there is to tell MLflow of a run."""

import json

import pytest

from gsgmodel.tracking.messages import MAX_TEXT_LENGTH, beginning_of, end_of, point_of, text_of

SETTINGS = {
    "input": ["s3://archive/a", "b.mp4"],
    "output": "s3://me:hunter22@results",
    "limit": None,
    "nested": {"window_s": 60.0, "deeper": {"faces": "all"}},
    "identity": {"run_id": "20260101T000000-1", "scoring_id": "abc", "model_uri": "models:/gsg/3"},
}


def test_settings_become_parameters_and_the_identity_tags():
    begun = beginning_of(SETTINGS, experiment="some")
    assert (begun.experiment, begun.name) == ("some", "20260101T000000-1")
    assert begun.params == {
        "input": '["s3://archive/a", "b.mp4"]',
        "output": "s3://[hidden]@results",
        "limit": "null",
        "nested/window_s": "60.0",
        "nested/deeper/faces": "all",
    }
    assert begun.tags == {
        **SETTINGS["identity"],
        "input": '["s3://archive/a", "b.mp4"]',
        "output": "s3://[hidden]@results",
    }
    kept = json.loads(begun.files["settings.json"])
    assert kept == {**SETTINGS, "output": "s3://[hidden]@results"}


def test_settings_without_an_identity_have_a_name_all_the_same():
    assert beginning_of({"limit": 1}, experiment="some").name == "run"


def test_a_run_may_have_a_name_of_its_own():
    assert beginning_of(SETTINGS, experiment="some", run_name="night").name == "night"


def test_a_summary_becomes_metrics_tags_and_a_file():
    summary = {
        "run_id": "R",
        "exit_code": 0,
        "wall_s": 2.5,
        "by_status": {"scored": 3, "no_face": 1},
        "is_untrained": True,
        "threshold": None,
        "videos_per_s": float("nan"),
        "notes": ["by http://me:hunter22@mlflow"],
    }
    end = end_of(summary, {"more.txt": b"more"}, failed=False)
    assert end.metrics == {"exit_code": 0.0, "wall_s": 2.5, "by_status/scored": 3.0, "by_status/no_face": 1.0}
    assert end.tags == {"run_id": "R", "is_untrained": "true"}
    assert sorted(end.files) == ["more.txt", "summary.json"]
    assert json.loads(end.files["summary.json"])["by_status"] == summary["by_status"]
    assert b"hunter22" not in end.files["summary.json"]


@pytest.mark.parametrize(
    ("code", "failed", "status"),
    [
        (0, False, "FINISHED"),
        (3, False, "FINISHED"),
        (1, True, "FAILED"),
        (130, False, "KILLED"),
        (143, True, "KILLED"),
    ],
)
def test_the_status_is_killed_after_a_signal(code, failed, status):
    assert end_of({"exit_code": code}, {}, failed=failed).status == status


def test_a_point_holds_numbers_only():
    point = point_of({"videos": 3, "rate": float("inf")}, step=7)
    assert (point.metrics, point.step) == ({"videos": 3.0}, 7)
    assert point.time_ms > 1.7e12


def test_long_texts_are_cut():
    assert len(text_of("x" * 10_000)) == MAX_TEXT_LENGTH
    assert text_of("x" * MAX_TEXT_LENGTH) == "x" * MAX_TEXT_LENGTH
