"""CPU time of decoding the sampled frames, against decoding everything in order and keeping the same ones.

    python tests/bench/decode.py FOLDER [--repeat N] [--suffix .mp4]

Both ways run on one thread, turn their frames to RGB alike, and are timed with the process's CPU clock; of N runs
the fastest counts. Prints a line a file and the mean and range of the ratios by codec.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av

from gsgmodel.errors import VideoError
from gsgmodel.video.pictures import Painter, shown_size
from gsgmodel.video.reader import open_video


def decode_sampled(path: Path) -> tuple[str, int, tuple[int, ...]]:
    """Decode as the scan does; return codec, stream and ranks."""
    with path.open("rb") as file, open_video(file) as video:
        for _ in video.read():
            pass
        ranks = tuple(rank for window in video.windows for rank in window.targets)
        return video.info.codec, video._session._opened.stream.index, ranks


def decode_everything(path: Path, stream_index: int, ranks: tuple[int, ...]) -> None:
    """Decode in order up to the end and keep the frames of these ranks."""
    wanted, painter = set(ranks), None
    with av.open(str(path)) as container:
        stream = container.streams[stream_index]
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        for rank, frame in enumerate(container.decode(stream)):
            painter = painter or Painter(shown_size(frame, stream.sample_aspect_ratio))
            if rank in wanted:
                painter.paint(frame)


def cpu_s(work: Callable[[], object], repeat: int) -> float:
    """Return the least CPU time of ``repeat`` runs."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--suffix", default="")
    options = parser.parse_args()
    ratios = defaultdict(list)
    print(f"{'ours s':>8} {'all s':>8} {'ratio':>6}  codec       file")
    for path in sorted(options.folder.rglob(f"*{options.suffix}")):
        if not path.is_file():
            continue
        try:
            codec, stream_index, ranks = decode_sampled(path)
            ours = cpu_s(partial(decode_sampled, path), options.repeat)
            everything = cpu_s(partial(decode_everything, path, stream_index, ranks), options.repeat)
        except (VideoError, av.FFmpegError) as error:
            print(f"{'':24}  left out    {path.name}: {error}", file=sys.stderr)
            continue
        ratios[codec].append(everything / ours)
        print(f"{ours:8.3f} {everything:8.3f} {everything / ours:6.2f}  {codec:10}  {path.name}")
    for codec, found in sorted(ratios.items()):
        print(f"{codec}: {len(found)} files, mean {statistics.mean(found):.2f}, {min(found):.2f} to {max(found):.2f}")


if __name__ == "__main__":
    main()
