"""Body chunks on their way through awaitable stages.

mitmproxy's stream callables are synchronous; these stages may await, see the end of the body, and hold bytes back.
Owns the order of the stages and the hooks by which a stream waits for them, or for somebody to look at a message. What
a stage does is in `stages`, and how a message is looked at in `inline`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mitmproxy import hooks, http
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


@dataclass
class Inspection:
    """A message that is looked at before it goes on."""

    flow: http.HTTPFlow
    work: Callable[[], Awaitable[None]]


@dataclass
class OutgateInspectHook(StartHook):
    """Look at a message. Fired by a stream, which waits; no addon sees it."""

    inspection: Inspection


class Work:
    """What begins when this is awaited and not before: it may never be."""

    def __init__(self, begin: Callable[[], Awaitable[None]]) -> None:
        self._begin = begin

    def __await__(self) -> Generator[Any, None, None]:
        return self._begin().__await__()


def own_work(hook: hooks.Hook) -> Work | None:
    """What is to be done for a hook that no addon sees; None for all others."""
    if isinstance(hook, OutgateBodyHook):
        return Work(partial(run, hook.chunk))
    return Work(hook.inspection.work) if isinstance(hook, OutgateInspectHook) else None


async def run(chunk: Chunk) -> None:
    """Pass a chunk through its stages, in order. Unless all of them succeed, the chunk is left empty."""
    data, chunk.data = chunk.data, b""
    for stage in chunk.stages:
        data = await stage.feed(data, chunk.last)
    chunk.data = data
