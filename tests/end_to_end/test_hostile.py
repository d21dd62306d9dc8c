"""A scan of files that mean harm: each ends in its status, nothing else is read, and no actor dies."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from gsgmodel.datasets.made import make_videos
from tests import hostile
from tests.end_to_end.scans import rows_of, summary_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]
HARMLESS = {"unreadable", "unsupported", "too_short", "too_large"}
ONE_EACH = ("--prepare-actors", "1", "--score-actors", "1")
COLUMNS = "uri, status, error_text, frames_decoded, sandbox, attempts"
MOST_BYTES = 3 << 30


@contextmanager
def listening() -> Iterator[tuple[str, list[Any]]]:
    """A server on loopback that notes who connects."""
    came: list[Any] = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.2)
        is_over = threading.Event()

        def accept() -> None:
            while not is_over.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                came.append(address)
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", came
        finally:
            is_over.set()
            thread.join()


def watch(scan: Any, seen: set[int], most: list[int]) -> bool:
    """Notes actors and the memory of decoders; whether the scan is over."""
    for worker in scan.workers("prepare"):
        seen.add(worker.pid)
        try:
            most.extend(child.memory_info().rss for child in worker.children(recursive=True))
        except psutil.Error:
            continue
    return scan.process.poll() is not None


def test_no_file_hurts_the_scan(archive: Path, model: Path, tmp_path: Path, start_scan: Any) -> None:
    source, secret = tmp_path / "in", tmp_path / "secret"
    source.mkdir()
    secret.mkdir()
    good = min(archive.glob("*.mp4"))
    (target,) = (video.path for video in make_videos(secret, num_videos=1, seconds=0.5, size_px=128))
    (source / "good.mp4").write_bytes(good.read_bytes())
    (source / "standing_still.ts").write_bytes(hostile.standing_still(hostile.packed_ts(), times=200))
    files = [*hostile.write_odd_files(source), *hostile.write_bombs(source)]
    with listening() as (url, came):
        files += hostile.write_playlists(source, target_path=target, target_url=url)
        scan = start_scan(source, "--model", model, "--output", tmp_path / "out", *ONE_EACH, "--sandbox", "best-effort")
        actors: set[int] = set()
        memory_bytes: list[int] = []
        scan.wait_for(lambda: watch(scan, actors, memory_bytes), timeout_s=600)
        code, _, err = scan.finish()
        assert code == 0, err
        assert came == []
    rows = rows_of(tmp_path / "out", COLUMNS)
    assert rows.pop("good.mp4")["status"] == "scored"
    assert rows.pop("standing_still.ts")["status"] in {"no_face", "unreadable"}
    assert rows.keys() == {path.name for path in files}
    odd = {name: row for name, row in rows.items() if row["status"] not in HARMLESS or row["frames_decoded"]}
    assert odd == {}
    assert {name: rows[name]["status"] for name in ("pixels_8000x8000.mp4", "empty.mp4")} == {
        "pixels_8000x8000.mp4": "too_large",
        "empty.mp4": "unreadable",
    }
    assert {row["attempts"] for row in rows.values()} == {1}
    assert {row["sandbox"] for row in rows.values()} <= {
        "process+limits+landlock+seccomp",
        "process+limits+seccomp",
        "process+limits+landlock",
        "process+limits",
    }
    assert len(actors) == 1, "an actor died"
    assert max(memory_bytes) < MOST_BYTES
    summary = summary_of(tmp_path / "out")
    # Two that go in a circle, one that goes nowhere; a pipe, a device, a socket.
    assert summary["left_out"] == {"missing": 3, "not_a_file": 3}
