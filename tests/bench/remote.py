"""What a scan reads of an hour of video on S3 for one clip of 12 frames.

The packets of a real video are written again and again, with their own key frames, until they make an hour; nothing is
encoded. The file lies behind a real S3 API over HTTP. Requests are counted as they leave, those that read ahead too,
and each is held up for as long as a store in the same region takes to answer.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import av

from gsgmodel.archive import pinned
from gsgmodel.archive.reading import open_object
from gsgmodel.archive.s3 import call, read_range
from gsgmodel.model.settings import PREPARATION
from gsgmodel.records import VideoRef
from tests.bench.one_clip import listed, one_clip
from tests.bench.side_by_side import Comparison
from tests.servers import serving_s3

HOUR_S = 3600.0
LATENCY_S = 0.03
"""Until the first byte; an assumption, tens of milliseconds are usual within a region."""
LAYOUTS = {"index at the end": {}, "index at the start": {"movflags": "faststart"}}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}
BUCKET = "bench"


def write_hour(source: Path, target: Path, options: dict[str, str]) -> None:
    """Write the video stream of a file over and over, for an hour."""
    with av.open(str(target), "w", format="mp4", options=options) as out:
        stream, offset = None, 0
        while True:
            with av.open(str(source)) as container:
                video = container.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                packets = [packet for packet in container.demux(video) if packet.dts is not None]
                length = packets[-1].dts + packets[-1].duration - packets[0].dts
                for packet in packets:
                    packet.dts += offset
                    packet.pts += offset
                    packet.stream = stream
                    out.mux(packet)
                offset += length
                if offset * video.time_base >= HOUR_S:
                    return


@contextmanager
def counted() -> Iterator[list[tuple[int, float]]]:
    """The bytes of every request of an object's contents, and the seconds that it took."""
    requests: list[tuple[int, float]] = []

    def read(bucket: str, key: str, start: int, stop: int, **place: str | None) -> bytes:
        started_s = time.monotonic()
        time.sleep(LATENCY_S)
        content: bytes = read_range(bucket, key, start, stop, **place)  # type: ignore[arg-type]
        requests.append((len(content), time.monotonic() - started_s))
        return content

    with mock.patch.object(pinned, "read_range", read):
        yield requests


def measure(folder: Path, *, rounds: int) -> Comparison:
    """MB read of the whole object and by a scan; ``rounds`` changes nothing, because bytes are the same each time."""
    del rounds
    by_size = sorted(folder.glob("*.mp4"), key=lambda path: path.stat().st_size)
    source = by_size[len(by_size) // 2]
    preparer = one_clip()

    def prepare(ref: VideoRef, endpoint: str | None) -> tuple[float, int]:
        started_s = time.monotonic()
        video = preparer.prepare(partial(open_object, ref, s3_endpoint=endpoint))
        return time.monotonic() - started_s, len(video.clips)

    took: dict[str, list[float]] = {}
    facts: dict[str, object] = {"video": f"an hour of {source.name}, one clip of {PREPARATION.frames_per_clip} frames"}
    with TemporaryDirectory(prefix="gsg-bench-") as scratch, mock.patch.dict(os.environ, CREDENTIALS):
        (Path(scratch) / "served").mkdir()
        with serving_s3(Path(scratch) / "served") as endpoint:
            call(endpoint, "create_bucket", Bucket=BUCKET)
            for layout, options in LAYOUTS.items():
                path = Path(scratch) / "hour.mp4"
                write_hour(source, path, options)
                ref = _stored(path, endpoint)
                local_s, _ = prepare(listed(str(path)), None)
                with counted() as requests:
                    remote_s, num_clips = prepare(ref, endpoint)
                read_bytes, took_s = sum(size for size, _ in requests), sum(each_s for _, each_s in requests)
                took |= {f"whole, {layout}": [ref.size_bytes / 1e6], f"a scan, {layout}": [read_bytes / 1e6]}
                facts[f"share read, {layout}"] = f"{read_bytes / ref.size_bytes:.4f} in {len(requests)} requests"
                facts[f"wall, {layout}"] = (
                    f"{remote_s:.1f} s, of a local file {local_s:.1f} s; the requests took {took_s:.1f} s all together"
                )
                facts[f"clips, {layout}"] = num_clips
    return Comparison(title="An hour on S3", peer=next(iter(took)), took_s=took, unit="MB read", facts=facts)


def _stored(path: Path, endpoint: str) -> VideoRef:
    call(endpoint, "put_object", Bucket=BUCKET, Key=path.name, Body=path.read_bytes())
    return listed(f"s3://{BUCKET}/{path.name}", s3_endpoint=endpoint)
