"""The plan is the account that a run is held to: what it counts, and how it says so."""

from gsgmodel.archive.candidates import LeftOut
from gsgmodel.scan.plan import DONE, MANY, MAX_EXAMPLES, Plan, left_out_text


def left_out(name, *, size_bytes=7, reason="suffix", suffix=".txt"):
    return LeftOut(uri=f"file:///archive/{name}", size_bytes=size_bytes, reason=reason, suffix=suffix)


def test_what_is_left_out_is_counted_by_reason_with_its_bytes_and_suffixes(tmp_path):
    plan = Plan(path=tmp_path)
    plan.leave_out(left_out("a.txt"))
    plan.leave_out(left_out("b", size_bytes=9, reason="filter", suffix=""))
    plan.leave_out(left_out("c.txt", size_bytes=1))
    assert plan.left_out == {"suffix": 2, "filter": 1}
    assert plan.left_out_bytes == {"suffix": 8, "filter": 9}
    assert plan.suffixes == {".txt": 2}
    assert [item.uri[-5:] for item in plan.examples] == ["a.txt", "ive/b", "c.txt"]


def test_examples_are_few_however_much_is_left_out(tmp_path):
    plan = Plan(path=tmp_path)
    for number in range(MAX_EXAMPLES + 5):
        plan.leave_out(left_out(f"{number}.txt"))
    assert len(plan.examples) == MAX_EXAMPLES
    assert plan.left_out["suffix"] == MAX_EXAMPLES + 5


def test_room_is_made_for_many_while_the_archive_is_listed(tmp_path):
    plan = Plan(path=tmp_path, num_videos=3)
    assert plan.num_expected == 3 + MANY
    plan.is_listed = True
    assert plan.num_expected == 3


def test_what_is_done_is_called_by_the_plans_own_word(tmp_path):
    plan = Plan(path=tmp_path, done="already prepared")
    plan.left_out["already prepared"] += 4
    assert plan.num_done == 4
    assert Plan(path=tmp_path).done == DONE


def test_what_was_left_out_reads_as_a_sentence_what_is_done_first():
    text = left_out_text({"suffix": 7, DONE: 2, "hidden": 1}, {".txt": 1, ".jpg": 6})
    assert text == "already scored 2, suffix 7, hidden 1 (.jpg 6, .txt 1)"
    assert left_out_text({}, {}) == ""
