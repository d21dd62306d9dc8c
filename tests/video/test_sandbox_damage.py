"""Damaged files in the sandbox: each ends as a video or with a named error, and no decoder is lost."""

import io
import time
import warnings
from collections import Counter

import pytest

from gsgmodel.errors import VideoError
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.sandbox import Sandbox
from tests import hostile

HOW = {"frames_per_clip": 6, "window_s": 1.0, "max_clips": 8}
LIMITS = DecodeLimits(max_window_bytes=64 << 20, max_memory_bytes=512 << 20, max_decode_s=20.0)
NAMES = ("a.mp4", "a.mkv", "a.ts", "a.avi", "a.webm")
MOST_S = 10.0
"""For one file, its new decoder included."""


@pytest.fixture(scope="module")
def sandbox():
    box = Sandbox(limits=LIMITS)
    yield box
    box.close()


@pytest.fixture
def ends(sandbox):
    def end(content):
        started_s = time.monotonic()
        try:
            with sandbox.open(io.BytesIO(content), **HOW) as video:
                for _ in video.read():
                    pass
            outcome = "decodes"
        except VideoError as error:
            outcome = error.status
        assert time.monotonic() - started_s < MOST_S
        return outcome

    return end


def encoding_of(name):
    return {"codec": "libvpx-vp9"} if name.endswith("webm") else {}


@pytest.mark.parametrize("num", [5, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_anywhere_ends_as_something(make_video, ends, name, num):
    data = make_video(name, num=36, gop=9, **encoding_of(name)).read_bytes()
    found = Counter(ends(content) for content in hostile.truncated(data, num=num))
    assert found.keys() <= {"decodes", "unreadable", "unsupported", "too_short", "too_large"}, found
    assert found["unreadable"] + found["unsupported"] > 0
    assert sum(found.values()) == num
    warnings.warn(f"cut {name}: {dict(found)}", stacklevel=1)


@pytest.mark.parametrize("num", [6, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_flipped_bits_ends_as_something(make_video, ends, name, num):
    data = make_video(name, num=36, gop=9, **encoding_of(name)).read_bytes()
    found = Counter(ends(content) for content in hostile.flipped(data, num=num, seed=len(name)))
    assert found.keys() <= {"decodes", "unreadable", "unsupported", "too_short", "too_large"}, found
    assert found["decodes"] > 0
    assert sum(found.values()) == num
    warnings.warn(f"flipped {name}: {dict(found)}", stacklevel=1)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.timeout(1800)
def test_real_files_with_damage_end_as_something(shared_data, ends):
    real = sorted(path for path in (shared_data / "A").iterdir() if path.stat().st_size < 1_500_000)
    found = Counter()
    for number, path in enumerate(real):
        data = path.read_bytes()
        found.update(ends(content) for content in hostile.truncated(data, num=10))
        found.update(ends(content) for content in hostile.flipped(data, num=30, seed=number))
    warnings.warn(f"{dict(found)}", stacklevel=1)
    assert found.keys() <= {"decodes", "unreadable", "unsupported", "too_short", "too_large"}, found
    assert sum(found.values()) == 40 * len(real)
