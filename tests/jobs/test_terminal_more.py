"""How the jobs say what a run is about to do, whatever it does with videos."""

import json
from collections import Counter
from importlib import import_module
from pathlib import Path

import pyarrow as pa
from cyclopts import App

from gsgmodel.archive.candidates import LeftOut
from gsgmodel.scan.parts import end_parts, write_part
from gsgmodel.scan.plan import Plan
from jobs.terminal import examples_of, plan_text, print_plan, run_app


def test_a_preparation_is_told_in_its_own_words(tmp_path, capsys):
    plan = Plan(path=tmp_path / "plan", done="already prepared", num_videos=3, num_bytes=1500, is_listed=True)
    assert plan_text(plan, verb="prepare") == "3 videos to prepare, 1.5 kB"
    plan.is_listed = False
    assert plan_text(plan) == "3 videos to score so far, 1.5 kB"
    plan.is_listed = True
    plan.left_out = Counter({"already prepared": 2})
    assert plan_text(plan, verb="prepare") == "3 videos to prepare, 1.5 kB; 2 are prepared already"
    plan.path.mkdir()
    write_part(plan.path, 0, pa.table({"size_bytes": [700], "uri": ["file:///a%20b.mp4"]}))
    end_parts(plan.path)
    print_plan(plan, as_json=False, verb="prepare")
    assert capsys.readouterr().out.splitlines() == [
        "dry run: nothing is prepared",
        "  prepare       700 B  /a b.mp4",
        "  prepare   and 2 more",
        "would prepare 3 videos, 1.5 kB",
        "would leave out 2: already prepared, 0 B",
    ]


def planned(folder):
    """A plan's rows, of which one is there."""
    rows = pa.table({"uri": ["file:///a%20b.mp4"], "size_bytes": [1_500_000]})
    write_part(folder, 0, rows)
    end_parts(folder)
    return folder


def test_a_dry_run_prints_what_would_be_scored_and_what_not(capsys, tmp_path):
    plan = Plan(
        path=planned(tmp_path),
        num_videos=3,
        num_bytes=31_457_280,
        left_out=Counter({"suffix": 2, "already scored": 1}),
        left_out_bytes=Counter({"suffix": 17, "already scored": 1500}),
        suffixes=Counter({".txt": 2}),
        examples=[LeftOut(uri="file:///b.txt", size_bytes=17, reason="suffix", suffix=".txt")],
    )
    print_plan(plan, as_json=True)
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [
        "dry run: nothing is scored",
        "  score        1.5 MB  /a b.mp4",
        "  score     and 2 more",
        "  leave out      17 B  /b.txt  (suffix)",
        "would score 3 videos, 31.5 MB",
        "would leave out 2: suffix, 17 B",
        "would leave out 1: already scored, 1.5 kB",
    ]
    assert json.loads(last) == {
        "planned": 3,
        "planned_bytes": 31_457_280,
        "left_out": {"suffix": 2, "already scored": 1},
        "left_out_suffixes": {".txt": 2},
    }


def test_help_ends_with_the_examples_of_every_job_and_command(capfd):
    app = App(name="gsg thing", version_flags=[])

    @app.default
    def main() -> None:
        """Do it.

        Examples:
            gsg thing --now

            gsg thing other

        Raises:
            ValueError: Never.
        """

    @app.command
    def other() -> None:
        """Do another thing."""

    assert run_app(app, ["--help"]) == 0
    shown = capfd.readouterr().out
    assert shown.index("Commands") < shown.index("Examples:")
    assert "gsg thing --now" in shown
    assert "gsg thing other" in shown
    assert "Never" not in shown
    assert run_app(app, ["other", "--help"]) == 0
    assert "Examples:" not in capfd.readouterr().out


def test_all_jobs_teach_with_examples():
    for path in sorted((Path(__file__).parents[2] / "jobs").glob("[a-z]*.py")):
        if '\nif __name__ == "__main__"' in path.read_text():
            job = import_module(f"jobs.{path.stem}").app
            parts = [job, *(job[name] for name in job if not name.startswith("-"))]
            texts = [part.default_command.__doc__ for part in parts if part.default_command]
            assert any(examples_of(text) for text in texts), path
