"""What MLflow is told of one run, call by call; every call may fail, or take as long as MLflow takes."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, RunTag

from gsgmodel.tracking.messages import Beginning, End, Point
from gsgmodel.tracking.store import connect, experiment_id

MAX_PARAMS = 100
"""Most parameters or tags that MLflow takes at once."""


class Recorder:
    """Records one run; what failed before is tried again by the next call."""

    def __init__(self, address: str, beginning: Beginning) -> None:
        self._address = address
        self._beginning = beginning
        self._client: Any = None
        self._run_id = ""
        self._is_begun = False

    @property
    def run_id(self) -> str | None:
        """MLflow's name of the run; None until it is made."""
        return self._run_id or None

    def take(self, message: Beginning | Point | End) -> None:
        """Record a message, and the beginning before it where that is still to be done."""
        if not self._is_begun:
            self._begin()
        if isinstance(message, Point):
            self._client.log_batch(self._run_id, metrics=_metrics(message.metrics, message.time_ms, step=message.step))
        elif isinstance(message, End):
            self._end(message)

    def _begin(self) -> None:
        begun = self._beginning
        if not self._run_id:
            self._client = connect(self._address)
            experiment = experiment_id(self._client, begun.experiment, address=self._address)
            run = self._client.create_run(experiment, begun.time_ms, tags=dict(begun.tags), run_name=begun.name)
            self._run_id = run.info.run_id
        params = [Param(name, value) for name, value in begun.params.items()]
        self._client.log_batch(self._run_id, params=params[:MAX_PARAMS])
        self._keep(begun.files)
        self._is_begun = True

    def _end(self, end: End) -> None:
        try:
            tags = [RunTag(name, value) for name, value in end.tags.items()]
            metrics = _metrics(end.metrics, end.time_ms, step=0)
            self._client.log_batch(self._run_id, metrics=metrics, tags=tags[:MAX_PARAMS])
            self._keep(end.files)
        finally:
            # Also a run whose files did not arrive has ended.
            self._client.set_terminated(self._run_id, status=end.status, end_time=end.time_ms)

    def _keep(self, files: Mapping[str, bytes]) -> None:
        with tempfile.TemporaryDirectory(prefix="gsg-run-") as scratch:
            for name, content in files.items():
                path = Path(scratch) / name
                path.write_bytes(content)
                # One file at a time: MLflow takes several to threads that a process waits for when it exits.
                self._client.log_artifact(self._run_id, str(path))


def _metrics(metrics: Mapping[str, float], time_ms: int, *, step: int) -> list[Any]:
    return [Metric(name, value, time_ms, step) for name, value in metrics.items()]
