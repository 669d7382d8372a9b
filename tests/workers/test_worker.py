"""A worker says how it is, answers, and does not outlive its supervisor."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from outgate.telemetry.calls import Calls
from outgate.telemetry.merged import read
from outgate.telemetry.usage import Usage
from outgate.workers.channel import Channel
from outgate.workers.report import Report
from outgate.workers.seat import Seat
from outgate.workers.worker import Worker

ADDONS = Path(__file__).parents[2] / "addons"
WITHIN = 20.0
SUPERVISOR = """
import subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
worker.stdout.readline()
print(worker.pid, flush=True)
time.sleep(60)
"""
HANGING = """
import time
from outgate.workers.bonds import die_with_supervisor
die_with_supervisor()
print(flush=True)
time.sleep(60)
"""
COUNTED = {"outgate_bounds_total": {(("bound",), ("head_timeout",)): 3}}


class Gate:
    def __init__(self):
        self.loads = [True, False]

    def report(self):
        return Report(connections=len(self.loads), policy="abc")

    async def reload(self):
        return self.loads.pop(0)

    async def scraped(self):
        return COUNTED

    async def usage(self):
        return Usage(1.0, {"a": 2.0})

    async def origins(self):
        return [{"origin": "o", "endpoints": []}]

    async def calls(self):
        return Calls(1.0)

    async def set_level(self, level, name):
        return f"not {level} for {name}"


async def test_a_worker_beats_answers_and_leaves_when_its_supervisor_is_gone():
    ours, theirs = socket.socketpair()
    channel, left = await Channel.over(ours), asyncio.Event()
    worker = asyncio.create_task(Worker(Seat(1, 1, theirs, 0, 0, 0, ()), Gate(), left.set).run())
    beats: asyncio.Queue[object] = asyncio.Queue()

    async def listen():
        async for message in channel.messages():
            beats.put_nowait(message)

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(WITHIN):
        assert await beats.get() == {"beat": Report(connections=2, policy="abc").plain()}
        first, second = await channel.ask("reload", WITHIN), await channel.ask("reload", WITHIN)
        assert (first["loaded"], first["report"]["connections"], second["loaded"]) == (True, 1, False)
        assert (await channel.ask("report", WITHIN))["report"] == Report(policy="abc").plain()
        assert read((await channel.ask("metrics", WITHIN))["metrics"]) == COUNTED
        assert (await channel.ask("usage", WITHIN))["usage"]["used"] == {"a": 2.0}
        assert (await channel.ask("calls", WITHIN))["calls"] == {"since": 1.0, "edges": []}
        assert (await channel.ask("level", WITHIN, level="DEBUG", name="h2"))["refused"] == "not DEBUG for h2"
        channel.close()
        await left.wait()
        await asyncio.gather(worker, listening)


async def test_a_worker_that_ends_says_what_it_came_to(caplog):
    ours, theirs = socket.socketpair()
    channel, left = await Channel.over(ours), asyncio.Event()
    worker = Worker(Seat(1, 1, theirs, 0, 0, 0, ()), Gate(), left.set)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(WITHIN):
        first = await anext(channel.messages())
        await worker.end()
        said = [message async for message in channel.messages()]
        await running
    channel.close()
    assert "metrics" not in first
    assert read(said[-1]["metrics"]) == COUNTED
    assert said[-1]["beat"]["policy"] == "abc"
    assert not left.is_set()
    assert not caplog.records


async def test_a_worker_that_never_ran_has_nothing_to_say():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        await Worker(Seat(1, 1, theirs, 0, 0, 0, ()), Gate(), lambda: None).end()


def test_a_worker_ends_with_its_supervisor_even_where_it_does_not_run():
    command = [sys.executable, "-c", SUPERVISOR, HANGING]
    with subprocess.Popen(command, env={"PYTHONPATH": str(ADDONS)}, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        worker = int(supervisor.stdout.readline())
        os.kill(worker, signal.SIGSTOP)
        supervisor.kill()
    deadline = time.monotonic() + WITHIN
    while lives(worker):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lives(pid):
    """Whether there is such a process that has not ended; who has is kept until somebody asks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
