"""Body chunks on their way through awaitable stages.

mitmproxy's stream callables are synchronous; these stages may await, see the end of the body, and hold bytes back.
Owns the order of the stages and the hook by which a stream waits for them. What a stage does is in `stages`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from mitmproxy import http
from mitmproxy.proxy.commands import StartHook

from outgate.proxy.stages import Stage


@dataclass
class Chunk:
    """A piece of a body: what came and, after the stages, what goes on."""

    flow: http.HTTPFlow
    stages: Sequence[Stage]
    data: bytes
    last: bool


@dataclass
class OutgateBodyHook(StartHook):
    """Run the stages over a chunk. Fired by a stream, which waits; no addon sees it."""

    chunk: Chunk


class Passing:
    """The stages over a chunk, which begin when this is awaited and not before: it may never be."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk

    def __await__(self) -> Generator[Any, None, None]:
        return run(self.chunk).__await__()


async def run(chunk: Chunk) -> None:
    """Pass a chunk through its stages, in order. Unless all of them succeed, the chunk is left empty."""
    data, chunk.data = chunk.data, b""
    for stage in chunk.stages:
        data = await stage.feed(data, chunk.last)
    chunk.data = data
