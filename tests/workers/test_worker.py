"""A worker says how it is, answers, and does not outlive its supervisor, even when it hangs."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

from outgate.workers.channel import Channel
from outgate.workers.report import Report
from outgate.workers.seat import Seat
from outgate.workers.worker import ORPHANED, Worker

ADDONS = Path(__file__).parents[2] / "addons"
WITHIN = 20.0
HANGING = """
import socket, sys, time
from outgate.workers.seat import Seat
from outgate.workers.worker import watch_over
control, listening = int(sys.argv[1]), socket.create_server(("127.0.0.1", 0))
watch_over(Seat(1, 1, control, 0, 0, ()), [listening], -2.0)
print(listening.getsockname()[1], flush=True)
while True:
    time.sleep(60)
"""


class Gate:
    def __init__(self):
        self.loads = [True, False]

    def report(self):
        return Report(connections=len(self.loads), policy="abc")

    async def reload(self):
        return self.loads.pop(0)


async def test_a_worker_beats_answers_and_leaves_when_its_supervisor_is_gone():
    ours, theirs = socket.socketpair()
    channel, left = await Channel.over(ours), asyncio.Event()
    worker = asyncio.create_task(Worker(Seat(1, 1, theirs.detach(), 0, 0, ()), Gate(), left.set).run())
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
        channel.close()
        await left.wait()
        await asyncio.gather(worker, listening)


def test_a_worker_that_hangs_ends_with_its_supervisor_and_listens_no_more():
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-c", HANGING, str(theirs.fileno())]
    environment = {"PYTHONPATH": str(ADDONS)}
    with subprocess.Popen(
        command, pass_fds=[theirs.fileno()], env=environment, stdout=subprocess.PIPE, text=True
    ) as hanging:
        theirs.close()
        assert hanging.stdout is not None
        port = int(hanging.stdout.readline())
        socket.create_connection(("127.0.0.1", port), WITHIN).close()
        ours.close()
        assert hanging.wait(WITHIN) == ORPHANED
