"""The trainings that a table is made of: which are done, and those that are missing, several at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from gsgmodel.clips.store import ClipStore
from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.ablations import Row, settings_of_row
from gsgmodel.evaluation.kept import model_of, predictions_of, unfinished_run
from gsgmodel.evaluation.parent import TableRun
from gsgmodel.scan.preflight import this_machine
from gsgmodel.scan.session import running_ray
from gsgmodel.scan.stop import StopRequest
from gsgmodel.training.gather import STORE_BYTES
from gsgmodel.training.settings import TrainSettings
from gsgmodel.training.side_by_side import share_of, train_side_by_side


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTraining:
    """One training of one row."""

    name: str
    """Of the row and the seed, for people."""
    store_uri: str
    """An absolute path or a URI."""
    digest: str
    """Of the clips."""
    settings: TrainSettings

    @property
    def predictions(self) -> pa.Table | None:
        """What it said of held-out videos; None while it is not done."""
        return predictions_of(self.settings, data_digest=self.digest)

    @property
    def model(self) -> Path | None:
        """The folder of its model; None while it is not done."""
        return model_of(self.settings, data_digest=self.digest)

    def begin(self) -> TrainSettings:
        """The settings to start with: of a run that goes on from its checkpoint if there is one, and prints no JSON."""
        return replace(self.settings, json=False, resume=unfinished_run(self.settings, data_digest=self.digest))


def trainings_of(
    rows: Sequence[Row], stores: Sequence[str], base: TrainSettings, *, num_seeds: int, run: TableRun
) -> list[list[RowTraining]]:
    """Return of each row its trainings, one a seed, below the table's run in MLflow; nothing is registered.

    Args:
        rows: Of the table.
        stores: The clip store of each row.
        base: What all of them share, with the first seed.
        num_seeds: Trainings of each row.
        run: Of the table.
    """
    base = replace(base, register=False, parent_run=run.run_id, tracking_uri=run.address)
    opened = {store: ClipStore.open(store, s3_endpoint=base.s3_endpoint) for store in dict.fromkeys(stores)}
    folder = Path(base.output).absolute()
    return [
        [
            RowTraining(
                name=f"{row.name}, seed {seed}",
                store_uri=opened[store].uri,
                digest=opened[store].digest,
                settings=settings_of_row(
                    row,
                    replace(base, seed=seed),
                    output=str(folder / row.folder / f"seed-{seed}"),
                    preparation=opened[store].preparation,
                ),
            )
            for seed in range(base.seed, base.seed + num_seeds)
        ]
        for row, store in zip(rows, stores, strict=True)
    ]


def whole_seeds(trainings: Sequence[Sequence[RowTraining]]) -> list[list[pa.Table]]:
    """Return of each row the predictions of those seeds that are done for all rows."""
    found = [[each.predictions for each in own] for own in trainings]
    seeds = [n for n in range(len(found[0])) if all(own[n] is not None for own in found)]
    return [[table for n in seeds if (table := own[n]) is not None] for own in found]


def train_missing(
    trainings: Sequence[RowTraining], *, at_once: int | None, stop: StopRequest, note: Callable[[str], None]
) -> bool:
    """Do the trainings that are not done, several at once on this machine.

    Args:
        trainings: All of a table, of one store or of several.
        at_once: How many; None for one a GPU, else one a core.
        stop: Asks for the end, with checkpoints.
        note: Told what has ended.

    Returns:
        Whether all are done. A training that refuses its settings is a ``ConfigError``, one that cannot go on a
        ``TrainingError``.

    Raises:
        ConfigError: Rows are to be trained on several kinds of device.
    """
    missing = [each for each in trainings if each.predictions is None]
    note(f"{len(trainings) - len(missing)} of {len(trainings)} trainings were done before")
    if not missing:
        return True
    devices = {each.settings.device for each in missing}
    if len(devices) > 1:
        raise ConfigError(f"--device differs between rows: {', '.join(sorted(devices))}")
    share = share_of(this_machine(), at_once=at_once, device=devices.pop())
    done = len(trainings) - len(missing)

    def ended(names: Sequence[str], place: int, summary: dict[str, object]) -> None:
        nonlocal done
        if summary["exit_code"] == 0:
            done += 1
            note(f"{names[place]}: test AUC {summary['auc']:.3f} ({done} of {len(trainings)})")
        else:
            note(f"{names[place]}: {summary['reason']}")

    with running_ray(object_store_bytes=STORE_BYTES), stop.watching_signals():
        for store_uri in dict.fromkeys(each.store_uri for each in missing):
            own = [each for each in missing if each.store_uri == store_uri]
            went_through = train_side_by_side(
                store_uri,
                [each.begin for each in own],
                share,
                stop=stop,
                ended=partial(ended, [each.name for each in own]),
            )
            if not went_through:
                return False
    return all(each.predictions is not None for each in missing)
