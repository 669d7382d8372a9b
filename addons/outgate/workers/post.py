"""One seat, kept occupied: a worker is started, listened to, ended if it hangs, and followed by another.

Owns one worker process at a time and what all that sat here have counted. The listening sockets stay with the
supervisor, so that connections which wait in them outlive a worker. Where workers come from is the nursery's.
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
from typing import Any

from outgate.telemetry.aggregate import Scraped
from outgate.telemetry.calls import Calls
from outgate.telemetry.merged import ended, merged, read
from outgate.telemetry.usage import Usage
from outgate.workers.channel import Channel, ChannelClosed, Message
from outgate.workers.nursery import Nursery
from outgate.workers.report import Report, counted
from outgate.workers.seat import Seat

log = logging.getLogger(__name__)

STARTING = "starting"
FIRST_BEAT = 60.0
"""Seconds for a worker to come up; a large policy is compiled in them."""
LOOK = 0.5
"""Seconds between two looks whether a worker is still heard."""
SETTLED = 2.0
"""Seconds of service after which a worker's end is no sign that the next one will end at once, too."""
PAUSES = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the next worker, by how many in a row have ended before they had settled."""
ENDING, MOMENT = 20, 0.05
"""How often it is looked whether where workers come from has ended, and seconds between two looks."""
REFRESH, RELOAD = 1.0, 60.0
"""Seconds for an answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What all posts are told."""

    nursery: Nursery
    of: int
    turn: int
    documents: int
    """A file with the documents of the cluster."""
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
        self.pid: int | None = None
        self._channel: Channel | None = None
        self._heard = 0.0
        self._served: float | None = None
        """Since when the worker of now has taken traffic."""
        self._settled = self._leaving = False
        self._past, self._now = Report(), Report(unready=STARTING)
        self._counted: Scraped = {}
        """What those before it have counted of traffic."""
        self._counts: Scraped = {}
        """What the worker of now had counted when it last answered."""

    @property
    def report(self) -> Report:
        """How the worker is, with what those before it have counted."""
        total = counted((self._past, self._now))
        return replace(self._now, counts=total.counts, trips=total.trips)

    async def keep(self) -> None:
        early = 0
        while not self._leaving:
            self._served = None
            code = await self._occupy()
            self._past, self._now = counted((self._past, replace(self._now, connections=0))), Report(unready=STARTING)
            self._counted, self._counts = merged((self._counted, ended(self._counts))), {}
            if self._leaving:
                return
            if not self._settled and (failure := await self._failure(code)) > 0:
                self.failure = failure
                return
            early = 0 if self._lasted() else early + 1
            self.restarts += 1
            log.error("worker %d ended with %s and is started again", self.index, _ending(code))
            await asyncio.sleep(PAUSES[min(early, len(PAUSES) - 1)])

    async def _failure(self, code: int | None) -> int:
        """The exit code of a worker that ended by itself, or of where workers come from; 0 or less where none did."""
        if code is not None:
            return code
        for _ in range(ENDING):  # its socket is closed a moment before it has ended
            if not self._plan.nursery.lives:
                break
            await asyncio.sleep(MOMENT)
        return self._plan.nursery.failure

    def _lasted(self) -> bool:
        return self._served is not None and time.monotonic() - self._served > SETTLED

    def leave(self) -> None:
        """Let the worker finish what is under way, and start no other."""
        self._leave(signal.SIGTERM)

    def kill(self) -> None:
        self._leave(signal.SIGKILL)

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

    async def scraped(self) -> Scraped:
        """What was counted of traffic here, by all that sat here. Of a worker that does not answer: as it last said."""
        channel = self._channel
        answer = await self._ask("metrics", REFRESH)
        if answer.get("metrics") is not None and channel is self._channel:  # else it has been followed meanwhile
            self._counts = read(answer["metrics"])
        return merged((self._counted, self._counts))

    async def calls(self) -> Calls | None:
        """Who called what by way of this worker; None where it does not answer, or what is none."""
        try:
            return Calls.read((await self._ask("calls", REFRESH)).get("calls"))
        except ValueError:
            return None

    async def origins(self) -> list[dict[str, Any]]:
        """How the origins of this worker are; each has its own say about them."""
        told = (await self._ask("origins", REFRESH)).get("origins")
        return [origin | {"worker": self.index} for origin in told] if isinstance(told, list) else []

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

    async def _occupy(self) -> int | None:
        """One worker's life; its exit code, or minus the signal that ended it. None where it did not come to be."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._seat(theirs)
        self._heard = time.monotonic() + FIRST_BEAT
        self._channel = channel = await Channel.over(ours)
        loop = asyncio.get_running_loop()
        born: asyncio.Future[int | None] = loop.create_future()
        listening = loop.create_task(self._listen(channel, born))
        try:
            async with asyncio.timeout(FIRST_BEAT):
                self.pid = await born
            if self.pid is None:
                return None
            code = await self._until_ended(self.pid)
            await asyncio.wait((listening,), timeout=REFRESH)  # its last word may still have to be read
            return code
        except TimeoutError:
            return None
        finally:
            listening.cancel()
            channel.close()
            self.pid = self._channel = None

    def _seat(self, control: socket.socket) -> None:
        """The policy in force goes with the seat: it is of now, not of when the nursery was started."""
        policy = _file(self._plan.policy())
        listeners = tuple(sock.fileno() for sock in self._sockets)
        plan = self._plan
        try:
            plan.nursery.fill(Seat(self.index, plan.of, control, plan.turn, policy, plan.documents, listeners))
        except OSError as error:
            log.error("worker %d cannot be started: %s", self.index, error)
        finally:
            os.close(policy)

    async def _until_ended(self, pid: int) -> int:
        if self._leaving:  # told to while it was started
            self._signal(signal.SIGTERM)
        watching = asyncio.get_running_loop().create_task(self._watch())
        try:
            return await _end(pid)
        finally:
            watching.cancel()

    async def _listen(self, channel: Channel, born: asyncio.Future[int | None]) -> None:
        """Whoever says what is no beat is not heard any more, and so ended."""
        async for message in channel.messages():
            if "pid" in message and not born.done():
                born.set_result(message["pid"])
                continue
            try:
                self._now = Report.read(message.get("beat"))
            except ValueError as error:
                log.error("worker %d does not say how it is: %s", self.index, error)
                break
            if message.get("metrics") is not None:
                self._counts = read(message["metrics"])
            self._heard = time.monotonic()
            if not self._now.unready:
                self._settled, self._served = True, self._served or self._heard
            self._plan.heard()
        if not born.done():
            born.set_result(None)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if time.monotonic() - self._heard > self._plan.silence:
                log.error("worker %d has said nothing for %g s and is ended", self.index, self._plan.silence)
                self._signal(signal.SIGKILL)

    def _leave(self, number: signal.Signals) -> None:
        self._leaving = True
        if self.pid is not None:
            self._signal(number)
        elif self._channel is not None:  # who is not born yet ends when it finds this closed
            self._channel.close()

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            os.kill(self.pid, number)


async def _end(pid: int) -> int:
    """The exit code of a child, or minus the signal that ended it, as soon as it has ended."""
    loop, ended, descriptor = asyncio.get_running_loop(), asyncio.Event(), os.pidfd_open(pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return _code(pid)


def _code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _file(content: bytes) -> int:
    """A file in memory, to be read from its beginning."""
    descriptor = os.memfd_create("outgate-policy")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _ending(code: int | None) -> str:
    if code is None:
        return "no process"
    return signal.Signals(-code).name if code < 0 else f"code {code}"
