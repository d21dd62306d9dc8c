"""The end of a training: held-out videos judged, the model written with what is known of it, and registered."""

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.model.settings import SETTINGS_NAME, ModelSettings
from gsgmodel.model.weights import WEIGHTS_NAME, ModelFiles, new_network, read_model, save_model
from gsgmodel.results.delta import parquet_bytes
from gsgmodel.scan.notify import notify
from gsgmodel.scoring.canary import CANARY_NAME, is_fit_for_bfloat16, make_canary
from gsgmodel.tracking.address import NO_TRACKING
from gsgmodel.tracking.promotion import DATA_DIGEST, TEST_AUC, TEST_AUC_HIGH, TEST_AUC_LOW
from gsgmodel.tracking.publish import Evidence, register_model
from gsgmodel.training.assess import Assessment, assess
from gsgmodel.training.card import card_of, card_text
from gsgmodel.training.loop import PREDICTIONS
from gsgmodel.training.opening import Training
from gsgmodel.training.settings import CHALLENGER
from gsgmodel.training.state import BEST, STATE

OK, FAILED = 0, 1
SIGNAL_CODE = 128
MODEL = "model"
"""Folder of the run that holds the trained model."""
CANARIES = 4
TRACKING_WAIT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class TrainingSummary:
    """A training in numbers; ``summary.json`` holds it."""

    run_id: str
    exit_code: int
    reason: str
    started_at: str
    wall_s: float
    store_uri: str
    data_digest: str
    epochs: int
    """That are done."""
    resumes: int
    """How often training went on from a checkpoint."""
    model: str | None
    """Where the trained model lies."""
    registered: str | None
    """Its reference in MLflow."""
    auc: float | None
    """Of the test split's videos."""
    auc_low: float | None
    """Of its 95 % interval, videos of one person drawn together."""
    auc_high: float | None
    metrics: Mapping[str, Any]
    """Of the validation and test splits."""
    probes: Mapping[str, float | None]
    """AUC of what should tell nothing of the label."""
    notes: tuple[str, ...] = ()


def finish(training: Training, checkpoint: Path) -> TrainingSummary:
    """Judge the held-out videos, write and register the model, and return the summary.

    Args:
        training: That ended.
        checkpoint: Its last one; the folder is used up. What cannot be written is an ``OutputError``.
    """
    try:
        best = safetensors.torch.load_file(checkpoint / BEST)
        margins = {split: each.numpy() for split, each in safetensors.torch.load_file(checkpoint / PREDICTIONS).items()}
        state: dict[str, Any] = json.loads((checkpoint / STATE).read_text())
    finally:
        shutil.rmtree(checkpoint, ignore_errors=True)
    settings = training.settings
    found = assess(training.store, margins, score_fusion=settings.network.score_fusion, seed=settings.seed)
    card = card_of(training, found, history=state["history"], resumes=state["resumes"])
    network = new_network(settings.network)
    network.load_state_dict(best)
    model = ModelSettings(
        architecture=settings.network,
        preparation=training.store.preparation,
        calibration=found.calibration,
        operating_points=found.operating_points,
        card=card,
    )
    with tempfile.TemporaryDirectory(prefix="gsg-model-") as scratch:
        folder = Path(scratch) / MODEL
        save_model(folder, network, model)
        files = read_model(folder)
        canary = _canary(training, files)
        files = replace(files, settings=replace(files.settings, bfloat16=is_fit_for_bfloat16(files, canary)))
        (folder / SETTINGS_NAME).write_text(files.settings.to_json())
        (folder / CANARY_NAME).write_bytes(canary)
        _write(training, folder, found, card_text(card), history=state["history"])
        registered, failure = _register(training, files, found, card=card_text(card), canary=canary)
    summary = _summary(
        training,
        exit_code=FAILED if failure else OK,
        reason=failure or "done",
        done=(len(state["history"]), len(state["resumes"])),
        found=found,
        registered=registered,
    )
    return _closed(training, summary)


def stopped(training: Training) -> TrainingSummary:
    """Return the summary of a training that a signal ended; its checkpoints are kept."""
    signum = training.stop.signum or 0
    summary = _summary(
        training,
        exit_code=SIGNAL_CODE + signum,
        reason=f"interrupted; go on with --resume {training.run_id}",
        done=(0, 0),
        found=None,
        registered=None,
    )
    return _closed(training, summary)


def registered_before(output: Path, *, data_digest: str, epochs: int) -> dict[str, Any] | None:
    """Return the summary of the last training of an output that registered a model; None if there was none.

    Args:
        output: A local folder.
        data_digest: Of the clips that it must have had.
        epochs: How long it must have been.
    """
    for path in sorted(output.glob("runs/*/summary.json"), reverse=True):
        summary: dict[str, Any] = json.loads(path.read_text())
        is_same = summary.get("data_digest") == data_digest and summary.get("epochs") == epochs
        if is_same and summary["registered"]:
            return summary
    return None


def summary_text(training: Training, summary: TrainingSummary) -> list[str]:
    """Return the summary as sentences, the exit code last."""
    lines = []
    if summary.auc is not None:
        test = summary.metrics["test"]
        lines.append(
            f"test: AUC {summary.auc:.3f} ({summary.auc_low:.3f} to {summary.auc_high:.3f}), "
            f"balanced accuracy {test['balanced_accuracy']:.3f}, EER {test['eer']:.3f}"
        )
        shown = ", ".join(f"{name} {'-' if area is None else f'{area:.3f}'}" for name, area in summary.probes.items())
        lines.append(f"what should tell nothing (AUC): {shown}")
    lines += summary.notes
    if summary.model:
        lines.append(f"model {summary.model}" + (f", registered as {summary.registered}" if summary.registered else ""))
    lines.append(f"run {training.run_folder.uri}")
    return [*lines, f"exit code {summary.exit_code}: {summary.reason}"]


def _canary(training: Training, files: ModelFiles) -> bytes:
    """A few clips of the test split, drawn by seed."""
    places = np.flatnonzero(np.array(training.store.clips["split"].to_pylist()) == "test")
    drawn = np.random.default_rng(training.settings.seed).permutation(places)[:CANARIES]
    return make_canary(files, np.stack([training.store.read_crops(int(place)) for place in np.sort(drawn)]))


def _write(training: Training, folder: Path, found: Assessment, card: str, *, history: list[dict[str, float]]) -> None:
    """Write the model and what is known of it into the run's folder.

    Raises:
        OutputError: If that cannot be done.
    """
    place = training.run_folder.place
    try:
        model = place / MODEL
        model.make()
        for name in (WEIGHTS_NAME, SETTINGS_NAME, CANARY_NAME):
            model.keep(folder / name, name)
        place.write("card.md", card.encode())
        place.write("history.json", json.dumps(history, indent=1).encode())
        place.write("predictions.parquet", parquet_bytes(found.predictions))
    except OSError as error:
        raise OutputError(f"the model cannot be written to {place.uri}: {error.strerror}") from error


def _register(
    training: Training, files: ModelFiles, found: Assessment, *, card: str, canary: bytes
) -> tuple[str | None, str | None]:
    """Register the model; its reference, or one sentence that says why there is none and what can be done."""
    if training.tracking_uri == NO_TRACKING or not training.settings.register:
        return None, None
    test = found.metrics["test"]
    evidence = Evidence(
        metrics={f"test/{name}": value for name, value in test.items() if value is not None},
        tags={
            DATA_DIGEST: training.store.digest,
            TEST_AUC: str(test["auc"]),
            TEST_AUC_LOW: str(found.auc_interval[0]),
            TEST_AUC_HIGH: str(found.auc_interval[1]),
            "gsg.training_run": training.run_id,
            "gsg.num_test_videos": str(found.num_videos["test"]),
        },
        files={"card.md": card.encode(), "predictions.parquet": parquet_bytes(found.predictions)},
        canary=canary,
    )
    name = training.settings.registered_name
    try:
        version = register_model(
            files,
            name=name,
            alias=CHALLENGER,
            tracking_uri=training.tracking_uri,
            evidence=evidence,
            run_id=training.tracked.run_id if training.tracked else None,
        )
    except ConfigError as error:
        kept = f"the model is kept in {training.run_folder.uri}/{MODEL}: ./gsg models register takes it from there"
        return None, f"{error}; {kept}"
    return f"models:/{name}/{version}", None


def _summary(
    training: Training,
    *,
    exit_code: int,
    reason: str,
    done: tuple[int, int],
    found: Assessment | None,
    registered: str | None,
) -> TrainingSummary:
    auc = found.metrics["test"]["auc"] if found else None
    wall_s = time.time() - training.started_at.timestamp()
    return TrainingSummary(
        run_id=training.run_id,
        exit_code=exit_code,
        reason=reason,
        started_at=training.started_at.isoformat(),
        wall_s=round(wall_s, 3),
        store_uri=training.store.uri,
        data_digest=training.store.digest,
        epochs=done[0],
        resumes=done[1],
        model=f"{training.run_folder.uri}/{MODEL}" if found else None,
        registered=registered,
        auc=auc,
        auc_low=found.auc_interval[0] if found else None,
        auc_high=found.auc_interval[1] if found else None,
        metrics=found.metrics if found else {},
        probes=found.probes if found else {},
        notes=found.notes if found else (),
    )


def _closed(training: Training, summary: TrainingSummary) -> TrainingSummary:
    """Write the summary into the run's folder and MLflow, and tell whoever waits; who was not told is a note."""
    content = asdict(summary)
    training.run_folder.write_summary(content)
    if training.tracked:
        training.tracked.finish(content, failed=summary.exit_code == FAILED, wait_s=TRACKING_WAIT_S)
    lost = notify(training.settings.notify, content, what="training")
    return replace(summary, notes=(*summary.notes, lost)) if lost else summary
