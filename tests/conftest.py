"""What every test shares: shapes checked at run time, the shared media, one thread for torch."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

PURE_ROOMS = ("records", "archive", "video", "faces", "model", "results", "datasets")
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
os.environ.setdefault("OMP_NUM_THREADS", "1")
install_import_hook([f"gsgmodel.{name}" for name in PURE_ROOMS], CHECKER)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and hostile media, described by its manifest; tests that need it skip without it."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("GSG_SHARED", str(default))) / "data"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"needs the shared media, not found in {folder} (set GSG_SHARED)")
    return folder
