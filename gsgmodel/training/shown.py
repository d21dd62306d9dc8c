"""What people and MLflow see of a training while it runs."""

import sys
from collections.abc import Callable, Mapping

from gsgmodel.training.desk import Point
from gsgmodel.training.opening import Training

_SHOWN = ("train/loss", "train/ce_global", "train/ce_fusion", "train/guide", "val/loss", "val/auc")


def begin_text(training: Training) -> list[str]:
    """Return in sentences what is about to be trained, and on what."""
    settings, counts = training.settings, training.clips_by_split
    clips = ", ".join(f"{split} {count}" for split, count in counts.items())
    name = f"{settings.model} with {settings.network.backbone}"
    lines = [
        f"training {name} ({settings.start} weights) for {settings.epochs} epochs on {training.store.uri}: "
        f"clips {clips}",
    ]
    if settings.resume:
        return [*lines, f"going on with run {training.run_id}"]
    return [*lines, f"run {training.run_folder.uri}"]


def printer(training: Training) -> Callable[[Point], None]:
    """Return what shows a point: an epoch's results as a line, and everything in MLflow."""
    epochs = training.settings.epochs

    def show(point: Point) -> None:
        is_epoch = "val/loss" in point.metrics
        if training.tracked:
            training.tracked.log(point.metrics, step=point.step)
        if is_epoch:
            sys.stderr.write(f"epoch {point.step}/{epochs}: {metrics_text(point.metrics)}\n")
            sys.stderr.flush()

    return show


def metrics_text(metrics: Mapping[str, float]) -> str:
    """Return the numbers of an epoch that people follow.

    >>> metrics_text({"train/loss": 1.25, "val/auc": 0.5, "train/p_global": 0.3})
    'train/loss 1.250, val/auc 0.500'
    """
    return ", ".join(f"{name} {metrics[name]:.3f}" for name in _SHOWN if name in metrics)
