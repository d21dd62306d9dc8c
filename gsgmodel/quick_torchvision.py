"""Torchvision without torch's compiler: import this module before it.

Torchvision's ``roi_align`` imports ``torch._dynamo`` for one question, whether it may compile itself, which nothing
here asks. That import takes 1.1 s of CPU time in every process, which is a quarter of an actor's start. While
torchvision is imported here, a stand-in answers no; afterwards the compiler can be imported and used as ever.
"""

import importlib
import sys
from types import ModuleType

_COMPILER = ("torch._dynamo", "torch._dynamo.utils")


def import_torchvision() -> None:
    """Import torchvision, unless that is done or the compiler is there already."""
    if "torchvision" in sys.modules or _COMPILER[0] in sys.modules:
        return
    package, utils = (ModuleType(name) for name in _COMPILER)
    package.__path__ = []
    package.utils = utils  # type: ignore[attr-defined]
    utils.is_compile_supported = lambda _: False  # type: ignore[attr-defined]
    sys.modules.update(zip(_COMPILER, (package, utils), strict=True))
    try:
        importlib.import_module("torchvision")
    finally:
        for name in _COMPILER:
            del sys.modules[name]


import_torchvision()
