"""What ``model.json`` says beside the weights: architecture, preparation, calibration, thresholds, card."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gsgmodel.errors import ConfigError
from gsgmodel.model.system import Architecture
from gsgmodel.model.systems import architecture_of
from gsgmodel.records import Preparation

SETTINGS_NAME = "model.json"
FORMAT = 1
"""Of ``model.json``; a reader refuses any other."""
LABELS = ("real", "fake")
"""Order of the logits; label 1 is fake."""
PREPARATION = Preparation()
"""How this code prepares videos unless told otherwise."""
DEFAULT_POINT = "default"
"""The operating point that scans flag by: that of the equal error."""
FOLLOWED: Mapping[str, tuple[int, int]] = {"frames_per_clip": (1, 32), "crop_size_px": (32, 384)}
"""Values of the preparation that models choose within bounds, beside ``detect_every``; scans follow their model."""
_HUGE = 1e12
_KEYS = ("format", "architecture", "preparation", "labels", "calibration", "operating_points", "card", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Platt scaling of a video's score: sigmoid(slope * logit(score) + intercept); slope 1/T alone is a temperature.

    Raises:
        ConfigError: The slope is not above 0, or a value is not finite or absurdly large.
    """

    slope: float
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.slope < _HUGE:
            raise ConfigError(f"calibration: slope is {self.slope}; accepted is a number above 0")
        if not abs(self.intercept) < _HUGE:
            raise ConfigError(f"calibration: intercept is {self.intercept}; accepted is a finite number")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Everything about a model but its weights.

    Raises:
        ConfigError: An operating point has no name or a threshold outside 0 to 1.
    """

    architecture: Architecture
    preparation: Preparation = PREPARATION
    calibration: Calibration | None = None
    operating_points: Mapping[str, float] = field(default_factory=dict)
    """Threshold of the calibrated score under each name; none where nobody has fitted any."""
    bfloat16: bool = False
    """Whether its scores were found to be the same to 0.01 where its backbone runs in bfloat16."""
    card: Mapping[str, Any] = field(default_factory=dict)
    """What people should know of the model: data, metrics, limits. Plain JSON."""

    def __post_init__(self) -> None:
        for name, threshold in self.operating_points.items():
            if not name or not 0 <= threshold <= 1:
                raise ConfigError(f"operating point {name!r} is {threshold!r}; accepted is a threshold from 0 to 1")

    @property
    def threshold(self) -> float | None:
        """That of the operating point ``default``, else of its first, else None."""
        return self.operating_points.get(DEFAULT_POINT, next(iter(self.operating_points.values()), None))

    def to_json(self) -> str:
        """The text of ``model.json``; equal settings give equal text."""
        content = {**self._to_dict(), "format": FORMAT, "labels": LABELS}
        if not self.bfloat16:
            del content["bfloat16"]
        return json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"

    def scoring_json(self) -> str:
        """Only what moves a score: no thresholds, no card. Part of a model's digest."""
        content = self._to_dict()
        del content["operating_points"], content["card"], content["bfloat16"]
        return json.dumps({**content, "labels": LABELS}, sort_keys=True, allow_nan=False)

    def _to_dict(self) -> dict[str, Any]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        calibration = self.calibration and asdict(self.calibration)
        own = {"architecture": self.architecture.to_dict(), "preparation": self.preparation.to_dict()}
        maps = {"card": dict(self.card), "operating_points": dict(self.operating_points)}
        return values | own | maps | {"calibration": calibration}


def parse_settings(text: str | bytes) -> ModelSettings:
    """Read the text of a ``model.json``.

    Raises:
        ConfigError: It is not JSON, or a key or value is missing, unknown or refused; the message names it.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not JSON: {error}") from error
    _check_keys(content, _KEYS, required=("format", "architecture", "preparation", "labels"), where="model.json")
    if content["format"] != FORMAT:
        raise ConfigError(f"format is {content['format']!r}; this version reads format {FORMAT}")
    if content["labels"] != list(LABELS):
        raise ConfigError(f"labels are {content['labels']!r}; accepted are {list(LABELS)}, in this order")
    for name in ("architecture", "card"):
        if not isinstance(content.get(name, {}), dict):
            raise ConfigError(f"{name} is {content[name]!r}; accepted is a JSON object")
    if not isinstance(content.get("bfloat16", False), bool):
        raise ConfigError(f"bfloat16 is {content['bfloat16']!r}; accepted are true and false")
    calibration = content.get("calibration")
    if calibration is not None:
        _check_keys(calibration, ("slope", "intercept"), required=("slope",), where="calibration")
        calibration = Calibration(**_parse_numbers(calibration, where="calibration"))
    architecture = architecture_of(content["architecture"])
    preparation = _parse_preparation(content["preparation"])
    check_followed(preparation)
    architecture.check_crops(num_frames=preparation.frames_per_clip, size_px=preparation.crop_size_px)
    return ModelSettings(
        architecture=architecture,
        preparation=preparation,
        calibration=calibration,
        operating_points=_parse_numbers(content.get("operating_points", {}), where="operating_points"),
        bfloat16=content.get("bfloat16", False),
        card=content.get("card", {}),
    )


def check_preparation(model: Preparation, ours: Preparation) -> None:
    """Refuse a model that was trained on crops made in another way than they can be made here.

    Which frames are searched whole (``detect_every``), how many make a clip and how large crops are may differ: videos
    are prepared as the model says.

    Raises:
        ConfigError: A value differs, or is out of its bounds; the message names each with both values.
    """
    theirs = asdict(model)
    differing = [
        f"{name} {theirs[name]} (here {value})"
        for name, value in asdict(ours).items()
        if theirs[name] != value and name not in {"detect_every", *FOLLOWED}
    ]
    if differing:
        raise ConfigError(f"the model was trained with another preparation: {', '.join(differing)}")
    check_followed(model)


def check_followed(preparation: Preparation) -> None:
    """Make sure that what a model or a clip store chooses of its preparation can be followed.

    Raises:
        ConfigError: Of the first value out of its bounds.
    """
    for name, (least, most) in FOLLOWED.items():
        if not least <= getattr(preparation, name) <= most:
            raise ConfigError(f"preparation: {name} is {getattr(preparation, name)}; accepted: {least} to {most}")


def _parse_numbers(content: object, *, where: str) -> dict[str, float]:
    if not isinstance(content, dict) or not all(map(_is_number, content.values())):
        raise ConfigError(f"{where} is {str(content)[:80]}; accepted is a JSON object of numbers")
    return {name: float(value) for name, value in content.items()}


def _parse_preparation(content: object) -> Preparation:
    names = tuple(each.name for each in fields(Preparation))
    required = tuple(name for name in names if name != "detect_every")
    _check_keys(content, names, required=required, where="preparation")
    assert isinstance(content, dict)
    values: dict[str, Any] = {"detect_every": 1}
    for name, value in content.items():
        usual = getattr(PREPARATION, name)
        parts = value if isinstance(usual, tuple) and isinstance(value, list) else [value]
        wanted = usual if isinstance(usual, tuple) else (usual,)
        if len(parts) != len(wanted) or not all(map(_is_like, parts, wanted)):
            raise ConfigError(f"preparation: {name} is {value!r}; accepted is a value like {usual!r}")
        # 1 and 1.0 are the same setting and must give the same digest.
        same = tuple(type(like)(part) for part, like in zip(parts, wanted, strict=True))
        values[name] = same if isinstance(usual, tuple) else same[0]
    return Preparation(**values)


def _check_keys(content: object, known: tuple[str, ...], *, required: tuple[str, ...], where: str) -> None:
    if not isinstance(content, dict):
        raise ConfigError(f"{where} is {str(content)[:80]!r}; accepted is a JSON object")
    unknown = sorted(set(content) - set(known))
    if unknown:
        raise ConfigError(f"{where} has unknown keys {', '.join(unknown)}; known are {', '.join(known)}")
    missing = [key for key in required if key not in content]
    if missing:
        raise ConfigError(f"{where} lacks {', '.join(missing)}")


def _is_number(value: object) -> bool:
    # Python's integers have no end and do not all fit a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and -_HUGE < value < _HUGE


def _is_like(value: Any, usual: float) -> bool:
    return _is_number(value) and bool(type(usual)(value) == value)
