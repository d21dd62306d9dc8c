"""The run in MLflow below which a table's trainings are shown."""

from dataclasses import asdict
from pathlib import Path

from gsgmodel.tracking.address import NO_TRACKING, tracking_address
from gsgmodel.tracking.runs import TrackedRun
from gsgmodel.training.opening import EXPERIMENT
from gsgmodel.training.settings import TrainSettings

WAIT_S = 30.0
"""For MLflow, at the beginning and at the end; a table is made without it too."""


class TableRun:
    """Of one start of a table; ``start`` makes it."""

    def __init__(self, address: str, tracked: TrackedRun | None) -> None:
        self.address = address
        """Of MLflow, as the trainings are given it; the same in every folder."""
        self._tracked = tracked
        self.run_id = tracked.wait_for_run_id(WAIT_S) if tracked else None
        """MLflow's; None where it is not wanted or does not answer."""

    @classmethod
    def start(cls, table: str, settings: TrainSettings) -> "TableRun":
        """Begin the run of a table.

        Args:
            table: Its command.
            settings: What its rows share.
        """
        address = tracking_address(settings.tracking_uri, folder=Path.cwd())
        if address == NO_TRACKING:
            return cls(address, None)
        content = {**asdict(settings), "identity": {"table": table}}
        return cls(address, TrackedRun.start(content, tracking_uri=address, experiment=EXPERIMENT, run_name=table))

    def finish(self, *, exit_code: int, folder: Path) -> str | None:
        """End it with what is in the folder of the table; one sentence about what MLflow does not have."""
        if self._tracked is None:
            return None
        found = sorted(path for path in folder.glob("*") if path.suffix in {".md", ".csv", ".png"})
        return self._tracked.finish(
            {"exit_code": exit_code},
            {path.name: path.read_bytes() for path in found},
            failed=exit_code != 0,
            wait_s=WAIT_S,
        )
