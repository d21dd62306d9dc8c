"""A check holds unless something is wrong, and shows some of what is."""

from gsgmodel.upkeep.checks import SHOWN, judged


def test_nothing_wrong_is_ok():
    check = judged("files", [], ok="all there", fault="are missing")
    assert (check.verdict, check.text, check.examples) == ("ok", "all there", ())


def test_what_is_wrong_is_counted_and_some_of_it_shown():
    check = judged("files", [f"file {number}" for number in range(SHOWN + 3)], ok="all there", fault="are missing")
    assert (check.name, check.verdict, check.text) == ("files", "wrong", f"{SHOWN + 3} are missing")
    assert check.examples == tuple(f"file {number}" for number in range(SHOWN))
