"""Which frames of a video are looked at: windows over time, and ranks of frames within them."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of the video, half-open, and the frames that are sampled for it."""

    start_s: float
    """From the video's first frame."""
    end_s: float
    ranks: tuple[int, ...]
    """Rank in order of display among all frames of the track, one for each frame of the clip; not decreasing."""

    @property
    def targets(self) -> tuple[int, ...]:
        """The distinct ranks, ascending."""
        return tuple(dict.fromkeys(self.ranks))


def bin_centres(num_frames: int, frames_per_clip: int) -> tuple[int, ...]:
    """Return the ranks ``floor((i + 0.5) n / T)`` at the centres of equal bins.

    The ends are left out on purpose: the last frame of a video often fails to decode.

    Args:
        num_frames: Frames that exist, n >= 1.
        frames_per_clip: Frames that are wanted, T >= 1; above n, frames repeat.

    Example:
        >>> bin_centres(300, 4)
        (37, 112, 187, 262)
        >>> bin_centres(2, 4)
        (0, 0, 1, 1)
    """
    return tuple((2 * i + 1) * num_frames // (2 * frames_per_clip) for i in range(frames_per_clip))


def window_edges(duration_s: float, *, window_s: float, max_clips: int) -> tuple[float, ...]:
    """Return the borders of equal windows that cover the whole video.

    Args:
        duration_s: Length of the video, >= 0.
        window_s: Longest window, > 0; up to this length there is one window.
        max_clips: Most windows, >= 1; where it bites, windows become longer than ``window_s``.

    Returns:
        Ascending, from 0 to ``duration_s``; one more than there are windows.

    Example:
        >>> window_edges(150.0, window_s=60.0, max_clips=32)
        (0.0, 50.0, 100.0, 150.0)
    """
    num = min(max(math.ceil(duration_s / window_s), 1), max_clips)
    return tuple(duration_s * i / num for i in range(num + 1))


def plan_windows(
    time_s: Float64[np.ndarray, "N"], duration_s: float, *, frames_per_clip: int, window_s: float, max_clips: int
) -> tuple[Window, ...]:
    """Return the windows of a video with the frames that are sampled for each.

    Args:
        time_s: When each frame that exists is shown, from the first frame; ascending, N >= 1.
        duration_s: From the first to the end of the last frame.
        frames_per_clip: Frames of a clip.
        window_s: Longest window; see ``window_edges``.
        max_clips: Most windows.

    Returns:
        Ascending windows. One in which no frame begins (a still shown for minutes) is left out.
    """
    edges = window_edges(duration_s, window_s=window_s, max_clips=max_clips)
    starts = np.searchsorted(time_s, np.asarray(edges), side="left")
    starts[0], starts[-1] = 0, len(time_s)
    return tuple(
        Window(
            start_s=edges[i],
            end_s=edges[i + 1],
            ranks=tuple(int(first) + rank for rank in bin_centres(int(last - first), frames_per_clip)),
        )
        for i, (first, last) in enumerate(pairwise(starts))
        if last > first
    )


def nearest_positions(ranks: tuple[int, ...], decoded: tuple[int, ...]) -> tuple[int, ...]:
    """Return, for every wanted rank, the index of the decoded frame that is nearest to it.

    Args:
        ranks: Wanted ranks.
        decoded: Ranks that could be decoded, ascending, at least one; of two equally near the earlier is taken.

    Example:
        >>> nearest_positions((3, 9, 15), (3, 15))
        (0, 0, 1)
    """
    return tuple(min(range(len(decoded)), key=lambda i: abs(decoded[i] - rank)) for rank in ranks)
