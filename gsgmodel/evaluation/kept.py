"""Trainings of an evaluation that are done or can be gone on with, so that a second run trains what is missing."""

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gsgmodel.training.distributed import CHECKPOINTS
from gsgmodel.training.finish import MODEL
from gsgmodel.training.opening import BEGUN, OF_THIS_START, settings_of
from gsgmodel.training.settings import TrainSettings


def predictions_of(settings: TrainSettings, *, data_digest: str) -> pa.Table | None:
    """What a training with these settings on these clips said of held-out videos; None if none has ended well.

    Args:
        settings: Of the training; its output is a local folder.
        data_digest: Of the clips.
    """
    run = _ended_run(settings, data_digest=data_digest)
    return pq.read_table(io.BytesIO((run / "predictions.parquet").read_bytes())) if run else None


def model_of(settings: TrainSettings, *, data_digest: str) -> Path | None:
    """The folder of the model that such a training wrote; None if none has ended well.

    Args:
        settings: Of the training; its output is a local folder.
        data_digest: Of the clips.
    """
    run = _ended_run(settings, data_digest=data_digest)
    return run / MODEL if run else None


def unfinished_run(settings: TrainSettings, *, data_digest: str) -> str | None:
    """The last run with these settings on these clips that has a checkpoint and did not end well; None if none has.

    Args:
        settings: Of the training; its output is a local folder.
        data_digest: Of the clips.
    """
    for run in _runs(settings, data_digest=data_digest):
        if not _has_ended_well(run) and any((run / CHECKPOINTS).glob("*")):
            return run.name
    return None


def _ended_run(settings: TrainSettings, *, data_digest: str) -> Path | None:
    """The last run that learned the same and ended well."""
    return next((run for run in _runs(settings, data_digest=data_digest) if _has_ended_well(run)), None)


def _runs(settings: TrainSettings, *, data_digest: str) -> list[Path]:
    """Folders of runs that learn the same, the last first."""
    wanted = _what_is_learned(json.loads(json.dumps(asdict(settings))))
    found = []
    for path in sorted(Path(settings.output).glob(f"runs/*/{BEGUN}"), reverse=True):
        begun = json.loads(path.read_text())
        # A setting that came later has its usual value in runs from before.
        settled = json.loads(json.dumps(asdict(settings_of(begun["settings"]))))
        if begun["data_digest"] == data_digest and _what_is_learned(settled) == wanted:
            found.append(path.parent)
    return found


def _what_is_learned(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in OF_THIS_START}


def _has_ended_well(run: Path) -> bool:
    summary = run / "summary.json"
    return summary.is_file() and json.loads(summary.read_text()).get("exit_code") == 0
