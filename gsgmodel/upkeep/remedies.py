"""What a person can do about a video that has no score."""

from collections.abc import Mapping
from types import MappingProxyType

from gsgmodel.errors import Status

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        Status.SCORED: "nothing",
        Status.NO_FACE: "nothing, if nobody is to be seen; faces smaller than the model looks for are not found",
        Status.TOO_SHORT: "nothing: there is no moving picture in it",
        Status.UNREADABLE: "try to play it; upload it again if it was cut off, otherwise it is no video",
        Status.UNSUPPORTED: "convert it to MP4 with H.264; playlists and encrypted videos are never opened",
        Status.TOO_LARGE: "scale the video down or cut it; the limit that the text names protects every scan",
        Status.TIMEOUT: "--retry timeout tries again, on a less busy machine",
        Status.CRASHED: "treat it as hostile; --retry crashed tries again with another decoder",
        Status.CHANGED: "nothing: the next run takes the object as it is then",
        Status.MISSING: "nothing: the object is gone",
        Status.DENIED: "let the scan's role read the object",
        Status.UNAVAILABLE: "nothing: the next run tries again; look at the store if it stays so",
        "lost": "report it: a video was planned and never arrived",
        "left": "nothing: the next run goes on with it",
    }
)
"""By status, of a row or of an entry of ``unfinished.parquet``."""
