"""The run in MLflow below which a table's trainings are shown."""

from pathlib import Path

from gsgmodel.scan.notify import kept_settings, notify
from gsgmodel.tracking.address import NO_TRACKING, tracking_address
from gsgmodel.tracking.runs import TrackedRun
from gsgmodel.training.opening import EXPERIMENT
from gsgmodel.training.settings import TrainSettings

WAIT_S = 30.0
"""For MLflow, at the beginning and at the end; a table is made without it too."""


class TableRun:
    """Of one start of a table; ``start`` makes it."""

    def __init__(self, address: str, tracked: TrackedRun | None, *, table: str = "", told: str | None = None) -> None:
        self.address = address
        """Of MLflow, as the trainings are given it; the same in every folder."""
        self._tracked = tracked
        self._table, self._told = table, told
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
        tracked = None
        if address != NO_TRACKING:
            content = {**kept_settings(settings), "identity": {"table": table}}
            tracked = TrackedRun.start(content, tracking_uri=address, experiment=EXPERIMENT, run_name=table)
        return cls(address, tracked, table=table, told=settings.notify)

    def finish(self, *, exit_code: int, folder: Path) -> list[str]:
        """End it with what is in the folder of the table, and tell whoever waits; a sentence about what was not."""
        lost = [self._keep(exit_code, folder) if self._tracked else None]
        ended = {"run_id": self._table, "exit_code": exit_code, "reason": "failed" if exit_code else "done"}
        lost.append(notify(self._told, ended, what="table"))
        return [text for text in lost if text]

    def _keep(self, exit_code: int, folder: Path) -> str | None:
        assert self._tracked is not None
        found = sorted(path for path in folder.glob("*") if path.suffix in {".md", ".csv", ".png"})
        return self._tracked.finish(
            {"exit_code": exit_code},
            {path.name: path.read_bytes() for path in found},
            failed=exit_code != 0,
            wait_s=WAIT_S,
        )
