"""The job that lets people judge, and the way of their labels back to training."""

import csv
import json

import pytest
from PIL import Image

from jobs.review import app
from tests.jobs.test_report import scanned

__all__ = ["scanned"]


@pytest.fixture
def run(running):
    return running(app)


def test_flagged_videos_are_judged_and_become_a_manifest_that_prepare_reads(run, scanned, tmp_path):
    from gsgmodel.datasets.labelled import read_labels

    code, out, err = run("export", scanned / "out", "review", "--threshold", "0", "--json")
    assert (code, json.loads(out)) == (0, {"flagged": 2, "written": 2, "pictures": 2, "threshold": 0.0})
    assert "2 of 2 videos flagged at 0, 2 pictures: review/review.csv" in err
    with (tmp_path / "review" / "review.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert float(lines[0]["score"]) >= float(lines[1]["score"])
    assert all(Image.open(tmp_path / "review" / line["picture"]).width > 1000 for line in lines)
    for line, label in zip(lines, ("fake", "real"), strict=True):
        line["label"] = label
    with (tmp_path / "filled.csv").open("w") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)
    code, out, err = run("import", "filled.csv", "reviewed.csv", "--json")
    assert (code, json.loads(out)) == (0, {"manifest": "reviewed.csv", "real": 1, "fake": 1})
    assert "next: gsg prepare reviewed.csv" in err
    found = read_labels([str(tmp_path / "reviewed.csv")])
    assert {uri: each.label for uri, each in found.items()} == {lines[0]["uri"]: 1, lines[1]["uri"]: 0}


def test_a_second_export_keeps_what_people_filled_in(run, scanned, tmp_path):
    tokens = ["export", scanned / "out", "review", "--threshold", "0", "--no-pictures"]
    assert run(*tokens)[0] == 0
    before = (tmp_path / "review" / "review.csv").read_text()
    code, _, err = run(*tokens)
    assert code == 2
    assert "somebody may have filled in" in err
    assert (tmp_path / "review" / "review.csv").read_text() == before


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["export", "{out}", "review"], "has no threshold; accepted: --threshold"),
        (["export", "{out}", "review", "--threshold", "2"], "--threshold is 2.0"),
        (["export", "{out}", "review", "--top", "0"], "--top is 0"),
        (["export", "nowhere", "review"], "there is no table of results"),
        (["import", "nowhere.csv", "m.csv"], "which cannot be read"),
        (["import", "empty.csv", "m.csv"], "in which nothing is labelled"),
        (["import", "labelled.csv", "labelled.csv"], "MANIFEST is 'labelled.csv'; accepted: a new file"),
        (["import", "labelled.csv", "no/m.csv"], "accepted: a new file in a folder that is there"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(run, scanned, tmp_path, tokens, message):
    (tmp_path / "empty.csv").write_text("label,uri\n,a\n")
    (tmp_path / "labelled.csv").write_text("label,uri\nreal,a\n")
    code, out, err = run(*(token.format(out=scanned / "out") for token in tokens))
    assert (code, out) == (2, "")
    assert message in err
    assert (tmp_path / "labelled.csv").read_text() == "label,uri\nreal,a\n"
