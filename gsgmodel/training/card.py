"""The model card: what people should know of a trained model, as plain JSON and as text."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gsgmodel.datasets.forge_kinds import KINDS
from gsgmodel.datasets.forge_methods import METHODS
from gsgmodel.model.systems import find_system
from gsgmodel.training.assess import Assessment
from gsgmodel.training.opening import Training

LIMITS = (
    "Scores hold for forgeries like those it was trained on; of others nothing is known until they are tested.",
    "A score is no proof: thresholds were fitted on the validation split, whose share of fakes is not the world's.",
)
MADE_LIMIT = "Its fakes were made by this project's own forgeries: it knows nothing about forgeries in the world."
MADE_METHODS = frozenset({"face_swap", *METHODS, *KINDS})
"""Methods of ``gsgmodel.datasets``' made forgeries."""


def card_of(
    training: Training,
    found: Assessment,
    *,
    history: Sequence[Mapping[str, float]],
    resumes: Sequence[Mapping[str, int]],
) -> dict[str, Any]:
    """Return the card as plain JSON.

    Args:
        training: How it was trained.
        found: How good it is.
        history: What each epoch came to.
        resumes: Where training went on from a checkpoint.
    """
    settings, videos = training.settings, training.store.videos
    methods = sorted(
        {
            str(method)
            for method, label in zip(videos["method"].to_pylist(), videos["label"].to_pylist(), strict=True)
            if label
        }
    )
    best = min(range(len(history)), key=lambda place: history[place]["val/loss"])
    system = find_system(settings.model)
    return {
        "model": system.title,
        "fidelity": system.fidelity,
        "training": f"run {training.run_id}",
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "digest": training.store.digest,
            "clips": dict(training.clips_by_split),
            "videos": dict(found.num_videos),
            "forgeries": methods,
        },
        "settings": {
            "epochs": settings.epochs,
            "epoch_kept": best + 1 if settings.keep == "best" else len(history),
            "batch_clips": settings.batch_clips,
            "backbone_weights": settings.start,
            "seed": settings.seed,
            "resumes": len(resumes),
        },
        "metrics": {split: dict(values) for split, values in found.metrics.items()},
        "auc_interval": list(found.auc_interval),
        "probes": dict(found.probes),
        "limits": [*([MADE_LIMIT] if MADE_METHODS & set(methods) else []), *LIMITS],
    }


def card_text(card: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    data, settings, test = card["data"], card["settings"], card["metrics"]["test"]
    low, high = card["auc_interval"]
    lines = [
        f"# {card['model']} model",
        "",
        f"Its network and training are {card['fidelity']}",
        "",
        f"Trained in {card['training']}, {card['trained_at']}.",
        "",
        f"Test split: AUC {_number(test['auc'])} (95 % interval {_number(low)} to {_number(high)}, videos of one "
        f"person drawn together), {data['videos']['test']} videos.",
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in card["limits"]),
        "",
        "## Data",
        "",
        f"- digest {data['digest']}",
        *(f"- {split}: {data['videos'].get(split, 0)} videos, {count} clips" for split, count in data["clips"].items()),
        f"- forgeries: {', '.join(data['forgeries'])}",
        "",
        "## Settings",
        "",
        *(f"- {name}: {value}" for name, value in settings.items()),
        "",
        "## Metrics",
        "",
        "| metric | " + " | ".join(card["metrics"]) + " |",
        "|---" * (1 + len(card["metrics"])) + "|",
        *(
            f"| {name} | " + " | ".join(_number(values.get(name)) for values in card["metrics"].values()) + " |"
            for name in test
        ),
        "",
        "What should tell nothing of the label, as AUC: "
        + ", ".join(f"{name} {_number(area)}" for name, area in card["probes"].items())
        + ".",
        "",
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.4g}"
