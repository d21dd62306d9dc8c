"""The command that makes the environment and starts jobs, tried on a small project whose installation takes seconds."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

BACKEND = '''
import zipfile
from pathlib import Path

INFO = "tiny-1.0.dist-info"


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """Write a wheel that points at this folder and count the installations."""
    with Path("installations.txt").open("a") as log:
        log.write("installed\\n")
    name = "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        wheel.writestr("tiny.pth", str(Path.cwd()))
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    return name
'''

JOB = '''"""Say what arrived."""

import json
import os
import sys

said = {"arguments": sys.argv[1:], "cwd": os.getcwd(), "ray": os.environ["RAY_USAGE_STATS_ENABLED"]}
if __name__ == "__main__":
    sys.stdout.write(json.dumps(said))
    sys.exit(len(sys.argv) - 1)
'''

PROJECT = """
build-system = { requires = [], build-backend = "backend", backend-path = ["."] }
project = { name = "tiny", version = "1.0" }
"""


class Tree:
    """A project of one job in a folder whose name has spaces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "jobs").mkdir(parents=True)
        (folder / "tests").mkdir()
        shutil.copy2(ROOT / "gsg", folder / "gsg")
        (folder / "jobs" / "echo.py").write_text(JOB)
        (folder / "jobs" / "shared.py").write_text('"""What jobs share."""\n')
        (folder / "backend.py").write_text(BACKEND)
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "requirements.txt").write_text("# nothing\n")
        (folder / "tests" / "requirements.txt").write_text("# nothing\n")

    @property
    def num_installations(self) -> int:
        log = self.folder / "installations.txt"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def start(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.folder / "gsg"), *arguments],
            cwd=cwd or self.folder,
            env={"PATH": os.environ["PATH"], "GSG_PYTHON": sys.executable, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, cwd=cwd, **environment)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def a_tool(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def bare_path(tmp_path) -> Path:
    """A PATH on which there is no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "sed", "grep", "cksum", "mkdir", "rm"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Installed once; each test changes what it is about."""
    tree = Tree(tmp_path_factory.mktemp("gsg") / "with two spaces")
    first = tree.run("echo")
    assert first.returncode == 0, first.stderr
    assert tree.num_installations == 1
    return tree


def test_the_first_start_says_what_it_does_and_keeps_stdout_for_the_job(tmp_path):
    tree = Tree(tmp_path / "fresh")
    run = tree.run("echo")
    assert run.returncode == 0
    assert "7 GB" in run.stderr
    assert run.stdout.startswith('{"arguments"')
    assert (tree.folder / ".venv" / "install.log").read_text()


def test_arguments_working_folder_and_exit_code_pass_through(tree, tmp_path):
    arguments = ["a b", "", "--x=*", "$HOME", "é'\"", "-n"]
    run = tree.run("echo", *arguments, cwd=tmp_path)
    assert run.returncode == len(arguments)
    assert json.loads(run.stdout) == {"arguments": arguments, "cwd": str(tmp_path), "ray": "0"}
    assert run.stderr == ""


def test_a_later_start_installs_nothing_and_is_quick(tree):
    def own_time_s() -> float:
        before_s = time.perf_counter()
        tree.run("echo", GSG_PYTHON="")
        whole_s = time.perf_counter() - before_s
        before_s = time.perf_counter()
        python = tree.folder / ".venv" / "bin" / "python"
        subprocess.run([python, tree.folder / "jobs" / "echo.py"], env={"RAY_USAGE_STATS_ENABLED": "0"}, check=False)
        return whole_s - (time.perf_counter() - before_s)

    before = tree.num_installations
    assert min(own_time_s() for _ in range(5)) < 0.1
    assert tree.num_installations == before


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_changed_requirements_are_installed_once(tree, name):
    before = tree.num_installations
    with (tree.folder / name).open("a") as file:
        file.write("# changed\n")
    for _ in range(2):
        assert tree.run("echo").returncode == 0
    assert tree.num_installations == before + 1


def test_an_interrupted_installation_is_made_anew(tree):
    (tree.folder / "requirements.txt").write_text("./slow\n")
    slow = tree.folder / "slow"
    slow.mkdir()
    (slow / "pyproject.toml").write_text(PROJECT)
    (slow / "backend.py").write_text("import time\ntime.sleep(600)\n")
    left = tree.folder / ".venv" / "left_behind"
    left.touch()
    process = tree.start("echo")
    log = tree.folder / ".venv" / "install.log"
    give_up_s = time.monotonic() + 30
    while "Processing" not in (log.read_text() if log.exists() else "") and time.monotonic() < give_up_s:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (tree.folder / "requirements.txt").write_text("# nothing\n")
    run = tree.run("echo")
    assert run.returncode == 0, run.stderr
    assert not left.exists()


def test_two_at_once_wait_for_each_other(tree):
    before = tree.num_installations
    with (tree.folder / "requirements.txt").open("a") as file:
        file.write("# changed for two\n")
    both = [tree.start("echo"), tree.start("echo")]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert tree.num_installations == before + 1
    assert sum("waiting" in err for _, err in said) == 1


def test_a_failed_installation_is_one_sentence_and_is_tried_again(tree):
    (tree.folder / "requirements.txt").write_text("./not-there\n")
    run = tree.run("echo")
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("gsg: could not install requirements.txt (")
    assert run.stderr.endswith("/.venv/install.log.\n")
    assert "not-there" in (tree.folder / ".venv" / "install.log").read_text()
    (tree.folder / "requirements.txt").write_text("# nothing\n")
    assert tree.run("echo").returncode == 0


def test_a_moved_project_gets_a_new_environment_without_cuda_if_asked(tree, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(tree.folder, moved, symlinks=True)
    wanted = "# a comment\nnvidia-nccl-cu13==0\ncuda-toolkit==0 ; sys_platform == 'linux'\ntriton==0\n"
    (moved / "requirements.txt").write_text(wanted)
    environment = {"PATH": os.environ["PATH"], "GSG_PYTHON": sys.executable, "GSG_CPU": "1"}
    run = subprocess.run([moved / "gsg", "echo"], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert str(moved) in next((moved / ".venv").glob("lib/python*/site-packages/tiny.pth")).read_text()
    assert str(moved) in (moved / ".venv" / "bin" / "pip").read_text()


@pytest.fixture
def checked_tree(tree) -> Tree:
    """Stand-ins for the tools: each notes how it was called and fails where the environment says so."""
    stand_in = "import os, sys\nname = os.path.basename(sys.argv[0]).removesuffix('.py')\n"
    stand_in += "print(name, *sys.argv[1:], sep='|')\nsys.exit(7 if os.environ.get('FAILS') == name else 0)\n"
    for name in ("ruff", "mypy", "pytest"):
        (tree.folder / f"{name}.py").write_text(stand_in)
    a_tool(tree.folder / ".venv" / "bin" / "lint-imports", f"#!{sys.executable}\n{stand_in}")
    return tree


def test_checks_run_in_order_and_end_with_the_tests(checked_tree):
    run = checked_tree.run("test", "tests/a b.py", "--slow", "-x", cwd=Path("/"))
    calls = [line for line in run.stdout.splitlines() if not line.startswith("==")]
    assert calls == ["ruff|check", "ruff|format|--check", "mypy", "lint-imports", "pytest|-m|not gpu|tests/a b.py|-x"]
    last = [checked_tree.run("test", *flags).stdout.splitlines()[-1] for flags in ((), ("--slow",))]
    assert last == ["pytest|-n|2|--dist|loadfile", "pytest|-m|not gpu"]


@pytest.mark.parametrize(("name", "num_steps"), [("ruff", 1), ("mypy", 3), ("lint-imports", 4), ("pytest", 5)])
def test_a_failing_check_is_the_last_one_and_gives_its_exit_code(checked_tree, name, num_steps):
    run = checked_tree.run("test", FAILS=name)
    assert run.returncode == 7
    assert run.stdout.count("== ") == num_steps


def test_an_unknown_job_is_refused_with_the_nearest_name(tree):
    run = tree.run("ecko")
    assert run.returncode == 2
    assert run.stderr == "gsg: there is no job 'ecko'; nearest: echo; ./gsg lists them.\n"


@pytest.mark.parametrize("name", ["../backend", "_echo", "jobs/echo", "-x", "shared"])
def test_only_jobs_are_run(tree, name):
    assert tree.run(name).returncode == 2


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_help_lists_every_job_with_its_first_line_and_needs_no_environment(tree, bare_path, arguments):
    run = tree.run(*arguments, PATH=str(bare_path), GSG_PYTHON="")
    assert run.returncode == 0
    assert "  echo       Say what arrived.\n" in run.stdout
    assert "  test " in run.stdout
    assert "shared" not in run.stdout


def test_a_missing_python_is_named_in_one_sentence(tmp_path, bare_path):
    run = Tree(tmp_path / "tree").run("echo", PATH=str(bare_path), GSG_PYTHON="")
    assert run.returncode == 1
    assert run.stderr == "gsg: needs Python 3.11 to 3.14 and found none; install one, or name it in GSG_PYTHON.\n"


def test_an_old_python_is_named_with_its_version(tmp_path, bare_path):
    old = a_tool(bare_path / "python3", "#!/bin/sh\necho 3.9\n")
    run = Tree(tmp_path / "tree").run("echo", PATH=str(bare_path), GSG_PYTHON="")
    assert run.returncode == 1
    assert "found none; python3 is 3.9; install one" in run.stderr
    run = Tree(tmp_path / "other").run("echo", GSG_PYTHON=str(old))
    assert run.returncode == 1
    assert run.stderr == f"gsg: GSG_PYTHON must name a Python 3.11 to 3.14, got '{old}'; {old} is 3.9.\n"


def test_a_python_without_venv_is_named_with_what_to_install(tmp_path, bare_path):
    a_tool(bare_path / "python3.12", "#!/bin/sh\ncase $2 in *ensurepip*) exit 1 ;; *) echo 3.12 ;; esac\n")
    run = Tree(tmp_path / "tree").run("echo", PATH=str(bare_path), GSG_PYTHON="")
    assert run.returncode == 1
    assert run.stderr.startswith(
        "gsg: python3.12 has no venv module; install it (Debian and Ubuntu: apt install python3"
    )


def test_it_can_be_started_through_a_link(tree, tmp_path):
    (link := tmp_path / "gsg").symlink_to(tree.folder / "gsg")
    run = subprocess.run([link, "echo", "x"], env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
    assert run.returncode == 1
    assert b"arguments" in run.stdout


def test_the_shell_is_portable():
    shellcheck = Path(sys.executable).with_name("shellcheck")
    files = [ROOT / "gsg", ROOT / ".ci" / "run"]
    run = subprocess.run([shellcheck, "--shell=sh", *files], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_the_build_backend_is_pinned_so_that_installing_the_project_fetches_nothing():
    assert "\nsetuptools==" in (ROOT / "requirements.txt").read_text()
