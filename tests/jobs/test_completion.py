"""What may follow on a command line, and a real shell that completes it."""

import subprocess
from pathlib import Path

import pytest

from jobs.completion import app, candidates
from jobs.terminal import run_app

ROOT = Path(__file__).parents[2]
TYPED = """
source <(./gsg completion)
_gsg() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gsg_complete; echo "${COMPREPLY[@]}"; }
_gsg ./gsg sco
_gsg ./gsg table qu
_gsg ./gsg table query results/ "SELECT 1" --ro
_gsg ./gsg score archive/ --model m --not
_gsg ./gsg score my
"""


def test_jobs_come_first_then_commands_then_flags():
    assert {"score", "table", "train", "test"} <= set(candidates(()))
    assert {"query", "show", "export"} <= set(candidates(("table",)))
    assert {"--rows", "--json", "--help", "--config"} <= set(candidates(("table", "query")))
    assert {"--model", "--output"} <= set(candidates(("score",)))


def test_a_path_behind_a_job_leaves_its_flags_and_what_is_no_job_has_none():
    assert candidates(("score", "archive/")) == candidates(("score",))
    assert candidates(("nope",)) == []
    assert candidates(("../jobs/score",)) == []


def test_every_job_can_be_asked():
    for job in candidates(()):
        if job not in {"help", "lock", "test"}:
            assert "--help" in candidates((job,)), job


def test_a_shell_completes_names_and_flags():
    if not (ROOT / ".venv" / "bin" / "python").exists():
        pytest.skip("needs .venv beside gsg")
    out = subprocess.check_output(["bash", "-c", TYPED], cwd=ROOT, text=True, timeout=120)
    assert out.splitlines() == ["score", "query", "--rows", "--notify", ""]


def test_the_script_is_printed(capfd):
    assert run_app(app, []) == 0
    assert "complete -o default" in capfd.readouterr().out
