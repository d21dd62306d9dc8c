"""What the network is trained towards, as plain data; ``gsgmodel.model.loss`` computes it."""

from dataclasses import dataclass
from typing import Literal, get_args

from gsgmodel.errors import ConfigError

CrossEntropy = Literal["sum", "mean", "averaged", "fusion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The total loss of Eq. 5 and what the paper leaves open of it."""

    cross_entropy: CrossEntropy = "sum"
    """Of both streams: their sum, their mean, of the averaged probability, or of the fusion stream alone."""
    guide_weight: float = 1.0
    """Factor of the global-stream guide loss; 0 leaves it out (Table 3, w/o GSG loss)."""
    detach_global: bool = True
    """Whether the guide loss leaves the global stream alone."""

    def __post_init__(self) -> None:
        check_loss(cross_entropy=self.cross_entropy, guide_weight=self.guide_weight, detach_global=self.detach_global)


def check_loss(*, cross_entropy: str, guide_weight: float, detach_global: bool) -> None:
    """Refuse settings that cannot train, before any training starts.

    Raises:
        ConfigError: A value is unknown or negative, or the global stream would only be pushed down.
    """
    if cross_entropy not in get_args(CrossEntropy):
        raise ConfigError(f"cross_entropy is {cross_entropy!r}; accepted are {', '.join(get_args(CrossEntropy))}")
    if not 0 <= guide_weight < float("inf"):
        raise ConfigError(f"guide_weight is {guide_weight}; accepted is 0 or more")
    if cross_entropy == "fusion" and guide_weight > 0 and not detach_global:
        raise ConfigError(
            "cross_entropy 'fusion' with detach_global off teaches the global stream nothing but to be wrong; "
            "use detach_global, another cross_entropy, or guide_weight 0"
        )
