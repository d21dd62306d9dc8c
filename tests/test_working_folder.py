"""What ``ray job submit --working-dir .`` sends: the code and settings, and nothing that is large or private."""

import shutil
import zipfile
from pathlib import Path

from ray._private.runtime_env.packaging import create_package

ROOT = Path(__file__).resolve().parents[1]
STAYS = (
    *(".venv/bin/python", ".git/config", ".gsg/install.lock", ".env", "mlflow.db", "mlruns/1/meta.yaml", "notes.txt"),
    *("demo/videos/a.mp4", "results/videos/part-1.parquet", "results/runs/1/summary.json", "model/weights.safetensors"),
    *("tests/test_layout.py", "cluster/values.yaml", "gsgmodel/__pycache__/errors.cpython-311.pyc", "archive.csv"),
)
GOES = ("gsgmodel/__init__.py", "gsgmodel/scan/plan.py", "jobs/score.py", "pyproject.toml", "nightly.toml")


def test_the_code_and_the_settings_travel_and_nothing_else(tmp_path):
    folder = tmp_path / "checkout"
    for name in STAYS + GOES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content")
    for name in (".rayignore", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    create_package(str(folder), tmp_path / "sent.zip", include_gitignore=True)
    with zipfile.ZipFile(tmp_path / "sent.zip") as sent:
        assert sorted(sent.namelist()) == sorted(GOES)
