"""Tables 1, 2 and 5: rows that are data sets, or clips of other lengths, instead of other networks."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gsgmodel.clips.store import ClipStore
from gsgmodel.errors import ConfigError
from gsgmodel.evaluation import compared
from gsgmodel.evaluation.ablations import Result, Row, result_of
from gsgmodel.evaluation.judged import Judge
from gsgmodel.evaluation.trainings import RowTraining
from gsgmodel.model.config import PAPER
from gsgmodel.model.weights import read_model

INTRA: Mapping[str, float] = compared.INTRA[PAPER]
"""Accuracy in percent of the paper's model, trained and tested on each (Table 1)."""
CROSS: Mapping[str, float] = compared.CROSS[PAPER]
"""Accuracy in percent of the paper's model, trained on FF++ (Table 2)."""
LENGTHS: Mapping[int, float] = MappingProxyType(
    {8: 98.91, 9: 99.02, 10: 99.09, 11: 99.14, 12: 99.18, 13: 99.18, 14: 99.19, 15: 99.20, 16: 99.20}
)
"""Accuracy in percent of the paper's model by frames of a clip, on Celeb-DF (Table 5)."""


def parse_sets(texts: Sequence[str], *, known: Mapping[str, float]) -> list[tuple[Row, str]]:
    """Return a row and its clip store of each ``NAME=STORE``.

    Args:
        texts: As given.
        known: Names that the paper has, and its figures; other names are accepted too.

    Raises:
        ConfigError: One has no name or no store, or a name comes twice.
    """
    accepted = f"accepted: NAME=STORE; the paper has {', '.join(known)}"
    found: dict[str, str] = {}
    for text in texts:
        name, is_named, store = text.partition("=")
        if not is_named or not name or not store or "/" in name:
            raise ConfigError(f"{text!r} names no data set and its clip store; {accepted}")
        if name in found:
            raise ConfigError(f"data set {name!r} is given twice; {accepted}")
        found[name] = store
    return [(Row(name=name, architecture={}, paper=known.get(name)), store) for name, store in found.items()]


def crossed(trainings: Sequence[RowTraining], others: Sequence[tuple[Row, str]], *, seed: int) -> list[Result]:
    """Return how well models tell the test videos of data sets that they were not trained on.

    Args:
        trainings: That have ended, a seed each.
        others: Rows, and the clip store of each.
        seed: Of the draws for the intervals.
    """
    models = [read_model(folder) for each in trainings if (folder := each.model) is not None]
    results = []
    for row, uri in others:
        store = ClipStore.open(uri)
        results.append(result_of(row, [Judge(store, files).predictions() for files in models], seed=seed))
    return results


def length_rows(frames: Sequence[int]) -> list[Row]:
    """Rows of clips of so many frames each."""
    return [Row(name=f"{number} frames", architecture={}, paper=LENGTHS.get(number)) for number in frames]
