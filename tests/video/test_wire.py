"""Messages between two processes that do not trust each other."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.video.wire import MAX_MESSAGE_BYTES, ClosedError, ProtocolError, SlowError, Wire, connected_pair

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def pair():
    here, there = connected_pair()
    with here, there:
        yield here, there


@given(messages=st.lists(st.dictionaries(st.text(), JSON, max_size=4), min_size=1, max_size=4))
def test_messages_arrive_as_they_were_sent_and_in_order(messages):
    here, there = connected_pair()
    with here, there:
        for message in messages:
            Wire(here.fileno()).send(message)
        assert [Wire(there.fileno()).receive(timeout_s=5) for _ in messages] == messages


def test_a_message_that_does_not_come_in_time_is_slow(pair):
    here, there = pair
    started = time.monotonic()
    with pytest.raises(SlowError):
        Wire(there.fileno()).receive(timeout_s=0.1)
    here.send(b"\x09\x00\x00\x00{")
    with pytest.raises(SlowError):
        Wire(there.fileno()).receive(timeout_s=0.1)
    assert time.monotonic() - started < 2


def test_a_side_that_is_gone_is_closed_also_within_a_message(pair):
    here, there = pair
    here.send(b"\x09\x00\x00\x00{")
    here.close()
    with pytest.raises(ClosedError):
        Wire(there.fileno()).receive(timeout_s=5)
    with pytest.raises(ClosedError):
        Wire(there.fileno()).send({})


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"7", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_no_message(pair, content):
    here, there = pair
    here.sendall(len(content).to_bytes(4, "little") + content)
    with pytest.raises(ProtocolError):
        Wire(there.fileno()).receive(timeout_s=5)


def test_a_message_that_is_too_long_is_not_waited_for(pair):
    here, there = pair
    here.send((MAX_MESSAGE_BYTES + 1).to_bytes(4, "little"))
    with pytest.raises(ProtocolError, match=str(MAX_MESSAGE_BYTES + 1)):
        Wire(there.fileno()).receive(timeout_s=5)


def test_numbers_that_json_does_not_have_arrive_as_they_are(pair):
    here, there = pair
    content = json.dumps({"a": float("nan")}).encode()
    here.sendall(len(content).to_bytes(4, "little") + content)
    assert str(Wire(there.fileno()).receive(timeout_s=5)["a"]) == "nan"
