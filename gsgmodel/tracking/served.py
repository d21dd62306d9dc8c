"""The script that MLflow runs to load one of our models for others: videos by name in, rows of our table out.

It travels with the model, beside a copy of this package; ``gsgmodel.tracking.publish`` puts both there.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel
from mlflow.store.artifact.models_artifact_repo import REGISTERED_MODEL_META_FILE_NAME
from mlflow.utils.yaml_utils import read_yaml

from gsgmodel.model.weights import read_model
from gsgmodel.scoring.video import COLUMNS, VideoScorer

URI = "uri"
SCORERS_HELD = 2
"""For as many ways of scoring the network and the face detector stay in memory."""


class VideoModel(PythonModel):  # type: ignore[misc] # MLflow has no types
    """Scores videos; what goes wrong with one is its row's status, never an error."""

    def load_context(self, context: Any) -> None:
        """Read and check the model's files, which MLflow has brought here."""
        folder = Path(context.artifacts["settings"]).parent
        files = read_model(folder)
        version = _registered_version(folder.parent)
        self._files = replace(files, version=version or files.version)
        self._scorer = lru_cache(SCORERS_HELD)(self._make_scorer)

    # MLflow takes the hint of an input for a schema of its own, unless it is this one.
    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Score videos, one after the other.

        Args:
            model_input: With a column ``uri``: paths, ``file://`` or ``s3://`` URIs. MLflow makes it of records, too.
            params: ``faces``, ``window_s`` and ``max_clips``, as the settings of a scan.

        Returns:
            A row for each video, in order, with the columns of our table that do not concern a run.
        """
        scorer = self._scorer(**(params or {}))
        rows = [scorer.score_named(str(name)) for name in model_input[URI]]
        # As objects: what a row lacks stays None, where numbers would turn it into NaN, which is no JSON.
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    def _make_scorer(self, **settings: Any) -> VideoScorer:
        return VideoScorer(self._files, **settings)


def _registered_version(folder: Path) -> str | None:
    """The version in the registry, which MLflow notes beside a model that it loads from there."""
    if not (folder / REGISTERED_MODEL_META_FILE_NAME).is_file():
        return None
    return str(read_yaml(str(folder), REGISTERED_MODEL_META_FILE_NAME)["model_version"])


set_model(VideoModel())
