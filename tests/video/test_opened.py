"""The packets of an open video: from the start, from a place within, once more; each way the same packets."""

from contextlib import ExitStack

import pytest

from gsgmodel.errors import TooLargeError
from gsgmodel.video.limits import DecodeClock, DecodeLimits
from gsgmodel.video.opened import OpenedVideo
from gsgmodel.video.reader import open_video
from gsgmodel.video.source import CountedSource

GOP = 10


@pytest.fixture
def opened(make_video):
    path = make_video("a.mp4", gop=GOP, options={"bf": "0"})
    with ExitStack() as stack:
        clock = stack.enter_context(DecodeClock(max_s=60.0))
        file = stack.enter_context(path.open("rb"))
        source = CountedSource(file, clock=clock, max_bytes=1 << 20)
        yield OpenedVideo(source, stack=stack, clock=clock, max_pixels=10_000_000)


def times(packets):
    return [packet.pts for packet in packets]


def test_the_start_is_read_once_and_noted(opened):
    assert not opened.was_read
    packets = opened.start()
    first = next(packets)
    assert (opened.was_read, first.is_keyframe, opened.num_seeks) == (True, True, 0)
    assert len(times(packets)) == 59


def test_reading_again_gives_the_same_packets(opened):
    assert times(opened.start()) == times(opened.again())


def test_a_place_within_is_read_from_the_key_before_it(opened):
    whole = times(opened.start())
    found = opened.seek(whole[GOP + 3])
    first = next(found)
    assert first.is_keyframe
    assert [first.pts, *times(found)] == whole[GOP:]
    assert opened.num_seeks == 1


def test_packets_given_back_come_first_and_cost_no_seek(opened):
    packets = opened.start()
    head = [next(packets), next(packets)]
    opened.give_back(head)
    whole = times(opened.seek(head[0].pts))
    assert whole[:2] == times(head)
    assert len(whole) == 60
    assert opened.num_seeks == 0


def test_a_picture_that_is_too_large_to_be_probed_is_said_to_be(make_video):
    path = make_video("a.mp4", codec="mpeg4", num=3)
    limits = DecodeLimits(max_pixels=128 * 96 - 1)
    with path.open("rb") as file, pytest.raises(TooLargeError, match="pictures of 128 x 96 exceed 12287 pixels"):
        open_video(file, limits=limits)
