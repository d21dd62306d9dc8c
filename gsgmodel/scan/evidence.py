"""Pictures beside the table: of a video, the clip that spoke most for fake, as the network saw it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import UInt8

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.report.strips import FOLDER, as_jpeg, kept_name, strip
from gsgmodel.results.storage import output_errors, output_place

if TYPE_CHECKING:
    from gsgmodel.scoring.verdict import ScoredClip

Keep = Literal["none", "flagged", "all"]
EVIDENCE_KEPT, EVIDENCE_LOST = "evidence_kept", "evidence_lost"
"""Notes in the row: its picture lies beside the table; or could not be written."""
SIDE_PX = 112
"""Of each crop: with 12 frames a picture takes some 30 kB, whatever the video."""


class Evidence:
    """Writes one picture a video, named by its id, over an earlier one."""

    def __init__(self, output: str, *, s3_endpoint: str | None, threshold: float | None) -> None:
        """Find the folder.

        Args:
            output: Of the scan.
            s3_endpoint: Of the store, or None for the environment's.
            threshold: Scores from it on have a picture; None for all.
        """
        self._place = output_place(output, s3_endpoint=s3_endpoint) / FOLDER
        self._threshold = threshold

    def keep(
        self, row: Mapping[str, Any], scored: "Sequence[ScoredClip]", crops: UInt8[np.ndarray, "N T S S 3"]
    ) -> str | None:
        """Write the picture of a scored video, if it is to have one.

        Args:
            row: With ``video_id`` and ``score``.
            scored: What the network says of each clip.
            crops: Of each clip.

        Returns:
            The note for its row, or None: a picture that cannot be written costs no score.
        """
        if not scored or row["score"] is None or (self._threshold is not None and row["score"] < self._threshold):
            return None
        best = int(np.argmax([clip.margin_global + clip.margin_fusion for clip in scored]))
        picture = as_jpeg(strip(crops[best], side_px=SIDE_PX))
        with suppress(OutputError), output_errors(self._place.uri):
            self._place.make()
            self._place.write(kept_name(row["video_id"]), picture)
            return EVIDENCE_KEPT
        return EVIDENCE_LOST


def check_keep(keep: Keep, *, output: str | None, threshold: float | None) -> None:
    """Make sure that pictures have a place, and that it is known of which videos.

    Args:
        keep: As set.
        output: As set.
        threshold: Of the model, where it has one.

    Raises:
        ConfigError: If they have none, or it is not.
    """
    if keep == "none":
        return
    if output is None:
        raise ConfigError(f"--keep-evidence is {keep}, but nothing is kept; accepted: with --output")
    if keep == "flagged" and threshold is None:
        raise ConfigError(
            "--keep-evidence is flagged, but the model has no operating point to flag by; accepted: all, none, or a "
            "model with a threshold"
        )
