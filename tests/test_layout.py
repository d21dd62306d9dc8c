"""The rules of the repository that no linter knows: sizes, the tests' tree, the README's word, what may lie where."""

import importlib
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
TOP = {"jobs", "gsgmodel", "cluster", "tests", "requirements.txt", "README.md", "pyproject.toml", "gsg"}
IGNORED = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
WITHOUT_TEST_FILE: dict[str, str] = {}
"""Modules that need none, each with the reason."""
OF_THE_WHOLE = {
    "test_layout.py",
    "test_gsg.py",
    "test_package.py",
    "test_working_folder.py",
    "scan/test_golden_score.py",
    "video/test_shared_media.py",
}
"""Test files that prove more than one module."""
NOT_A_JOB = {"test", "lock", "help"}

# Put together here so that this file does not contain what it looks for.
FORBIDDEN = {
    "host of a registry": "|".join(
        (r"pypi\.o" + "rg", r"python" + r"hosted\.", r"download\.py" + "torch", r"npm" + "js")
    ),
    "path of one machine": r"(?<![\w.}])/(?:wo" + "rk|ro" + "ot|Us" + r"ers)/\w",
    "mark of unfinished work": r"\b(?:TO" + "DO|FIX" + "ME|XX" + "X|HA" + r"CK)\b",
}


def is_ignored(path: Path) -> bool:
    return any(fnmatch(part, pattern) for part in path.relative_to(ROOT).parts for pattern in IGNORED)


def files_under(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not is_ignored(path))


def entries(folder: Path) -> set[str]:
    """What a person sees in a folder; a folder without a file is not there, as in git."""
    names = {path.relative_to(folder).parts[0] for path in files_under(folder)}
    return {name for name in names if not name.startswith(".")}


SOURCES = [path for name in ("gsgmodel", "jobs") for path in files_under(ROOT / name) if path.suffix == ".py"]
OURS = [
    path for name in entries(ROOT) for path in ([ROOT / name] if (ROOT / name).is_file() else files_under(ROOT / name))
]
MODULES = [path.relative_to(ROOT) for path in SOURCES if path.name != "__init__.py"]


def most_lines(path: Path) -> int:
    is_job = path.parent.name == "jobs" and '\nif __name__ == "__main__"' in path.read_text()
    return 120 if is_job else 300


def test_a_file_has_at_most_300_lines_and_a_job_120():
    code = [path for path in OURS if path.suffix == ".py" or path.name == "gsg"]
    lengths = {path: len(path.read_text().splitlines()) for path in code}
    assert {path: length for path, length in lengths.items() if length > most_lines(path)} == {}


def test_every_module_has_its_test_file():
    wanted = {}
    for module in MODULES:
        parts = module.parts if module.parts[0] == "jobs" else module.parts[1:]
        wanted[str(module)] = Path("tests", *parts[:-1], f"test_{parts[-1]}")
    missing = {name for name, test in wanted.items() if not (ROOT / test).is_file()}
    assert missing == set(WITHOUT_TEST_FILE)


def test_every_test_file_belongs_to_a_module_or_to_the_whole():
    for path in files_under(ROOT / "tests"):
        name = path.relative_to(ROOT / "tests")
        if (
            not name.name.startswith("test_")
            or name.parts[0] in {"bench", "cluster", "end_to_end"}
            or str(name) in OF_THE_WHOLE
        ):
            continue
        # More than a file holds goes into another one with a longer name.
        words = name.stem.removeprefix("test_").split("_")
        modules = [name.with_name("_".join(words[:count]) + ".py") for count in range(1, len(words) + 1)]
        assert any(module in MODULES or "gsgmodel" / module in MODULES for module in modules), f"{path} tests no module"


def test_the_top_level_holds_what_belongs_there():
    assert entries(ROOT) <= TOP


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains_a(what):
    found = []
    for path in OURS:
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            if re.search(FORBIDDEN[what], line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not found


def test_code_is_ascii():
    assert [path for path in SOURCES if not path.read_text().isascii()] == []


def blocks() -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def tree_of_the_readme() -> dict[str, set[str]]:
    """Folder to the names below it, from the block whose lines are indented names with a remark each."""
    block = next(block for block in blocks() if re.search(r"^gsgmodel/ ", block, flags=re.MULTILINE))
    tree: dict[str, set[str]] = {"": set()}
    above = ""
    for line in block.splitlines():
        name = line.split()[0]
        if line.startswith(" "):
            tree[above].add(name.strip("/"))
        else:
            above = name.strip("/")
            tree[""].add(above)
            tree.setdefault(above, set())
        assert len(line.split()) > 1, f"{name} has no remark"
    return tree


def test_the_tree_in_the_readme_is_the_tree_on_disk():
    tree = tree_of_the_readme()
    assert tree.pop("") == entries(ROOT)
    for folder, below in tree.items():
        on_disk = entries(ROOT / folder) - {"__init__.py"} if (ROOT / folder).is_dir() else set()
        if folder in {"gsgmodel", "jobs"}:
            assert below == on_disk, folder
        else:
            assert below <= on_disk, folder


def commands() -> list[str]:
    lines = [line for block in blocks() for line in block.splitlines() if re.match(r"(\w+=\S+ )*\./gsg ", line)]
    inline = re.findall(r"`((?:\w+=\S+ )*\./gsg [^`]+)`", README)
    return sorted({line.split(" #")[0].strip() for line in lines + inline})


@pytest.mark.parametrize("command", commands())
def test_every_command_in_the_readme_is_one(command):
    words = shlex.split(command.partition("./gsg ")[2])
    name, arguments = words[0], words[1:]
    if name in NOT_A_JOB or name == "JOB":
        return
    job = ROOT / "jobs" / f"{name}.py"
    assert job.is_file(), f"there is no job {name}"
    app = importlib.import_module(f"jobs.{name}").app
    app.parse_args([word for word in arguments if word != "--help"], exit_on_error=False, print_error=False)


def test_the_readme_shows_commands():
    assert {"./gsg demo", "./gsg test"} <= set(commands())


def test_the_readme_has_a_paragraph_for_every_room():
    for room in sorted(path.name for path in (ROOT / "gsgmodel").iterdir() if path.is_dir() and entries(path)):
        assert f"**{room}**" in README, f"no paragraph for {room}"
