"""What a system is: an architecture as plain data, the network made of it, and how it is told, trained and compared.

A system is one way of telling fake faces: the network of the paper, or one that the paper compares with. Each lives in
one file that ends with a ``System``; ``gsgmodel.model.systems`` finds it by name. Everything else asks the system, its
architecture or its network, and no other code knows any system by name:

- The architecture (``Architecture``) is a frozen dataclass. It is kept in ``model.json``, says which crops it takes,
  and equal ones give equal text.
- The network (``gsgmodel.model.network.ClipNetwork``) takes clips (B, T, 3, H, W) and returns a ``ClipOutput``;
  ``learn`` returns the loss beside it; ``backbone`` is what starts from weights of others, has a learning rate of its
  own, runs in bfloat16, and makes the maps that Grad-CAM looks at.
- The system names both, turns what a user sets into an architecture and an objective, and says what differs from
  what was published.

Plain data and no torch, so that a command line can be parsed at once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar, get_args, get_origin, runtime_checkable

import numpy as np
from jaxtyping import Int64

from gsgmodel.errors import ConfigError
from gsgmodel.model.objective import Objective

if TYPE_CHECKING:
    from gsgmodel.model.network import ClipNetwork

Config = TypeVar("Config")
SYSTEM_KEY = "model"
"""Of an architecture's JSON: the system's name; without it, the architecture is of the paper's network."""
ALONE = Objective(cross_entropy="fusion", guide_weight=0.0)
"""With one stream there is nothing to guide."""
_EXACT = 2**53


@runtime_checkable
class Architecture(Protocol):
    """What all code but a system's own file knows of its architecture."""

    @property
    def system(self) -> str:
        """Name of the system."""
        ...

    @property
    def backbone(self) -> str:
        """What the features come from, for people."""
        ...

    @property
    def score_fusion(self) -> bool:
        """Whether both streams make the score, or the fusion stream alone."""
        ...

    @property
    def has_idle_parameters(self) -> bool:
        """Whether a step of training may leave parameters without a gradient."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Every value, for JSON."""
        ...

    def check_crops(self, *, num_frames: int, size_px: int) -> None:
        """Make sure that clips of such crops can be judged; that they cannot is a ``ConfigError``."""
        ...

    def patch_boxes(self, *, size_px: int) -> Int64[np.ndarray, "P 4"]:
        """The windows of a crop under each patch of ``ClipOutput.patches``: ``x0 y0 x1 y1``, half-open."""
        ...


@dataclass(frozen=True, kw_only=True)
class OneStreamConfig:
    """Architecture of a system with one stream: which crops it was published with, and what its file adds.

    Raises:
        ConfigError: A size is out of range.
    """

    system: ClassVar[str]
    score_fusion: ClassVar[bool] = True
    has_idle_parameters: ClassVar[bool] = False
    frames_per_clip: int = 12
    """Crops of a clip."""
    crop_size_px: int = 224
    """Side of a crop."""

    def __post_init__(self) -> None:
        for name, (least, most) in {"frames_per_clip": (1, 32), "crop_size_px": (32, 384)}.items():
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{name} is {getattr(self, name)}; accepted is {least} to {most}")

    @property
    def backbone(self) -> str:
        """What the features come from, for people."""
        return self.system

    def to_dict(self) -> dict[str, Any]:
        """Every value and the system's name, for JSON."""
        return {SYSTEM_KEY: self.system, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "OneStreamConfig":
        """Build from what ``to_dict`` returned, without the name; what is unknown or refused is a ``ConfigError``."""
        return built(cls, values)

    def check_crops(self, *, num_frames: int, size_px: int) -> None:
        """Make sure that clips are of the length and size that this network was built for.

        Raises:
            ConfigError: They are not.
        """
        if (num_frames, size_px) != (self.frames_per_clip, self.crop_size_px):
            raise ConfigError(
                f"clips have {num_frames} frames of {size_px} px, and {self.system} is built for "
                f"{self.frames_per_clip} of {self.crop_size_px} px; accepted: clips made with ./gsg prepare "
                f"--frames-per-clip {self.frames_per_clip} --crop-size-px {self.crop_size_px}, or a network built for "
                f"these with --option frames_per_clip={num_frames} --option crop_size_px={size_px}"
            )

    def patch_boxes(self, *, size_px: int) -> Int64[np.ndarray, "P 4"]:
        """None: there are no patches."""
        del size_px
        return np.zeros((0, 4), dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class System:
    """One way of telling fake faces."""

    name: str
    """As ``--model`` of a training has it, and under which its models are registered."""
    title: str
    """As the paper's tables have it."""
    architecture: Callable[[Mapping[str, Any]], Architecture]
    """From what ``to_dict`` returned, without the system's name; what is refused is a ``ConfigError``."""
    configure: Callable[[Any, Mapping[str, Any]], Architecture]
    """The architecture that a user set: of the settings of the paper's network, and the options of any other. What this
    system does not have is a ``ConfigError``."""
    network: "Callable[[Any], ClipNetwork]"
    """Of an architecture, with initial weights."""
    objective: Callable[[Objective], Objective]
    """What is minimised, of what a user set; what cannot be is a ``ConfigError``."""
    is_faithful: bool
    """Whether the network and its training are those that were published."""
    differs: str
    """From what was published, in one sentence."""
    has_imagenet: bool
    """Whether the default architecture starts from ImageNet's weights."""
    takes_paper_settings: bool = False
    """Whether it is set by the flags of the paper's network, instead of by options."""
    small: Mapping[str, Any] = field(default_factory=dict)
    """Options with which it trains on a CPU within minutes, for made data."""

    @property
    def fidelity(self) -> str:
        """``faithful`` or ``approximate``, and what differs."""
        return f"{'faithful' if self.is_faithful else 'approximate'}: {self.differs}"


def options_alone(kind: "type[OneStreamConfig]") -> Callable[[Any, Mapping[str, Any]], OneStreamConfig]:
    """Return what configures a system that has options and none of the settings of the paper's network."""

    def configure(paper: Any, options: Mapping[str, Any]) -> OneStreamConfig:
        if paper != type(paper)():
            raise ConfigError(
                f"settings of the paper's network are given with --model {kind.system}; accepted with it: --option "
                f"NAME=VALUE of {', '.join(each.name for each in fields(kind))}"
            )
        return kind.from_dict(options)

    return configure


def only_alone(given: Objective) -> Objective:
    """The objective of a system with one stream.

    Raises:
        ConfigError: Something else than the default or that was set.
    """
    if given not in {Objective(), ALONE}:
        raise ConfigError(
            "--cross-entropy, --guide-weight and --detach-global are of the paper's two streams; accepted with this "
            "--model: none of them"
        )
    return ALONE


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE``, with numbers, true and false as in JSON and anything else as text.

    >>> parse_options(["crop_size_px=112", "backbone=tiny"])
    {'crop_size_px': 112, 'backbone': 'tiny'}

    Args:
        texts: As given.

    Raises:
        ConfigError: One has no name, or a name comes twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, is_named, value = text.partition("=")
        if not name or not is_named or name in found:
            raise ConfigError(f"--option is {text!r}; accepted: NAME=VALUE, each name once")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def option_texts(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The inverse of ``parse_options``."""
    return tuple(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in values.items())


def built(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Build a dataclass of plain values; those that are missing take their defaults.

    Args:
        kind: Its class.
        values: By name.

    Raises:
        ConfigError: A key is unknown, or a value has the wrong type or is refused.
    """
    kinds = {each.name: each.type for each in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        raise ConfigError(f"architecture has unknown keys {', '.join(unknown)}; known are {', '.join(kinds)}")
    return kind(**{name: _checked(name, value, kinds[name]) for name, value in values.items()})


def _checked(name: str, value: Any, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ConfigError(f"{name} is {value!r}; accepted are {', '.join(get_args(kind))}")
        return value
    if kind is float and type(value) is int and abs(value) < _EXACT:
        # 0 and 0.0 are the same setting and must give the same text.
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} is {value!r}; accepted is a value of type {kind.__name__}")
    return value
