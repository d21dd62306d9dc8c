"""How the crops of a clip store were made: one recipe a store, compared before anything is added to it."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from gsgmodel.errors import ConfigError
from gsgmodel.records import Preparation

PREPARE_REVISION = 1
"""Raised whenever this code moves the crops of an unchanged video under an unchanged recipe; a golden test holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CropRecipe:
    """Everything that the crops of a labelled video depend on, besides the video."""

    preparation: Preparation
    faces: Literal["all", "largest"]
    """Whose clips are kept: of every face, or of the largest track."""
    window_s: float
    """Length of video that one clip stands for."""
    max_clips: int
    """Most clips of a video."""
    boxes_from: Literal["own", "original"]
    """Where a fake is cropped: at its own faces, or where those of the video are that it was made from."""
    revision: int = PREPARE_REVISION

    @property
    def preparation_id(self) -> str:
        """32 hexadecimal digits that change whenever crops may."""
        content = asdict(self) | {"preparation": self.preparation.digest}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def to_json(self) -> str:
        """As text that ``from_json`` reads back as the same recipe."""
        return json.dumps(asdict(self) | {"preparation": self.preparation.to_dict()}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "CropRecipe":
        """Read a recipe that ``to_json`` wrote.

        Raises:
            ConfigError: If it is none, or one with other settings than this code knows.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            preparation = {"detect_every": 1, **values.pop("preparation")}
            preparation["detect_thresholds"] = tuple(preparation["detect_thresholds"])
            recipe = cls(preparation=Preparation(**preparation), **values)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"how its crops were made cannot be read: {text[:200]!r}") from error
        return recipe

    def differences(self, other: "CropRecipe") -> list[str]:
        """What differs from another recipe, each as ``name is this, not that``; nothing where they are the same."""
        pairs = [(field.name, getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        pairs += [
            (f"preparation.{field.name}", getattr(self.preparation, field.name), getattr(other.preparation, field.name))
            for field in fields(self.preparation)
        ]
        return [
            f"{name} is {mine}, not {theirs}"
            for name, mine, theirs in pairs
            if mine != theirs and name != "preparation"
        ]
