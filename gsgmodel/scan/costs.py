"""What a video costs of a core: as it was measured, for its length and picture, or as a run of one's own found it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gsgmodel.errors import ConfigError
from gsgmodel.scan.expected import PREPARE_S, VIDEO_S, videos_per_s
from gsgmodel.scan.preflight import Pools
from gsgmodel.scan.settings import RunSettings
from gsgmodel.video.sampling import window_edges

DECODE_S = 0.053
"""CPU seconds of decoding by second of video and million pixels of a frame: the mean over 19 files made 10 and 55 s
long, of which half lie between 0.03 and 0.06; two of them, 0.05 at 55 s, took 0.04 and 0.05 at 550 s, and one 0.04 at
2400 s. What lies close to a key frame costs less (tests/bench/growth.py)."""
CLIP_S = 0.47
"""CPU seconds of a clip beside decoding, faces and crops, whatever the picture's size; half of the same lie between
0.24 and 0.59."""
BUSY_SHARE = 0.93
"""Of the cores' time goes into the stages while a scan runs (tests/bench/scan.py)."""
MEASURED_S = (10.0, 2400.0)
MEASURED_MEGAPIXELS = (0.1, 2.1)
"""What they were measured on; beyond, they are extrapolated."""
FEW_VIDEOS = 100
"""Below this a run says little of the next."""
_HEIGHTS = {"360p": 640, "480p": 854, "720p": 1280, "1080p": 1920, "1440p": 2560, "2160p": 3840}
"""Widths by name, at 16:9."""
_SCAN = "a scan"
"""What the benchmark of whole scans calls ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Seconds of a core that a video takes, on average."""

    prepare_s: float
    """Fetching, decoding, faces, crops."""
    score_s: float | None
    """The network on a core; None where it is not known."""
    num_clips: float
    """Clips of a video."""
    source: str
    """Where the figures come from, as part of a sentence."""
    notes: tuple[str, ...] = ()
    """What is to be known of them."""

    def of_core_s(self, *, scores_on_cores: bool) -> float:
        """Return the seconds of a core that a video takes, with the network or without.

        Raises:
            ConfigError: If the network's part is wanted and not known.
        """
        if not scores_on_cores:
            return self.prepare_s
        if self.score_s is None:
            raise ConfigError(f"{self.source}, which say nothing of the network on cores; accepted: --device gpu")
        return self.prepare_s + self.score_s


USUAL = Costs(
    prepare_s=PREPARE_S,
    score_s=VIDEO_S - PREPARE_S,
    num_clips=1.0,
    source="as measured on videos of 480p to 1080p and 10 to 30 s with one face (tests/bench/pipeline.py)",
)
"""What a scan expects before its first video."""


def videos_per_s_at(pools: Pools, costs: Costs) -> float:
    """Return what ``expected.videos_per_s`` says of pools, for videos of other costs."""
    usual_s = USUAL.of_core_s(scores_on_cores=pools.scores_on_cores)
    return videos_per_s(pools) * usual_s / costs.of_core_s(scores_on_cores=pools.scores_on_cores)


def picture_size(resolution: str) -> tuple[int, int]:
    """Return width and height in pixels of ``1080p`` and the like (16:9), or of ``WIDTHxHEIGHT``.

    Raises:
        ConfigError: If it is neither.

    Example:
        >>> picture_size("720p"), picture_size("1080x1920")
        ((1280, 720), (1080, 1920))
    """
    if resolution in _HEIGHTS:
        return _HEIGHTS[resolution], int(resolution.removesuffix("p"))
    width, _, height = resolution.partition("x")
    if all(side.isascii() and side.isdigit() and 0 < int(side) < 1 << 16 for side in (width, height)):
        return int(width), int(height)
    raise ConfigError(f"--resolution is {resolution!r}; accepted: {', '.join(_HEIGHTS)}, or WIDTHxHEIGHT")


def usual_costs(*, faces: float = 1.0) -> Costs:
    """Return what a scan expects of videos of which nothing is known but how many faces they show at a time."""
    _check_faces(faces)
    return replace(USUAL, score_s=(VIDEO_S - PREPARE_S) * faces, num_clips=USUAL.num_clips * faces)


def costs_of(duration_s: float, resolution: str, *, faces: float = 1.0) -> Costs:
    """Return what videos of a length and a picture cost, with a scan's usual windows.

    Decoding grows with seconds and pixels, faces and crops with windows, the network with clips.

    Args:
        duration_s: Length, above 0.
        resolution: See ``picture_size``.
        faces: In a window, on average; each gives a clip.

    Raises:
        ConfigError: If the length is not above 0.
    """
    if not 0 < duration_s < math.inf:
        raise ConfigError(f"--duration-s is {duration_s}; accepted: seconds, above 0")
    _check_faces(faces)
    width, height = picture_size(resolution)
    megapixels = width * height / 1e6
    num_windows = len(window_edges(duration_s, window_s=RunSettings.window_s, max_clips=RunSettings.max_clips)) - 1
    notes = [
        f"{what} lies outside of what was measured ({least:g} to {most:g} {unit}): extrapolated"
        for what, value, (least, most), unit in (
            (f"--duration-s {duration_s:g}", duration_s, MEASURED_S, "s"),
            (f"--resolution {resolution}", megapixels, MEASURED_MEGAPIXELS, "million pixels"),
        )
        if not least <= value <= most
    ]
    num_clips = num_windows * faces
    return Costs(
        prepare_s=(DECODE_S * duration_s * megapixels + CLIP_S * num_windows) / BUSY_SHARE,
        score_s=(VIDEO_S - PREPARE_S) * num_clips,
        num_clips=num_clips,
        source=f"as measured by second, pixel and clip (tests/bench/growth.py), for {duration_s:g} s of {resolution}",
        notes=tuple(notes),
    )


def read_costs(path: Path) -> Costs:
    """Return what a run found: its ``summary.json``, or ``pipeline.json`` of ``./gsg bench pipeline``.

    Args:
        path: The file.

    Raises:
        ConfigError: If it cannot be read or is neither.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--measured is {str(path)!r}, which cannot be read as JSON: {error}") from error
    found = found if isinstance(found, dict) else {}
    found = found.get("pipeline", found)
    if isinstance(found, dict) and "by_status" in found:
        return _of_summary(found, path)
    if isinstance(found, dict) and isinstance(found.get("took_s"), dict) and _SCAN in found["took_s"]:
        return _of_bench(found, path)
    raise ConfigError(
        f"--measured is {str(path)!r}; accepted: summary.json of a run, or pipeline.json of ./gsg bench pipeline"
    )


def _check_faces(faces: float) -> None:
    if not 0 < faces < math.inf:
        raise ConfigError(f"--faces-at-once is {faces}; accepted: above 0")


def _of_summary(summary: Mapping[str, Any], path: Path) -> Costs:
    counts = summary["by_status"]
    num_videos = sum(_number(counts, name, path) for name in counts) if isinstance(counts, dict) else 0
    if num_videos < 1:
        raise ConfigError(f"--measured is {str(path)!r}, a run that finished no video; accepted: one that did")
    score_s = _number(summary, "score_cpu_s", path) / BUSY_SHARE / num_videos if "score_cpu_s" in summary else None
    prepare_s = _number(summary, "prepare_cpu_s", path) / BUSY_SHARE / num_videos
    if not prepare_s:
        raise ConfigError(f"--measured is {str(path)!r}, and its prepare_cpu_s is 0; accepted: above 0")
    notes = [f"{num_videos:g} videos are few to go by"] if num_videos < FEW_VIDEOS else []
    return Costs(
        prepare_s=prepare_s,
        score_s=score_s,
        num_clips=_number(summary, "clips", path) / num_videos,
        source=f"as {path.name} has of {num_videos:g} videos, whose like the others are taken to be",
        notes=tuple(notes),
    )


def _of_bench(bench: Mapping[str, Any], path: Path) -> Costs:
    took_s, facts = bench["took_s"][_SCAN], bench.get("facts")
    cores = _number(facts if isinstance(facts, dict) else {}, "cores", path)
    if not isinstance(took_s, list) or not took_s or not cores:
        raise ConfigError(f"--measured is {str(path)!r}, a benchmark without rounds or cores; accepted: a whole one")
    each_s = [_number({_SCAN: value}, _SCAN, path) for value in took_s]
    if not (video_s := sorted(each_s)[len(each_s) // 2] * cores):
        raise ConfigError(f"--measured is {str(path)!r}, whose scans took no time; accepted: above 0")
    return Costs(
        prepare_s=video_s * PREPARE_S / VIDEO_S,
        score_s=video_s * (1 - PREPARE_S / VIDEO_S),
        num_clips=1.0,
        source=f"as {path.name} has of {cores:g} cores; it measures whole scans, and the network's share is the usual",
    )


def _number(figures: Mapping[str, Any], name: str, path: Path) -> float:
    value = figures.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigError(f"--measured is {str(path)!r}, and its {name} is {value!r}; accepted: a number, 0 or more")
    return float(value)
