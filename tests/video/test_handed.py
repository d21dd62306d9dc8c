"""What the process that decodes hands over is believed only as far as it was checked."""

import json
import mmap
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.records import VideoInfo
from gsgmodel.video.child import IO_BYTES
from gsgmodel.video.handed import handed_info, handed_window, is_ascending, is_range

INFO = VideoInfo(
    container="mov",
    codec="h264",
    decoder="av 1",
    width_px=8,
    height_px=4,
    duration_s=2.0,
    native_fps=25.0,
    num_frames=50,
)
FRAME_BYTES = 4 * 8 * 3
WINDOW = {
    "start_s": 0.0,
    "end_s": 2.0,
    "time_s": [0.5, 1.5],
    "shape": [4, 8, 3],
    "positions": [0, 0, 1],
    "frames_missing": 1,
}
ODD = (
    *(None, True, -1, 1 << 60, 1.5, float("nan"), float("inf"), "1", [], [1, 2, 3], {}, [[]]),
    *([float("nan")], [0.1] * 9, [-1], [0, 0, 2], [0, 0, 1.0], [True, False, False], {"a": 1}),
)


@pytest.fixture
def shared():
    with mmap.mmap(-1, IO_BYTES + 3 * FRAME_BYTES) as memory:
        memory[IO_BYTES:] = bytes(range(256)) + bytes(3 * FRAME_BYTES - 256)
        yield memory


def window(said, shared, *, info=INFO):
    return handed_window(said, shared, info=info, frames_per_clip=3)


def test_the_frames_of_a_window_lie_in_the_memory_one_after_the_other(shared):
    found = window(WINDOW, shared)
    assert (found.start_s, found.end_s, found.positions, found.frames_missing) == (0.0, 2.0, (0, 0, 1), 1)
    assert found.time_s.tolist() == [0.5, 1.5]
    assert [frame.shape for frame in found.frames] == [(4, 8, 3)] * 2
    assert found.frames[1].ravel()[:3].tolist() == [FRAME_BYTES, FRAME_BYTES + 1, FRAME_BYTES + 2]
    del found


@pytest.mark.parametrize("name", WINDOW)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_window_with_one_odd_value_is_none_or_as_good_as_any(shared, name, value):
    found = window(WINDOW | {name: value}, shared)
    if found is not None:
        assert len(found.positions) == 3
        assert all(position < len(found.frames) for position in found.positions)
        assert np.isfinite(found.time_s).all()
        assert 0 <= found.frames_missing <= 3
        assert found.end_s >= 0
    assert found is None or name in {"start_s", "end_s", "time_s", "frames_missing", "positions"}
    del found


@pytest.mark.parametrize("said", [None, [], 1, "window", {}])
def test_what_is_no_window_is_none(shared, said):
    assert window(said, shared) is None


def test_a_window_larger_than_the_memory_is_none(shared):
    large = VideoInfo(**(asdict(INFO) | {"width_px": 1 << 20, "height_px": 1 << 20}))
    assert window(WINDOW | {"shape": [1 << 20, 1 << 20, 3]}, shared, info=large) is None
    assert window(WINDOW | {"time_s": [0.1, 0.2, 0.3]}, shared) is not None


def test_what_is_known_of_a_video_is_taken_as_it_was_said():
    assert handed_info(json.loads(json.dumps({"info": asdict(INFO)}))) == INFO


@pytest.mark.parametrize("name", list(asdict(INFO)))
@pytest.mark.parametrize("value", [None, -1, float("nan"), "x" * 200, [], True], ids=repr)
def test_a_video_with_an_impossible_value_is_none(name, value):
    assert handed_info({"info": asdict(INFO) | {name: value}}) is None


@pytest.mark.parametrize("opened", [None, {}, {"info": None}, {"info": {}}, {"info": asdict(INFO) | {"more": 1}}])
def test_what_is_no_video_is_none(opened):
    assert handed_info(opened) is None


@given(offset=st.integers(-5, 120), size=st.integers(-5, 120))
def test_a_range_lies_within_the_file_and_is_no_longer_than_may_be(offset, size):
    is_good = offset >= 0 and 0 < size <= 20 and offset + size <= 100
    assert is_range([offset, size], 100, 20) == is_good


@pytest.mark.parametrize("value", [None, 1, [], [1], [1, 2, 3], ["0", 1], [0, 1.0], [True, True], {"0": 1}])
def test_what_is_no_range_is_refused(value):
    assert not is_range(value, 100, 20)


@given(places=st.lists(st.integers(-3, 23), max_size=6))
def test_expected_ranges_ascend_apart_from_each_other_within_the_file(places):
    ranges = [places[at : at + 2] for at in range(0, len(places), 2)]
    is_good = len(places) % 2 == 0 and places == sorted(set(places)) and all(0 <= place <= 20 for place in places)
    assert is_ascending(ranges, 20) == is_good


@pytest.mark.parametrize("value", [None, 1, {}, [1, 2], [[1]], [[1, 2, 3]], [["0", 1]], [[0, 1.0]], [[0, None]]])
def test_what_are_no_ranges_is_refused(value):
    assert not is_ascending(value, 20)
