"""Decoding the sampled frames, against decoding everything in order and what other libraries offer for it.

All ways run on one thread and end with the same twelve frames as RGB, except that OpenCV gives BGR. OpenCV decodes in
order and keeps the wanted ones; decord and torchcodec are asked for the frames by number. A peer that is not installed,
or does not read every file, is left out, and the facts say so. The ratios by codec are of ours to decoding everything.
"""

import statistics
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import av

from gsgmodel.archive.listing import VIDEO_SUFFIXES
from gsgmodel.errors import VideoError
from gsgmodel.video.pictures import Painter, shown_size
from gsgmodel.video.reader import open_video
from tests.bench.side_by_side import Comparison, take_turns

PEER, OURS = "PyAV, everything in order", "a scan"


def decode_sampled(path: Path) -> tuple[str, int, tuple[int, ...]]:
    """Decode as a scan does; return codec, stream and ranks."""
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


def opencv(path: Path, ranks: tuple[int, ...]) -> None:
    """Decode in order up to the last wanted frame."""
    import cv2

    video, wanted = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1]), set(ranks)
    for rank in range(max(ranks) + 1):
        if not video.grab():
            raise RuntimeError("it gives fewer frames")
        if rank in wanted:
            video.retrieve()


def decord(path: Path, ranks: tuple[int, ...]) -> None:
    """Ask for the frames by number."""
    import decord as library

    library.VideoReader(str(path), num_threads=1).get_batch(list(ranks)).asnumpy()


def torchcodec(path: Path, ranks: tuple[int, ...]) -> None:
    """Ask for the frames by number."""
    from torchcodec.decoders import VideoDecoder

    VideoDecoder(str(path), num_ffmpeg_threads=1).get_frames_at(list(ranks))


PEERS = {"OpenCV": opencv, "decord": decord, "torchcodec": torchcodec}
FAILURES = (ImportError, OSError, RuntimeError, ValueError, IndexError)


def reads(way: Callable[[], object]) -> bool:
    """Whether a peer is installed and gives the frames."""
    with suppress(*FAILURES):
        way()
        return True
    return False


def measure(folder: Path, *, rounds: int) -> Comparison:
    """Compare over every video of a folder; the table has the ways that read all of them."""
    found: list[dict[str, list[float]]] = []
    ratios, left_out = defaultdict(list), dict.fromkeys(PEERS, 0)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in VIDEO_SUFFIXES:
            continue
        try:
            codec, stream_index, ranks = decode_sampled(path)
            decode_everything(path, stream_index, ranks)
        except (VideoError, av.FFmpegError):
            continue
        peers = {name: partial(peer, path, ranks) for name, peer in PEERS.items()}
        readers = {name: way for name, way in peers.items() if reads(way)}
        everything = partial(decode_everything, path, stream_index, ranks)
        took_s = take_turns({PEER: everything, OURS: partial(decode_sampled, path), **readers}, rounds=rounds)
        found.append(took_s)
        ratios[codec].append(min(took_s[OURS]) / min(took_s[PEER]))
        for name in PEERS.keys() - readers.keys():
            left_out[name] += 1
    everywhere = [name for name in (PEER, OURS, *PEERS) if not left_out.get(name)]
    facts = {
        f"{codec}: {OURS}'s share of {PEER}": f"mean {statistics.mean(values):.2f}, {min(values):.2f} to "
        f"{max(values):.2f}, {len(values)} files"
        for codec, values in sorted(ratios.items())
    }
    facts |= {f"not read by {name}": f"{number} of {len(found)} files" for name, number in left_out.items() if number}
    sums = {name: [sum(values) for values in zip(*(each[name] for each in found), strict=True)] for name in everywhere}
    return Comparison(title="Decoding", peer=PEER, took_s=sums, facts=facts)
