"""How the cost of preparing a video grows with its length and its picture, on one thread.

Usage: python tests/bench/growth.py FOLDER [--lengths-s 10 55 550]

The packets of each video are written again and again until they make the length; nothing is encoded, so picture, codec
and key frames stay as they are. Printed are, for every length, CPU seconds of decoding by second of video and million
pixels of a frame, and CPU seconds of a clip beside decoding: faces and crops of the largest face. What Matroska does
not hold, such as GIF, is left out.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import torch

from gsgmodel.archive.listing import VIDEO_SUFFIXES
from gsgmodel.archive.reading import open_object
from gsgmodel.errors import VideoError
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scoring.prepare import VideoPreparer
from gsgmodel.video.reader import open_video
from tests.bench.one_clip import listed, one_clip


def lengthen(source: Path, target: Path, *, length_s: float) -> None:
    """Write the video stream of a file over and over, for so long."""
    with av.open(str(source)) as container:
        video = container.streams.video[0]
        packets = [packet for packet in container.demux(video) if packet.dts is not None]
        taken = packets[-1].dts + packets[-1].duration - packets[0].dts
    with av.open(str(target), "w", format="matroska") as out:
        stream = None
        for offset in count(0, taken):
            with av.open(str(source)) as container:
                video = container.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                for packet in container.demux(video):
                    if packet.dts is None:
                        continue
                    if (packet.dts + offset) * video.time_base >= length_s:
                        return
                    packet.dts += offset
                    packet.pts += offset
                    packet.stream = stream
                    out.mux(packet)


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds that this process takes."""
    before_s = time.process_time()
    work()
    return time.process_time() - before_s


def decode(path: Path) -> tuple[int, float]:
    """Decode as a scan does; how many windows, and millions of pixels of a frame."""
    with path.open("rb") as file, open_video(file) as video:
        num = sum(1 for _ in video.read())
        return num, video.info.width_px * video.info.height_px / 1e6


def measure(path: Path, *, length_s: float, preparer: VideoPreparer) -> tuple[float, float] | None:
    """CPU seconds of decoding by second and million pixels, and those beside it by clip; None without a face."""
    with TemporaryDirectory(prefix="gsg-bench-") as scratch:
        target = Path(scratch) / "long.mkv"
        try:
            lengthen(path, target, length_s=length_s)
            num_windows, megapixels = decode(target)
        except (VideoError, ValueError):
            return None
        decode_s = cpu_s(partial(decode, target))
        opener = partial(open_object, listed(str(target)))
        if not (video := preparer.prepare(opener)).clips:
            return None
        whole_s = cpu_s(partial(preparer.prepare, opener))
        shape = f"{length_s:5.0f} s {megapixels:5.2f} MP {num_windows:3} windows {len(video.clips):3} clips"
        print(f"{path.name:<34} {shape} {decode_s:7.2f} + {whole_s - decode_s:6.2f} CPU s", flush=True)
        return decode_s / length_s / megapixels, (whole_s - decode_s) / len(video.clips)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lengths-s", type=float, nargs="+", default=[10.0, 55.0, 550.0])
    given = parser.parse_args()
    torch.set_num_threads(1)
    usual = ScanSettings()
    preparer = replace(one_clip(), window_s=usual.window_s, max_clips=usual.max_clips)
    found: dict[float, list[tuple[float, float]]] = defaultdict(list)
    for path in sorted(given.folder.iterdir()):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            for length_s in given.lengths_s:
                if costs := measure(path, length_s=length_s, preparer=preparer):
                    found[length_s].append(costs)
    for length_s, costs in found.items():
        for what, values in zip(("decoding a s and MP", "beside it a clip"), zip(*costs, strict=True), strict=True):
            spread = f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f}), {len(values)} files"
            print(f"{length_s:5.0f} s, {what}: {spread}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
