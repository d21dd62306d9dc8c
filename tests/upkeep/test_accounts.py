"""The summaries of runs are held against the rule that every planned video is somewhere."""

import json

import pytest

from gsgmodel.results.runs import RunFolder
from gsgmodel.upkeep.accounts import check_runs

SOUND = {"planned": 5, "committed": 2, "unfinished": 1, "left": 2, "lost": 0, "exit_code": 0}


@pytest.fixture
def checked(output):
    def check(**summaries):
        for run_id, summary in summaries.items():
            folder = RunFolder.create(output.uri, run_id, s3_endpoint=output.s3_endpoint)
            folder.write_settings({"limit": 1})
            if summary is not None:
                folder.place.write(
                    "summary.json", summary if isinstance(summary, bytes) else json.dumps(summary).encode()
                )
        return list(check_runs(output.place))

    return check


def test_runs_that_account_for_their_videos_are_sound(checked):
    (check,) = checked(one=SOUND, two=SOUND | {"planned": 3, "left": 0})
    assert (check.verdict, check.text) == (
        "ok",
        "2 account for every video that they planned, none of which was lost",
    )


def test_a_run_whose_numbers_do_not_add_up_is_wrong(checked):
    (check,) = checked(one=SOUND, two=SOUND | {"planned": 3})
    assert (check.verdict, check.text) == ("wrong", "1 do not account for the videos that they planned")
    assert check.examples == ("two: 3 planned, but 2 committed + 1 unfinished + 2 left + 0 lost",)


def test_an_output_without_runs_is_sound(checked):
    (check,) = checked()
    assert (check.verdict, check.text[:2]) == ("ok", "0 ")


def test_lost_videos_are_wrong(checked):
    (check,) = checked(one=SOUND | {"planned": 6, "lost": 1})
    assert check.examples == ("one: 1 of 6 lost",)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"planned": 5, "committed": "many"}', b"\xff"])
def test_a_summary_that_says_nothing_is_wrong(checked, content):
    (check,) = checked(one=content)
    assert check.verdict == "wrong"
    assert "summary.json has no" in check.examples[0]


def test_a_run_that_an_error_ended_is_worth_knowing_and_no_fault_of_the_table(checked):
    ok, note = checked(one=SOUND, two={"exit_code": 2, "reason": "no model"}, three={"exit_code": 1})
    assert (ok.verdict, ok.text[:2]) == ("ok", "1 ")
    assert (note.verdict, note.text) == ("note", "2 ended by an error before their account")
    assert note.examples == ("three: no reason given", "two: no model")


def test_a_run_without_a_summary_was_killed_or_is_at_work(checked):
    ok, note = checked(one=SOUND, two=None)
    assert (ok.verdict, note.verdict) == ("ok", "note")
    assert (note.text, note.examples) == ("1 unfinished: killed, or still at work", ("two",))
