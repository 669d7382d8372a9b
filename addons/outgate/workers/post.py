"""One seat, kept occupied: a worker is started, listened to, ended if it hangs, and followed by another.

Owns one worker process at a time and what all that sat here have counted. The listening sockets stay with the
supervisor, so that connections which wait in them outlive a worker.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from outgate.telemetry.usage import Usage
from outgate.workers.channel import Channel, ChannelClosed, Message
from outgate.workers.report import Report, counted
from outgate.workers.seat import Seat

log = logging.getLogger(__name__)

STARTING = "starting"
FIRST_BEAT = 60.0
"""Seconds for a worker to come up; a large policy is compiled in them."""
LOOK = 0.5
"""Seconds between two looks whether a worker is still heard."""
SETTLED = 10.0
"""Seconds after which a worker's end is no sign that the next one will end at once, too."""
PAUSES = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the next worker, by how many in a row have ended before they had settled."""
REFRESH, RELOAD = 1.0, 60.0
"""Seconds for an answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What all posts are told."""

    command: Sequence[str]
    of: int
    turn: int
    silence: float
    """Seconds without a beat after which a worker is ended."""
    policy: Callable[[], bytes]
    """The policy in force, as a worker takes it that cannot load the files."""
    heard: Callable[[], None]
    """Called at every beat."""


class Post:
    """`keep` runs until `leave`, or until a first worker fails to start by itself: `failure` is its exit code then."""

    def __init__(self, index: int, plan: Plan, sockets: Sequence[socket.socket]) -> None:
        self.index, self._plan, self._sockets = index, plan, sockets
        self.failure = 0
        self.restarts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._channel: Channel | None = None
        self._heard = 0.0
        self._settled = self._leaving = False
        self._past, self._now = Report(), Report(unready=STARTING)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def report(self) -> Report:
        """How the worker is, with what those before it have counted."""
        total = counted((self._past, self._now))
        return replace(self._now, counts=total.counts, trips=total.trips)

    async def keep(self) -> None:
        early = 0
        while not self._leaving:
            began = time.monotonic()
            code = await self._occupy()
            self._past, self._now = counted((self._past, replace(self._now, connections=0))), Report(unready=STARTING)
            if self._leaving:
                return
            if code > 0 and not self._settled:
                self.failure = code
                return
            early = early + 1 if time.monotonic() - began < SETTLED else 0
            self.restarts += 1
            log.error("worker %d ended with %s and is started again", self.index, _ending(code))
            await asyncio.sleep(PAUSES[min(early, len(PAUSES) - 1)])

    def leave(self) -> None:
        """Let the worker finish what is under way, and start no other."""
        self._leaving = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._leaving = True
        self._signal(signal.SIGKILL)

    async def refresh(self) -> None:
        """Have `report` say how the worker is now, if it answers."""
        await self._ask("report", REFRESH)

    async def reload(self) -> bool:
        """Whether the worker has loaded the policy files; one that is just starting will."""
        return self._channel is None or bool((await self._ask("reload", RELOAD)).get("loaded"))

    async def usage(self) -> Usage | None:
        """When the worker's destinations were last used; None where it does not answer."""
        told = (await self._ask("usage", REFRESH)).get("usage")
        return Usage(**told) if told is not None else None

    async def set_level(self, level: str, name: str) -> str:
        """Why the worker does not log at this level; empty where it does, or does not run."""
        return str((await self._ask("level", REFRESH, level=level, name=name)).get("refused", ""))

    async def _ask(self, question: str, within: float, **more: object) -> Message:
        """The worker's answer, or nothing."""
        if self._channel is None:
            return {}
        try:
            answer = await self._channel.ask(question, within, **more)
        except (TimeoutError, ChannelClosed):
            return {}
        try:
            self._now = Report.read(answer.get("report"))
        except ValueError:
            return {}
        return answer

    async def _occupy(self) -> int:
        """One worker's life; its exit code, or minus the signal that ended it."""
        ours, theirs = socket.socketpair()
        policy = _file(self._plan.policy())
        listeners = tuple(sock.fileno() for sock in self._sockets)
        seat = Seat(self.index, self._plan.of, theirs.fileno(), self._plan.turn, policy, listeners)
        command = (*self._plan.command, "--worker", str(seat))
        try:
            self._process = process = await asyncio.create_subprocess_exec(*command, pass_fds=seat.descriptors)
        finally:
            theirs.close()
            os.close(policy)
        self._heard = time.monotonic() + FIRST_BEAT
        self._channel = channel = await Channel.over(ours)
        if self._leaving:  # told to while it was started
            self._signal(signal.SIGTERM)
        loop = asyncio.get_running_loop()
        attending = loop.create_task(self._listen(channel)), loop.create_task(self._watch(process))
        try:
            return await process.wait()
        finally:
            for task in attending:
                task.cancel()
            channel.close()
            self._process = self._channel = None

    async def _listen(self, channel: Channel) -> None:
        """Whoever says what is no beat is not heard any more, and so ended."""
        async for message in channel.messages():
            try:
                self._now = Report.read(message.get("beat"))
            except ValueError as error:
                log.error("worker %d does not say how it is: %s", self.index, error)
                return
            self._heard = time.monotonic()
            self._settled = self._settled or not self._now.unready
            self._plan.heard()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if time.monotonic() - self._heard > self._plan.silence:
                log.error("worker %d has said nothing for %g s and is ended", self.index, self._plan.silence)
                process.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)


def _file(content: bytes) -> int:
    """A file in memory, to be read from its beginning."""
    descriptor = os.memfd_create("outgate-policy")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"code {code}"
