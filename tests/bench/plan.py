"""How soon a scan of millions of videos scores its first one, and how much memory the driver takes.

Usage: python tests/bench/plan.py [--videos N] [--new N] [--where spread|end]

Writes a table of N done videos into a scratch folder, lists the same N as a store would (generated, not kept) with some
real ones among them or after them, scans, and prints one line of JSON: seconds from the start of the job to the first
scored video and to the end of the listing, and the largest memory of the driver.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from gsgmodel.archive.conditions import parse_filters
from gsgmodel.archive.identity import local_path
from gsgmodel.archive.local import named_file
from gsgmodel.archive.objects import _judged
from gsgmodel.archive.s3 import S3Object
from gsgmodel.records import VideoRef
from gsgmodel.scan.settings import ScanSettings

ROWS_A_FILE = 500_000


def listed(num_videos: int) -> Iterator[VideoRef]:
    """A bucket of many videos, as a listing describes each."""
    filters = parse_filters(())
    for number in range(num_videos):
        found = S3Object(
            key=f"uploads/{number // 1000:06}/{number:012}.mp4",
            etag=f"{number:032x}",
            size_bytes=1_000_000 + number % 999_983,
            last_modified_s=1_700_000_000.0 + number,
        )
        ref = _judged("archive", found, filters=filters)
        assert isinstance(ref, VideoRef)
        yield ref


def mixed(num_videos: int, videos: list[Path], *, where: str) -> Iterator[VideoRef]:
    """The same, with real videos among them or at their end."""
    new = [named_file(local_path(str(path)), filters=parse_filters(())) for path in videos]
    every = num_videos // len(new) if where == "spread" else num_videos
    for number, ref in enumerate(listed(num_videos)):
        if where == "spread" and number % every == 0 and new:
            yield new.pop()  # type: ignore[misc]
        yield ref
    yield from new  # type: ignore[misc]


def fill(output: Path, num_videos: int, *, key: str) -> None:
    """A table that holds all of them."""
    from datetime import UTC, datetime

    from deltalake import write_deltalake

    from gsgmodel.results.schema import SCHEMA_VERSION, VIDEOS
    from gsgmodel.results.table import VideoTable
    from gsgmodel.video.container import DECODER_VERSION

    table = VideoTable.open_or_create(str(output))
    now = datetime.now(UTC)
    constant = {
        "scoring_id": key,
        "status": "no_face",
        "decoder": DECODER_VERSION,
        "run_id": "r",
        "scored_at": now,
        "last_modified": now,
        "schema_version": SCHEMA_VERSION,
    }
    refs = listed(num_videos)
    for start in range(0, num_videos, ROWS_A_FILE):
        some = [next(refs) for _ in range(min(ROWS_A_FILE, num_videos - start))]
        own = {name: [getattr(ref, name) for ref in some] for name in ("video_id", "uri", "etag", "size_bytes")}
        columns = [
            pa.array(own[column.name], column.type)
            if column.name in own
            else pa.repeat(pa.scalar(constant.get(column.name), column.type), len(some))
            for column in VIDEOS
        ]
        write_deltalake(table.uri, pa.Table.from_arrays(columns, schema=VIDEOS), mode="append")


def make_model(folder: Path) -> str:
    """A small model; returns the scoring that its rows go by."""
    from gsgmodel.model.config import GSGConfig
    from gsgmodel.model.gsg import GSGModel
    from gsgmodel.model.settings import ModelSettings
    from gsgmodel.model.weights import save_model
    from gsgmodel.scan.opening import scoring_id
    from gsgmodel.tracking.registry import resolve_model

    config, defaults = GSGConfig(backbone="tiny", hidden=32), ScanSettings()
    save_model(folder, GSGModel(config), ModelSettings(architecture=config, operating_points={"default": 0.5}))
    model = resolve_model(str(folder), tracking_uri="none")
    return scoring_id(
        model_digest=model.digest,
        preparation=model.settings.preparation,
        faces=defaults.faces,
        window_s=defaults.window_s,
        max_clips=defaults.max_clips,
    )


def scan(num_videos: int, folder: Path, *, where: str) -> dict[str, Any]:
    """The scan, timed from before its first import of anything heavy."""
    started_s = time.monotonic()
    import gsgmodel.archive.listing
    from gsgmodel.scan.commit import Committer
    from gsgmodel.scan.planner import Planner
    from jobs.score import score_archive

    seen: dict[str, float] = {}
    take, end = Committer.take, Planner._end

    def taking(committer: Committer, block: pa.Table) -> list[bytes]:
        seen.setdefault("first_scored_s", time.monotonic() - started_s)
        return take(committer, block)

    def ending(planner: Planner) -> None:
        seen.setdefault("listed_s", time.monotonic() - started_s)
        end(planner)

    Committer.take, Planner._end = taking, ending  # type: ignore[method-assign]
    videos = sorted((folder / "videos").glob("*.mp4"))
    gsgmodel.archive.listing.list_archive = lambda *_, **__: mixed(num_videos, videos, where=where)
    settings = ScanSettings(model=str(folder / "model"), output=str(folder / "results"), tracking_uri="none")
    summary = score_archive((str(folder / "videos"),), settings)
    assert summary is not None
    assert (summary.exit_code, summary.planned, summary.committed) == (0, len(videos), len(videos))
    assert sum(summary.left_out.values()) == num_videos
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {name: round(value, 1) for name, value in seen.items()} | {
        "wall_s": round(time.monotonic() - started_s, 1),
        "driver_gb": round(peak_bytes / 1e9, 2),
    }


def main() -> None:
    """Fill a table and scan in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=10_000_000)
    parser.add_argument("--new", type=int, default=8)
    parser.add_argument("--where", choices=("spread", "end"), default="spread")
    parser.add_argument("--folder", type=Path, help="of an earlier call, whose table is used again")
    parser.add_argument("--child", action="store_true")
    given = parser.parse_args()
    if given.child:
        print(json.dumps(scan(given.videos, given.folder, where=given.where)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        if not (folder / "results").exists():
            fill(folder / "results", given.videos, key=make_model(folder / "model"))
        # Each call has videos of its own, so that there is something new each time.
        from gsgmodel.datasets.made import make_videos

        make_videos(folder / "videos", num_videos=given.new, seconds=1.0, size_px=192, seed=time.time_ns() % 2**31)
        command = [sys.executable, __file__, "--child", "--videos", str(given.videos), "--where", given.where]
        done = subprocess.run([*command, "--folder", str(folder)], stdout=subprocess.PIPE, text=True, check=True)
        print(json.dumps({"videos": given.videos, "where": given.where} | json.loads(done.stdout.splitlines()[-1])))


if __name__ == "__main__":
    main()
