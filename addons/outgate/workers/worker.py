"""A worker's side: it says every second how it is, answers its supervisor, and does not outlive it.

Owns the beats, the answers, the last word and the end. What a gate is comes from `Reporting`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Protocol

from outgate.telemetry.aggregate import Scraped
from outgate.telemetry.calls import Calls
from outgate.telemetry.merged import plain
from outgate.telemetry.usage import Usage
from outgate.workers.channel import Channel, ChannelClosed, Message, TooLong
from outgate.workers.report import Report
from outgate.workers.seat import Seat

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between two beats."""
LAST = 1.0
"""Seconds for the last word to leave."""


class Reporting(Protocol):
    """The gate that a worker runs."""

    def report(self) -> Report: ...

    async def reload(self) -> bool: ...

    async def scraped(self) -> Scraped: ...

    async def usage(self) -> Usage: ...

    async def calls(self) -> Calls: ...

    async def origins(self) -> list[dict[str, Any]]: ...

    async def set_level(self, level: str, name: str) -> str: ...


class Worker:
    """`run` ends when the supervisor is gone, and calls `leave` then."""

    def __init__(self, seat: Seat, gate: Reporting, leave: Callable[[], None]) -> None:
        self._seat, self._gate, self._leave = seat, gate, leave
        self._channel: Channel | None = None
        self._over = False

    async def run(self) -> None:
        channel = self._channel = await Channel.over(self._seat.control)
        beating = asyncio.get_running_loop().create_task(self._beat(channel))
        try:
            async for message in channel.messages():
                await self._answer(channel, message)
        except ChannelClosed:
            pass
        finally:
            beating.cancel()
            channel.close()
        if self._over:
            return
        log.warning("worker %d: the supervisor is gone; stopping", self._seat.index)
        self._leave()

    async def end(self) -> None:
        """Say how it all came out: what was counted since it was asked last would be lost."""
        self._over = True
        if self._channel is None:
            return
        with suppress(ChannelClosed, TooLong):
            last = {"beat": self._gate.report().plain(), "metrics": plain(await self._gate.scraped())}
            self._channel.send(last)
        await self._channel.finish(LAST)

    async def _beat(self, channel: Channel) -> None:
        while True:
            try:
                channel.send({"beat": self._gate.report().plain()})
            except ChannelClosed:  # told by the end of `messages`
                return
            await asyncio.sleep(BEAT)

    async def _answer(self, channel: Channel, message: Message) -> None:
        told: dict[str, object] = {}
        match message["ask"]:
            case "reload":
                told["loaded"] = await self._gate.reload()
            case "metrics":
                told["metrics"] = plain(await self._gate.scraped())
            case "usage":
                told["usage"] = asdict(await self._gate.usage())
            case "calls":
                told["calls"] = (await self._gate.calls()).plain()
            case "origins":
                told["origins"] = await self._gate.origins()
            case "level":
                told["refused"] = await self._gate.set_level(message["level"], message["name"])
        answer = {"answers": message["number"], "report": self._gate.report().plain()}
        try:
            channel.send(answer | told)
        except TooLong as error:
            log.error("%s is asked for, and %s", message["ask"], error)
            channel.send(answer)
