"""The gate as a plain object: it bounds what is in work, and closing it stops new work at once."""

import asyncio
import time

from gsgmodel.scan import gate as module
from gsgmodel.scan.gate import Gate

SOON_S = 0.02


async def is_waiting(task):
    await asyncio.sleep(SOON_S)
    return not task.done()


def test_so_many_videos_start_and_the_next_one_waits():
    async def story():
        gate = Gate(2)
        assert await gate.enter(b"a")
        assert await gate.enter(b"b")
        third = asyncio.create_task(gate.enter(b"c"))
        assert await is_waiting(third)
        await gate.leave([b"a"])
        assert await third
        fourth = asyncio.create_task(gate.enter(b"d"))
        assert await is_waiting(fourth)
        fourth.cancel()

    asyncio.run(story())


def test_one_that_leaves_lets_one_in():
    async def story():
        gate = Gate(1)
        await gate.enter(b"a")
        waiting = [asyncio.create_task(gate.enter(name)) for name in (b"b", b"c")]
        assert await is_waiting(waiting[0])
        await gate.leave([b"a"])
        await asyncio.sleep(SOON_S)
        assert sorted(task.done() for task in waiting) == [False, True]
        await gate.leave([b"b"])
        await gate.leave([b"c"])
        assert await asyncio.gather(*waiting) == [True, True]

    asyncio.run(story())


def test_a_video_that_is_tried_again_needs_no_second_slot():
    async def story():
        gate = Gate(1)
        assert await gate.enter(b"a")
        assert await asyncio.wait_for(gate.enter(b"a"), timeout=1)
        await gate.leave([b"a"])
        assert await asyncio.wait_for(gate.enter(b"b"), timeout=1)

    asyncio.run(story())


def test_a_closed_gate_turns_away_what_is_new_and_those_who_wait():
    async def story():
        gate = Gate(1)
        await gate.enter(b"a")
        waiting = asyncio.create_task(gate.enter(b"b"))
        assert await is_waiting(waiting)
        assert await gate.close() == 1
        assert await asyncio.wait_for(waiting, timeout=1) is False
        assert await gate.enter(b"c") is False

    asyncio.run(story())


def test_a_video_in_work_may_be_tried_again_after_closing():
    async def story():
        gate = Gate(1)
        await gate.enter(b"a")
        await gate.close()
        assert await gate.enter(b"a") is True

    asyncio.run(story())


def test_closing_again_says_how_many_are_still_in_work():
    async def story():
        gate = Gate(3)
        for name in (b"a", b"b", b"c"):
            await gate.enter(name)
        assert await gate.close() == 3
        await gate.leave([b"b", b"c"])
        assert await gate.close() == 1
        await gate.leave([b"a"])
        assert await gate.close() == 0

    asyncio.run(story())


def test_leaving_without_having_entered_changes_nothing():
    async def story():
        gate = Gate(1)
        await gate.leave([b"never", b"here"])
        await gate.enter(b"a")
        assert await gate.close() == 1

    asyncio.run(story())


def test_a_slot_that_is_never_given_back_holds_others_up_for_a_bounded_time(monkeypatch):
    monkeypatch.setattr(module, "WAIT_S", 0.1)

    async def story():
        gate = Gate(1)
        await gate.enter(b"lost")
        started_s = time.monotonic()
        assert await gate.enter(b"next") is True
        assert time.monotonic() - started_s >= 0.1

    asyncio.run(story())


def test_never_more_than_the_bound_are_in_work():
    async def story():
        gate = Gate(3)
        in_work = set()
        most = 0

        async def work(name):
            nonlocal most
            assert await gate.enter(name)
            in_work.add(name)
            most = max(most, len(in_work))
            await asyncio.sleep(0)
            in_work.discard(name)
            await gate.leave([name])

        await asyncio.wait_for(asyncio.gather(*(work(str(i).encode()) for i in range(200))), timeout=30)
        assert most == 3
        assert await gate.close() == 0

    asyncio.run(story())
