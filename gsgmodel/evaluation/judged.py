"""What a trained model says of the test videos of a clip store that it may never have seen."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64, Int64, UInt8

from gsgmodel.clips.store import ClipStore
from gsgmodel.errors import ConfigError
from gsgmodel.model.reference import build_network
from gsgmodel.model.weights import ModelFiles
from gsgmodel.scoring.network import ClipScorer, combine_with
from gsgmodel.training.judge import scores_of_videos

BATCH_CLIPS = 8
Crops = UInt8[np.ndarray, "T S S 3"]
Change = Callable[[int, Crops], Crops]
"""What is done to the crops of a clip, by its row in the store, before they are judged."""


class Judge:
    """A model and the test clips of a store."""

    def __init__(self, store: ClipStore, files: ModelFiles) -> None:
        """Load the network.

        Raises:
            ConfigError: The store has no test clips, or its crops were not made as the model's.
        """
        if store.preparation != files.settings.preparation:
            raise ConfigError(f"the clips in {store.uri!r} were not prepared as the model's were; prepare them anew")
        self._store, self._files = store, files
        self._tested = np.flatnonzero(pc.equal(store.clips["split"], "test").to_numpy())
        if not len(self._tested):
            raise ConfigError(f"the clip store {store.uri!r} has no clip of the split 'test'")
        self._clips = store.clips.take(self._tested)
        self._network = ClipScorer(build_network(files), batch_clips=BATCH_CLIPS, device="cpu")

    def scores(self, change: Change | None = None) -> tuple[Int64[np.ndarray, "V"], Float64[np.ndarray, "V"]]:
        """Return the videos, by their rows in the store, and the calibrated score of each, found as a scan finds it."""
        margins = np.zeros((len(self._tested), 2))
        for first in range(0, len(self._tested), BATCH_CLIPS):
            rows = self._tested[first : first + BATCH_CLIPS].tolist()
            crops = [self._store.read_crops(row) for row in rows]
            if change is not None:
                crops = [change(row, each) for row, each in zip(rows, crops, strict=True)]
            for place, (said,) in enumerate(self._network.score([each[None] for each in crops]), start=first):
                margins[place] = said.margin_global, said.margin_fusion
        return scores_of_videos(self._clips, margins, combine=combine_with(self._files))

    def predictions(self) -> pa.Table:
        """A row a test video: split, uri, label, method, identity, score; as a training leaves them of its own."""
        videos, scores = self.scores()
        facts = self._store.videos.select(["split", "uri", "label", "method", "identity"]).take(pa.array(videos))
        return facts.append_column("score", pa.array(scores))
