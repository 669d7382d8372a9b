"""A seat stays occupied: whoever leaves is followed, whoever hangs is ended, and a first one has to start."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from outgate.workers.nursery import Nursery
from outgate.workers.post import Plan, Post

WITHIN = 30.0
ADDONS = Path(__file__).parents[2] / "addons"
WORKER = """
import asyncio, signal, socket, sys
from outgate.telemetry.calls import Caller, Calls, Edge, Place
from outgate.telemetry.usage import Usage
from outgate.workers.report import Report
from outgate.workers.offspring import next_seat
from outgate.workers.worker import Worker

class Gate:
    def report(self):
        return Report(policy="abc", connections=1, counts={"asked": 1})
    async def reload(self):
        return True
    async def scraped(self):
        return {
            "outgate_bounds_total": {(("bound",), ("head_timeout",)): 3},
            "outgate_idle_origin_connections": {((), ()): 2},
        }

    async def usage(self):
        return Usage(1.0, {"a": 2.0})
    async def origins(self):
        return [{"origin": "o", "endpoints": []}]

    async def calls(self):
        edge = Edge(Caller("a"), Place("other", ""), "deny")
        edge.count(1.0, 0.0, ("TCP", "", 22, "unregistered"))
        return Calls(1.0, (edge,))
    async def set_level(self, level, name):
        return "no" if level == "DEBUG" else ""

async def main(seat):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    worker = Worker(seat, Gate(), stop.set)
    working = asyncio.create_task(worker.run())
    await stop.wait()
    await worker.end()

if seat := next_seat(socket.socket(fileno=int(sys.argv[-1]))):
    asyncio.run(main(seat))
"""
CANNOT = """
import socket, sys
from outgate.workers.offspring import next_seat
raise SystemExit(3 if next_seat(socket.socket(fileno=int(sys.argv[-1]))) else 0)
"""


@asynccontextmanager
async def kept(code=WORKER, silence=30.0):
    """A post that is being kept, and the event that is set at each beat."""
    beat, turn = asyncio.Event(), os.memfd_create("turn")
    nursery = Nursery([sys.executable, "-c", code])
    with socket.create_server(("127.0.0.1", 0)) as listener, closing(nursery):
        post = Post(1, Plan(nursery, 1, turn, turn, silence, lambda: b"", beat.set), [listener])
        keeping = asyncio.create_task(post.keep())
        try:
            async with asyncio.timeout(WITHIN):
                yield post, beat, keeping
        finally:
            post.kill()
            await keeping
            os.close(turn)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ADDONS))


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def followed(post, beat, before):
    """The next worker has been heard."""
    while post.pid in (None, before) or post.report.unready:
        beat.clear()
        await beat.wait()


async def test_a_worker_is_heard_asked_and_told_to_leave():
    async with kept() as (post, beat, keeping):
        assert post.report.unready == "starting"
        assert (await post.usage(), await post.calls(), await post.set_level("DEBUG", "h2")) == (None, None, "")
        await beat.wait()
        assert (post.report.unready, post.report.policy, post.report.connections) == ("", "abc", 1)
        await post.refresh()
        assert await post.reload() is True
        assert (await post.usage()).used == {"a": 2.0}
        assert [edge.caller.namespace for edge in (await post.calls()).edges] == ["a"]
        assert (await post.set_level("DEBUG", "h2"), await post.set_level("INFO", "outgate")) == ("no", "")
        post.leave()
        await keeping
        assert (post.failure, post.restarts, post.pid) == (0, 0, None)


async def test_whoever_is_killed_is_followed_and_what_it_counted_stays():
    async with kept() as (post, beat, _):
        await beat.wait()
        before = post.pid
        os.kill(before, signal.SIGKILL)
        await followed(post, beat, before)
        assert (post.restarts, post.report.counts, post.report.connections) == (1, {"asked": 2}, 1)


async def test_what_was_counted_of_traffic_stays_too_and_what_was_open_does_not():
    bound, idle = (("bound",), ("head_timeout",)), ((), ())
    async with kept() as (post, beat, _):
        assert await post.scraped() == {}
        await beat.wait()
        for _ in range(2):  # asked twice, counted once
            told = await post.scraped()
            assert told == {"outgate_bounds_total": {bound: 3}, "outgate_idle_origin_connections": {idle: 2}}
        before = post.pid
        os.kill(before, signal.SIGKILL)
        await followed(post, beat, before)
        told = await post.scraped()
        assert told == {"outgate_bounds_total": {bound: 6}, "outgate_idle_origin_connections": {idle: 2}}


async def test_what_was_counted_when_nobody_had_asked_is_a_worker_s_last_word():
    async with kept() as (post, beat, keeping):
        await beat.wait()
        post.leave()
        await keeping
        assert await post.scraped() == {"outgate_bounds_total": {(("bound",), ("head_timeout",)): 3}}
        assert post.report.counts == {"asked": 1}


async def test_a_worker_is_a_child_of_the_supervisor_and_outlives_where_it_came_from():
    async with kept() as (post, beat, _):
        await beat.wait()
        first, nursery = post.pid, post._plan.nursery._process
        assert parent_of(first) == os.getpid()
        nursery.kill()
        nursery.wait()
        beat.clear()
        await beat.wait()
        assert post.pid == first
        os.kill(first, signal.SIGKILL)
        await followed(post, beat, first)
        assert post.restarts == 1


async def test_where_no_worker_comes_to_be_another_is_tried(caplog):
    async with kept("import os; os.kill(os.getpid(), 9)") as (post, _, keeping):
        await asyncio.wait([keeping], timeout=1)
        assert not keeping.done()
        assert post.restarts > 1
    assert "worker 1 ended with no process and is started again" in caplog.text


async def test_a_program_that_cannot_be_loaded_ends_the_post_with_its_code():
    async with kept("raise SystemExit(3)") as (post, _, keeping):
        await keeping
        assert (post.failure, post.restarts) == (3, 0)


async def test_whoever_hangs_is_ended_and_followed():
    async with kept(silence=3.0) as (post, beat, _):
        await beat.wait()
        before = post.pid
        os.kill(before, signal.SIGSTOP)
        await followed(post, beat, before)
        assert post.restarts == 1


async def test_a_first_worker_that_cannot_start_ends_the_post_with_its_code():
    async with kept(CANNOT) as (post, _, keeping):
        await keeping
        assert (post.failure, post.restarts) == (3, 0)


async def test_a_worker_that_is_told_to_leave_while_it_starts_leaves():
    async with kept() as (post, _, keeping):
        await asyncio.sleep(0)
        post.leave()
        await keeping
        assert post.pid is None
