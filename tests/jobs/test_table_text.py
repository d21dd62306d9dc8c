"""What is said of a table, line by line."""

import json

import pytest

from gsgmodel.evaluation.verify import Verified
from gsgmodel.upkeep.checks import Check
from gsgmodel.upkeep.maintenance import Unneeded
from gsgmodel.upkeep.status import ScoringStatus, TableStatus
from jobs.table_text import SHOWN, check_lines, status_lines, tell, unneeded_lines, verified_line


def status(**changes):
    scoring = ScoringStatus(
        scoring_id="s",
        models=["models:/gsg/1", "models:/gsg@champion (version 1)"],
        by_status={"scored": 2, "no_face": 1},
        last_scored_at="2026-11-24T06:30:00+00:00",
    )
    facts = {
        "uri": "/out/videos",
        "version": 7,
        "schema_versions": [1, 2],
        "rows": 3,
        "videos": 3,
        "uris": 2,
        "files": 4,
        "files_bytes": 1_500_000,
        "small_files": 3,
        "newest_run": "run-1",
        "scorings": [scoring],
        "latest_by_status": {"scored": 2},
    }
    return TableStatus(**(facts | changes))


def test_a_table_is_told_in_a_few_lines():
    assert status_lines(status()) == [
        "table /out/videos, version 7, columns of version 1, 2",
        "3 rows of 3 videos; 4 files, 1.5 MB, 3 of them small",
        "newest run run-1, last row 2026-11-24T06:30:00+00:00",
        "scoring s, model models:/gsg/1 and models:/gsg@champion (version 1): no_face 1, scored 2",
        "newest row of each of 2 names: scored 2",
    ]


def test_an_empty_table_is_told_in_two():
    nothing = {"rows": 0, "videos": 0, "uris": 0, "files": 0, "files_bytes": 0, "small_files": 0}
    empty = status(**nothing, newest_run=None, scorings=[], latest_by_status={}, schema_versions=[])
    assert status_lines(empty) == ["table /out/videos, version 7", "0 rows of 0 videos; 0 files, 0 B, 0 of them small"]


def test_a_check_is_a_line_with_examples_below_that_cannot_move_the_cursor():
    check = Check(name="files", verdict="wrong", text="1 are missing", examples=("a\x1b[2Jb is missing",))
    assert check_lines(check) == ["wrong  files      1 are missing", f"{'':17} a\\x1b[2Jb is missing"]


def unneeded(**changes):
    return Unneeded(**({"superseded": {"a": 700}, "orphans": {"b\n": 800}, "foreign": {}} | changes))


@pytest.mark.parametrize(("is_dry_run", "verb"), [(True, "would delete"), (False, "deleted")])
def test_what_is_deleted_is_named(is_dry_run, verb):
    assert unneeded_lines(unneeded(), is_dry_run=is_dry_run) == [
        f"  {verb} a",
        f"  {verb} b\\n",
        f"{verb} 2 files, 1.5 kB: 1 that no snapshot needs any more, 1 that no commit names",
    ]


def test_many_are_not_all_named_and_what_is_not_ours_is():
    many = unneeded(superseded={f"{number}": 1 for number in range(SHOWN + 5)}, orphans={}, foreign={"notes.txt": 3})
    lines = unneeded_lines(many, is_dry_run=True)
    assert len(lines) == SHOWN + 3
    assert lines[SHOWN] == "  would delete 5 more"
    assert lines[-1] == "left alone, not the table's: notes.txt"


def test_a_verified_video_is_a_line():
    moved = Verified(uri="file:///a%20b.mp4", outcome="moved", before=0.25, now=0.75, text="")
    assert verified_line(moved) == "moved    0.2500 -> 0.7500      /a b.mp4"
    gone = Verified(uri="s3://b/a.mp4", outcome="changed", before=0.25, now=None, text="missing")
    assert verified_line(gone) == "changed  0.2500 -> missing     s3://b/a.mp4"


def test_sentences_or_one_line_of_json(capsys):
    tell(["one", "two"], {"rows": 1}, as_json=False)
    assert capsys.readouterr() == ("one\ntwo\n", "")
    tell(["one"], {"rows": 1}, as_json=True)
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == ({"rows": 1}, "one\n")
    tell([], as_json=True)
    assert capsys.readouterr() == ("", "")
