"""Versions: what is installed, and whether it is what was pinned."""

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gsgmodel.doctor.findings import Finding

PACKAGES = ("torch", "torchvision", "ray", "av", "deltalake", "pyarrow", "duckdb", "mlflow", "s3fs", "facenet-pytorch")
"""Those that decide on scores, on rows or on safety."""
OLDEST, NEWEST = (3, 11), (3, 14)


def check_software(requirements: Path) -> Iterator[Finding]:
    """Hold what is installed against what was pinned.

    Args:
        requirements: The file of pins; one that is not there is a warning.

    Yields:
        Findings on Python and on packages.
    """
    yield check_python(sys.version_info[:2])
    installed = {name: _version(name) for name in PACKAGES}
    try:
        pins = pins_of(requirements.read_text(encoding="utf-8"))
    except OSError:
        pins = {}
    yield check_packages(installed, pins)


def check_python(found: tuple[int, int]) -> Finding:
    """Whether this is a Python that is tested."""
    text = f"{found[0]}.{found[1]}"
    if OLDEST <= found <= NEWEST:
        return Finding(name="python", verdict="ok", text=text)
    return Finding(
        name="python",
        verdict="failed",
        text=f"{text} is not supported",
        fix="install Python 3.11 to 3.14 and name it in GSG_PYTHON",
    )


def pins_of(text: str) -> dict[str, str]:
    """Versions by package, of a file that pins them, as far as it is about this Python and machine.

    >>> pins_of("av==18.1.0 ; python_version >= '3'")
    {'av': '18.1.0'}
    """
    pins: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith(("#", " ", "-")):
            continue
        wanted = Requirement(line.partition(" --hash")[0].rstrip("\\ "))
        if wanted.marker is None or wanted.marker.evaluate():
            pins[canonicalize_name(wanted.name)] = str(wanted.specifier).removeprefix("==")
    return pins


def check_packages(installed: Mapping[str, str | None], pins: Mapping[str, str]) -> Finding:
    """Whether packages are those that are pinned: another version may score otherwise.

    Args:
        installed: Versions by package; None where one is missing.
        pins: The versions that were tested; empty where they are not known.
    """
    shown = ", ".join(f"{name} {found}" for name, found in installed.items() if found)
    if missing := [name for name, found in installed.items() if not found]:
        return Finding(
            name="packages",
            verdict="failed",
            text=f"missing: {', '.join(missing)}",
            fix="remove .venv, run ./gsg again",
        )
    # A local version such as 2.14.1+cpu is the same code built otherwise.
    others = [
        f"{name} {found} (pinned {pins[name]})"
        for name, found in installed.items()
        if name in pins and found and found.partition("+")[0] != pins[name].partition("+")[0]
    ]
    if others:
        return Finding(
            name="packages",
            verdict="warning",
            text=f"not what was tested: {', '.join(others)}",
            fix="remove .venv and run ./gsg again, or watch that canaries hold",
        )
    if not pins:
        return Finding(
            name="packages",
            verdict="warning",
            text=f"{shown}; requirements.txt is not here to compare with",
            fix="run it where the repository is",
        )
    return Finding(name="packages", verdict="ok", text=shown)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
