"""How the jobs say what a run is about to do, whatever it does with videos."""

from collections import Counter

from gsgmodel.scan.plan import Plan
from jobs.terminal import plan_text, print_plan


def test_a_preparation_is_told_in_its_own_words(tmp_path, capsys):
    plan = Plan(path=tmp_path / "plan", done="already prepared", num_videos=3, num_bytes=1500, is_listed=True)
    assert plan_text(plan, verb="prepare") == "3 videos to prepare, 1.5 kB"
    plan.is_listed = False
    assert plan_text(plan) == "3 videos to score so far, 1.5 kB"
    plan.is_listed = True
    plan.left_out = Counter({"already prepared": 2})
    assert plan_text(plan, verb="prepare") == "3 videos to prepare, 1.5 kB; 2 are prepared already"
    print_plan(plan, [{"size_bytes": 700, "uri": "file:///a%20b.mp4"}], as_json=False, verb="prepare")
    assert capsys.readouterr().out.splitlines() == [
        "dry run: nothing is prepared",
        "  prepare       700 B  /a b.mp4",
        "  prepare   and 2 more",
        "would prepare 3 videos, 1.5 kB",
        "would leave out 2: already prepared, 0 B",
    ]
