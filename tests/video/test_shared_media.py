"""Real and hostile files: each ends as its manifest says, with the pictures of decoding everything."""

import csv
import socket
import threading

import av
import numpy as np
import pytest

from gsgmodel.errors import VideoError
from gsgmodel.video.pictures import Painter, shown_size
from gsgmodel.video.reader import open_video

pytestmark = pytest.mark.shared

LONG = {"C/androidx__long_180p_av1.mp4", "C/made__60000_frames_16x16.mp4", "C/androidx__8k24fps_300ms.mp4"}
"""Decoded as sampled, but not compared with decoding everything, which would take too long here."""
CANARY_PORT = 18999


@pytest.fixture(scope="module")
def manifest(shared_data):
    with (shared_data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["kind"] in {"A", "C"}]


@pytest.fixture
def canary():
    hits = []
    with socket.create_server(("127.0.0.1", CANARY_PORT)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def accept():
            while not stop.is_set():
                try:
                    hits.append(server.accept()[1])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield hits
        stop.set()
        thread.join()


def everything_at(path, stream_index, ranks):
    """The frames of these ranks by decoding all in order, until the first error."""
    wanted, found, painter = set(ranks), {}, None
    with av.open(str(path)) as container:
        stream = container.streams[stream_index]
        stream.codec_context.thread_type = "NONE"
        try:
            for rank, frame in enumerate(container.decode(stream)):
                painter = painter or Painter(shown_size(frame, stream.sample_aspect_ratio))
                if rank in wanted:
                    found[rank] = (frame.is_corrupt, painter.paint(frame))
        except av.FFmpegError:
            return found, False
    return found, True


def ends_as(path):
    try:
        with path.open("rb") as file, open_video(file) as video:
            for _ in video.read():
                pass
    except VideoError:
        return "error"
    return "decodes"


def test_every_file_ends_as_its_manifest_says_and_none_calls_out(shared_data, manifest, canary):
    wrong = []
    for row in manifest:
        expected = {row["expected"], *row["expected_alt"].split("|")}
        allowed = {"error"} & expected | ({"decodes"} if expected & {"scored", "no_face"} else set())
        found = ends_as(shared_data / row["file"])
        if found not in allowed:
            wrong.append((row["file"], found, allowed))
    assert wrong == []
    assert canary == []
    assert len(manifest) > 80


def test_sampled_pictures_are_those_of_decoding_everything(shared_data, manifest):
    wrong, compared = [], 0
    for row in manifest:
        path = shared_data / row["file"]
        if row["file"] in LONG or ends_as_error(row):
            continue
        try:
            with path.open("rb") as file, open_video(file) as video:
                ranks = [rank for window in video.windows for rank in window.targets]
                pictures = [picture for window in video.read() for picture in window.frames]
                stream_index = video._session._opened.stream.index
        except VideoError:
            continue
        everything, is_whole = everything_at(path, stream_index, ranks)
        if not is_whole or video.frames_missing:
            continue
        same = [np.array_equal(picture, everything[rank][1]) for rank, picture in zip(ranks, pictures, strict=True)]
        compared += len(same)
        if not all(same):
            wrong.append((row["file"], same))
    assert wrong == []
    assert compared > 500


def ends_as_error(row):
    return row["expected"] == "error" and not row["expected_alt"]
