"""Every system by name: the paper's own, and those that it compares with."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, cast

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import PAPER
from gsgmodel.model.config import SYSTEM as PAPERS_OWN
from gsgmodel.model.system import SYSTEM_KEY, Architecture, System

_BASELINES = "gsgmodel.model.baselines"
# Modules by name, because each needs torch, and a command line is to be parsed without it.
_MODULES: Mapping[str, str] = MappingProxyType(
    {
        name: f"{_BASELINES}.{name}"
        for name in ("mesonet", "xception", "facexray", "lipforensics", "madd", "patch", "rnns", "twobranch", "ftcn")
    }
)
NAMES = (PAPER, *_MODULES)
"""In the order of the paper's Table 1, the paper's own first."""


def find_system(name: str) -> System:
    """Return the system of that name.

    Raises:
        ConfigError: There is none.
    """
    if name == PAPER:
        return PAPERS_OWN
    if name not in _MODULES:
        raise ConfigError(f"there is no system {name!r}; accepted are {', '.join(NAMES)}")
    return cast("System", import_module(_MODULES[name]).SYSTEM)


def architecture_of(values: Mapping[str, Any]) -> Architecture:
    """Read an architecture as ``to_dict`` of its class wrote it; what is refused is a ``ConfigError``."""
    plain = dict(values)
    return find_system(plain.pop(SYSTEM_KEY, PAPER)).architecture(plain)
