"""How learning rates move over the steps of a training: a pure function of the step."""

import math
from typing import Literal


def lr_factor(
    step: int,
    *,
    steps_per_epoch: int,
    epochs: int,
    schedule: Literal["cosine", "step", "constant"],
    warmup_epochs: float,
    fall: tuple[int, float] = (10, 0.1),
) -> float:
    """Return what the highest learning rate is multiplied by in one step.

    Args:
        step: From 0, over all epochs.
        steps_per_epoch: At least 1.
        epochs: Of the whole training.
        schedule: ``cosine`` falls to 0 by a half cosine after the warm-up, ``step`` by a factor every so many epochs,
            ``constant`` not at all.
        warmup_epochs: For so long the factor rises linearly, from above 0 to 1.
        fall: With ``step``, the epochs between two falls and the factor of each.

    Returns:
        0 to 1.
    """
    warmup_steps = round(warmup_epochs * steps_per_epoch)
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    if schedule == "step":
        every, factor = fall
        return float(factor ** (step // steps_per_epoch // every))
    if schedule == "constant":
        return 1.0
    length = max(1, steps_per_epoch * epochs - warmup_steps)
    return (1 + math.cos(math.pi * min(1.0, (step - warmup_steps) / length))) / 2
