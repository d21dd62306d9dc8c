"""The published data sets by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from gsgmodel.datasets import celebdf, dfdc, faceforensics
from gsgmodel.datasets.protocol import Scheme
from gsgmodel.datasets.published import Catalogue
from gsgmodel.errors import ConfigError

Reader = Callable[[Path], Catalogue]
PLAIN: Mapping[str, Reader] = MappingProxyType(
    {
        dfdc.TRAIN: dfdc.read_dfdc_train,
        dfdc.TEST: dfdc.read_dfdc_test,
        dfdc.PREVIEW: dfdc.read_dfdc_preview,
        celebdf.V1: partial(celebdf.read_celebdf, dataset=celebdf.V1),
        celebdf.V2: partial(celebdf.read_celebdf, dataset=celebdf.V2),
    }
)
"""Those of one compression."""
NAMES = (faceforensics.NAME, faceforensics.DFD_NAME, *PLAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSettings:
    """Which videos of a data set, and how they are split.

    Raises:
        ConfigError: A value is out of range.
    """

    split: Scheme = "official"
    """official: as the authors say; paper-7-3: 30 % of each method for testing, by video; id-disjoint: nobody is in
    two splits."""
    compression: str = "c23"
    """Of FaceForensics++ and DFD: raw, c23 (the paper's HQ) or c40 (LQ)."""
    methods: str = ",".join(faceforensics.PAPER_METHODS)
    """Of FaceForensics++, with commas."""
    subset: int | None = None
    """So many real and as many fake videos, drawn by the seed."""
    seed: int = 0
    """Of what is drawn."""

    def __post_init__(self) -> None:
        if self.compression not in faceforensics.COMPRESSIONS:
            accepted = ", ".join(faceforensics.COMPRESSIONS)
            raise ConfigError(f"--compression is {self.compression!r}; accepted: {accepted}")
        if unknown := [method for method in self.chosen if method not in faceforensics.METHODS]:
            accepted = ", ".join(faceforensics.METHODS)
            raise ConfigError(f"--methods holds {unknown[0]!r}; accepted, with commas: {accepted}")
        if self.subset is not None and self.subset < 1:
            raise ConfigError(f"--subset is {self.subset}; accepted: at least 1")

    @property
    def chosen(self) -> tuple[str, ...]:
        """The methods."""
        return tuple(self.methods.split(","))


def read_dataset(name: str, root: Path, *, compression: str, methods: Sequence[str]) -> Catalogue:
    """List a copy of a data set.

    Args:
        name: Of ``NAMES``.
        root: Where it lies.
        compression: Of FaceForensics++ and DFD; of the others nothing.
        methods: Of FaceForensics++.

    Raises:
        ConfigError: The name is none, or as the data set's reader says.
    """
    if name == faceforensics.NAME:
        return faceforensics.read_faceforensics(root, compression=compression, methods=methods)
    if name == faceforensics.DFD_NAME:
        return faceforensics.read_dfd(root, compression=compression)
    if name not in PLAIN:
        raise ConfigError(f"data set {name!r} is not known; accepted: {', '.join(NAMES)}")
    return PLAIN[name](root)
