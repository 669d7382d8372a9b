"""Work in threads: what it comes to, and that nothing that goes wrong there is anybody else's."""

import asyncio
import threading

import pytest

from outgate.proxy.desk import Busy, Desk
from proxy.wires import LIMIT, until


def raising(error):
    raise error


async def test_what_work_comes_to():
    desk, here = Desk(), threading.get_ident()
    assert await desk.done(threading.get_ident, LIMIT) != here
    assert await asyncio.gather(*(desk.done(lambda number=number: number, LIMIT) for number in range(20))) == [
        *range(20)
    ]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ValueError(), ValueError),
        (MemoryError(), MemoryError),
        (SystemExit(), RuntimeError),
        (StopIteration(), RuntimeError),
    ],
    ids=repr,
)
async def test_what_it_raises_is_raised_and_the_thread_lives(error, raised):
    desk = Desk(threads=1)
    with pytest.raises(raised):
        await desk.done(lambda: raising(error), LIMIT)
    assert await desk.done(lambda: 1, LIMIT) == 1


async def test_what_takes_too_long_is_given_up_and_what_waits_is_bounded():
    desk, goes_on, done = Desk(threads=1, waiting=1), threading.Event(), []
    with pytest.raises(TimeoutError):
        await desk.done(lambda: goes_on.wait(LIMIT), 0.05)
    waiting = asyncio.create_task(desk.done(lambda: done.append(1), LIMIT))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await desk.done(lambda: None, LIMIT)
    waiting.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    await until(lambda: not desk._jobs.qsize())
    assert await desk.done(lambda: 2, LIMIT) == 2
    assert done == []
