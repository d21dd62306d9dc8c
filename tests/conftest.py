"""What every test shares: shapes checked at run time, the shared media, one thread for torch."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

PURE_ROOMS = ("records", "archive", "video", "faces", "model", "results", "datasets")
# Ray cannot send hooked classes to its processes, so only what stays with the driver or is a plain function.
PURE_MODULES = tuple(f"scan.{name}" for name in ("commit", "plan", "rows", "settings", "sinks", "verdict"))
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
os.environ.setdefault("OMP_NUM_THREADS", "1")
install_import_hook([f"gsgmodel.{name}" for name in PURE_ROOMS + PURE_MODULES], CHECKER)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and hostile media, described by its manifest; tests that need it skip without it."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("GSG_SHARED", str(default))) / "data"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"needs the shared media, not found in {folder} (set GSG_SHARED)")
    return folder
