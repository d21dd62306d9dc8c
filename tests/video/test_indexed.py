"""Tracks by the container's index."""

import io
import struct

import numpy as np
import pytest

from gsgmodel.errors import TooLargeError, UnreadableError
from gsgmodel.video.indexed import MAX_TOP_LEVEL_BOXES, IndexedTrack, is_fragmented
from gsgmodel.video.limits import DecodeClock, DecodeLimits
from gsgmodel.video.listed import ListedTrack
from gsgmodel.video.reader import open_video
from gsgmodel.video.source import CountedSource

KEYED = {"preset": "ultrafast", "x264-params": "scenecut=0:bframes=2:b-adapt=0"}


def box(name, payload=b"", *, long=False):
    if long:
        return struct.pack(">I4sQ", 1, name, 16 + len(payload)) + payload
    return struct.pack(">I4s", 8 + len(payload), name) + payload


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", False),
        (box(b"ftyp", b"isom"), False),
        (box(b"ftyp") + box(b"moov", bytes(100)) + box(b"mdat", bytes(50)), False),
        (box(b"ftyp") + box(b"moov", bytes(100)) + box(b"moof"), True),
        (box(b"mdat", b"moof" * 20, long=True) + box(b"moov"), False),
        (box(b"mdat", bytes(10), long=True) + box(b"moof"), True),
        (box(b"mdat")[:4] + b"moov" + struct.pack(">I4s", 1 << 31, b"mdat"), False),
        (struct.pack(">I4s", 0, b"mdat") + box(b"moof"), False),
        (struct.pack(">I4s", 3, b"mdat") + box(b"moof"), False),
        (box(b"free") * (MAX_TOP_LEVEL_BOXES + 1), True),
    ],
)
def test_fragments_are_seen_from_the_outermost_boxes(data, expected):
    source = CountedSource(io.BytesIO(data), clock=DecodeClock(max_s=1e9), max_bytes=10**6)
    source.seek(5)
    assert is_fragmented(source) is expected
    assert source.tell() == 5


def track_of(path):
    with path.open("rb") as file, open_video(file) as video:
        list(video.read())
        return video._session.track


def test_a_plain_file_goes_by_its_index(make_video):
    track = track_of(make_video("a.mp4", gop=12, options=KEYED))
    assert isinstance(track, IndexedTrack)
    np.testing.assert_allclose(track.time_s, np.arange(60) / 25)
    assert track.duration_s == pytest.approx(60 / 25)


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "frag_keyframe", "frag_every_frame+empty_moov"])
def test_a_fragmented_file_goes_by_its_packets(make_video, flags):
    path = make_video("a.mp4", gop=12, container_options={"movflags": flags})
    assert isinstance(track_of(path), ListedTrack)


def test_only_groups_of_pictures_that_hold_a_sampled_frame_are_read(make_video):
    path = make_video("a.mp4", num=240, gop=4, crf=1, height=192, width=256, options=KEYED)
    size = path.stat().st_size
    with path.open("rb") as file, open_video(file, frames_per_clip=4) as video:
        (window,) = video.read()
    assert len(window.frames) == 4
    assert video.bytes_read < 0.25 * size


class Expecting(io.BytesIO):
    """Notes what it is told to expect, and what is read after that."""

    def __init__(self, data):
        super().__init__(data)
        self.expected, self.read_later = [], []

    def expect(self, ranges):
        self.expected += ranges

    def read(self, size=-1, /):
        place = self.tell()
        data = super().read(size)
        if self.expected:
            self.read_later.append((place, place + len(data)))
        return data


@pytest.mark.parametrize("gop", [4, 30])
@pytest.mark.parametrize("flags", ["", "faststart"])
def test_the_file_is_told_where_the_groups_lie_before_they_are_read(make_video, gop, flags):
    options = {"movflags": flags} if flags else {}
    path = make_video("a.mp4", num=240, gop=gop, crf=1, height=192, width=256, options=KEYED, container_options=options)
    data = path.read_bytes()
    file = Expecting(data)
    with open_video(file, frames_per_clip=4) as video:
        list(video.read())
    assert file.read_later
    assert all(any(a <= start and stop <= b for a, b in file.expected) for start, stop in file.read_later)
    assert sum(stop - start for start, stop in file.expected) < (0.25 if gop == 4 else 0.75) * len(data)


def test_the_whole_file_is_read_little_more_than_once_where_all_is_needed(make_video):
    path = make_video("a.mp4", num=240, gop=30, crf=1, height=192, width=256, options=KEYED)
    with path.open("rb") as file, open_video(file, frames_per_clip=60) as video:
        list(video.read())
    assert video.bytes_read < 1.2 * path.stat().st_size


@pytest.mark.parametrize("window_s", [60.0, 1.0])
def test_uneven_times_are_exact_for_every_sampled_frame(make_video, read_number, window_s):
    times = np.cumsum([0.0, *([0.04, 0.2, 0.01] * 30)])[:60]
    path = make_video("a.mp4", gop=12, time_s=tuple(times), options=KEYED)
    with path.open("rb") as file, open_video(file, window_s=window_s) as video:
        found = [pair for window in video.read() for pair in zip(window.time_s, window.frames, strict=True)]
    for time_s, picture in found:
        assert time_s == pytest.approx(times[read_number(picture)], abs=1e-4)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_time_counts_from_the_first_frame_wherever_the_track_starts(make_video, read_number, name):
    path = make_video(name, gop=12, time_s=tuple(8.25 + i / 25 for i in range(60)), options=KEYED)
    with path.open("rb") as file, open_video(file) as video:
        (window,) = video.read()
    assert video.info.duration_s == pytest.approx(2.4, abs=0.01)
    for time_s, picture in zip(window.time_s, window.frames, strict=True):
        assert time_s == pytest.approx(read_number(picture) / 25, abs=2e-3)


def faststart(make_video):
    return make_video("a.mp4", gop=60, crf=10, options=KEYED, container_options={"movflags": "faststart"}).read_bytes()


def test_a_file_that_lacks_its_end_is_scored_by_what_it_promised(make_video):
    data = faststart(make_video)
    with open_video(io.BytesIO(data[: int(0.9 * len(data))])) as video:
        (window,) = video.read()
    assert video.info.num_frames == 60
    assert 1 <= window.frames_missing <= 4
    assert len(window.positions) == 12
    assert window.positions[-1] == len(window.frames) - 1


def test_a_file_that_lacks_half_is_unreadable(make_video):
    data = faststart(make_video)
    with open_video(io.BytesIO(data[: int(0.5 * len(data))])) as video:
        iterator = video.read()
        next(iterator)
        with pytest.raises(UnreadableError, match="of 12 sampled frames"):
            next(iterator)


def test_an_index_with_too_many_frames_is_too_large(make_video):
    path = make_video("a.mp4", gop=12, options=KEYED)
    with path.open("rb") as file, pytest.raises(TooLargeError, match="60 frames"):
        open_video(file, limits=DecodeLimits(max_frames=59))


def test_a_group_too_large_to_be_kept_is_decoded_in_order_instead(make_video, decode_everything):
    path = make_video("a.mp4", gop=12, options=KEYED)
    everything = decode_everything(path)
    with path.open("rb") as file, open_video(file, limits=DecodeLimits(max_kept_bytes=1000)) as video:
        (window,) = video.read()
    for rank, picture in zip(video.windows[0].targets, window.frames, strict=True):
        np.testing.assert_array_equal(picture, everything[rank])


def with_flag_cleared(data):
    """Move a box of the index that says where keys are out of sight: every frame then counts as one."""
    return data.replace(b"stss", b"free")


def test_keys_that_are_none_are_noticed_and_decoding_starts_over(make_video, decode_everything):
    made = make_video("a.mp4", gop=60, options=KEYED)
    everything = decode_everything(made)
    with open_video(io.BytesIO(with_flag_cleared(made.read_bytes()))) as video:
        (window,) = video.read()
    assert window.frames_missing == 0
    for rank, picture in zip(video.windows[0].targets, window.frames, strict=True):
        np.testing.assert_array_equal(picture, everything[rank])
