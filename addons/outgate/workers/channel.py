"""Messages between a supervisor and a worker: one JSON object a line, both ways, over one socket.

Owns framing, questions and their answers. What they are about is the ends' business.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

MAX_WAITING = 1 << 25
"""Bytes that wait for an end that does not read; nothing more is sent to it."""
MAX_LINE = 1 << 25
"""Bytes; when 50,000 destinations were last used is told in a few million."""

type Message = dict[str, Any]


class ChannelClosed(ConnectionError):
    """The other end is gone, or does not read."""


class TooLong(ValueError):
    """A message that the other end would not read."""


class Channel:
    """One end. `messages` has to be iterated for answers to arrive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Message]] = {}

    @classmethod
    async def over(cls, sock: socket.socket) -> Channel:
        return cls(*await asyncio.open_unix_connection(sock=sock, limit=MAX_LINE))

    def send(self, message: Mapping[str, object]) -> None:
        """Raises `ChannelClosed`, or `TooLong`."""
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > MAX_WAITING:
            raise ChannelClosed("the other end does not read")
        line = _encoded(message)
        if len(line) >= MAX_LINE:
            raise TooLong(f"a message of {len(line)} bytes is not sent; {MAX_LINE} are the most")
        self._writer.write(line + b"\n")

    async def ask(self, question: str, within: float, **more: object) -> Message:
        """The other end's answer to a question, with what `more` belongs to it.

        Raises `TimeoutError` after so many seconds, or `ChannelClosed`.
        """
        number = next(self._numbers)
        self._asked[number] = answer = asyncio.get_running_loop().create_future()
        try:
            self.send({"ask": question, "number": number, **more})
            async with asyncio.timeout(within):
                return dict(await answer)
        finally:
            del self._asked[number]

    async def messages(self) -> AsyncIterator[Message]:
        """What the other end says by itself, until it is gone."""
        try:
            while line := await self._reader.readline():
                message = json.loads(line)
                if not isinstance(message, dict):
                    raise ValueError("a line that is no message")
                number = message.get("answers")
                if not isinstance(number, int):
                    yield message
                elif (asked := self._asked.get(number)) is not None and not asked.done():
                    asked.set_result(message)
        except (OSError, ValueError, RecursionError):
            # A line that is no message: the other end was cut off in the middle of it, or is none of ours.
            pass
        finally:
            self._closed()

    async def finish(self, within: float) -> None:
        """Close, and wait so many seconds until what was sent has left."""
        self.close()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(within):
                await self._writer.wait_closed()

    def close(self) -> None:
        self._writer.close()
        self._closed()

    def _closed(self) -> None:
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(ChannelClosed("the other end is gone"))


def _encoded(message: Mapping[str, object]) -> bytes:
    """By orjson, for a worker's metrics take json ten times as long; names that are no UTF-8 are json's."""
    try:
        return orjson.dumps(message)
    except TypeError:
        return json.dumps(message).encode()
