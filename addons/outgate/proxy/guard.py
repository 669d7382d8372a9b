"""The hooks of the addons, called so that whatever goes wrong in one is a denial.

Owns the table of callbacks (computed once a hook name, because walking the chain for every hook costs more than half
of a request), the containment of everything a callback can do, and which hooks can deny by themselves.
Knows nothing of policy.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any, Protocol

from mitmproxy import addonmanager, flow, hooks
from mitmproxy.connection import Client
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from outgate.addon import Denied
from outgate.proxy.exchange import exchange_of
from outgate.proxy.pipe import Chunk, Inspection

log = logging.getLogger(__name__)

type Callback = Callable[..., Any]


class Chained(Protocol):
    """Addons in the order in which they are called."""

    chain: list[Any]


class Patient:
    """An awaitable of the gate's own that waits for a person: it has no deadline."""

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self.work = work

    def __await__(self) -> Generator[Any, None, None]:
        return self.work.__await__()


class HookTable:
    """Callbacks by hook name, in the order of the addon chain."""

    def __init__(self, addons: Chained, timeout: float) -> None:
        self.addons = addons
        self.timeout = timeout
        """Seconds an awaitable callback may take."""
        self.callbacks: dict[str, tuple[Callback, ...]] = {}
        self.trips = 0
        """How often a callback failed."""

    def rebuild(self) -> None:
        """To be called when addons were added or removed."""
        self.callbacks.clear()

    def find(self, name: str) -> tuple[Callback, ...]:
        known = self.callbacks.get(name)
        if known is None:
            chain = addonmanager.traverse(self.addons.chain)
            found = (getattr(addon, name, None) for addon in chain)
            known = self.callbacks[name] = tuple(callback for callback in found if callable(callback))
        return known

    def call(self, hook: hooks.Hook) -> Awaitable[None] | None:
        """Call every callback. Returns an awaitable only where one of them has to be awaited.

        Raises `RuntimeError` where a callback failed and the hook is about nothing that can be marked as denied.
        """
        try:
            callbacks = iter(self.find(hook.name))
            arguments = hook.args()
            for callback in callbacks:
                if (pending := _pending(callback(*arguments))) is not None:
                    return self.finish(hook, pending, callbacks)
        except BaseException as error:
            self.fail(hook, error)
        return None

    async def begin(self, hook: hooks.Hook, addon: object) -> None:
        """Call one addon, and those below it, outside of any traffic. Raises what it raises."""
        for part in addonmanager.traverse([addon]):
            callback = getattr(part, hook.name, None)
            if callable(callback) and (pending := _pending(callback(*hook.args()))) is not None:
                async with asyncio.timeout(self.timeout):
                    await pending

    async def finish(self, hook: hooks.Hook, first: Awaitable[Any], rest: Iterator[Callback]) -> None:
        if not await self.contain(hook, first):
            return
        for callback in rest:
            try:
                pending = _pending(callback(*hook.args()))
            except BaseException as error:
                self.fail(hook, error)
                return
            if pending is not None and not await self.contain(hook, pending):
                return

    async def contain(self, hook: hooks.Hook, awaitable: Awaitable[Any]) -> bool:
        """Await within the deadline, in a task of its own: one that swallows its cancellation is left behind."""
        task = asyncio.ensure_future(_outcome(awaitable))
        try:
            limit = None if isinstance(awaitable, Patient) else self.timeout
            done, _ = await asyncio.wait({task}, timeout=limit)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            self.fail(hook, TimeoutError(f"no answer within {self.timeout:g} s"))
            return False
        error = asyncio.CancelledError() if task.cancelled() else task.result()
        if error is not None:
            self.fail(hook, error)
        return error is None

    def fail(self, hook: hooks.Hook, error: BaseException) -> None:
        """Deny, in the way this hook can, and say so. A later callback never sees the hook."""
        if isinstance(error, Denied):
            for argument in hook.args():
                refuse(argument, error)
            return
        self.trips += 1
        reason = f"addon failed in {hook.name}: {type(error).__name__}"
        log.error("%s\n%s", reason, trace(error))
        for argument in hook.args():
            deny(argument, reason)


def contained_task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    """A task factory: whatever raises `SystemExit` in a task fails that task, and does not end the process."""
    task = asyncio.Task(_contained(work), loop=loop, **options)
    task.add_done_callback(lambda _: work.close())  # cancelled before it began, it would complain that it never ran
    return task


async def _contained(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{type(error).__name__} was raised inside a task") from error


def trace(error: BaseException) -> str:
    """The way to where an error was raised, as lines, without its message: that may quote what was received."""
    return "".join(traceback.format_tb(error.__traceback__)).rstrip()


def _pending(result: object) -> Awaitable[Any] | None:
    """What has to be awaited of what a callback returned."""
    if result is None:
        return None
    if inspect.isawaitable(result):
        return result
    if inspect.isgenerator(result) or inspect.isasyncgen(result):
        raise TypeError("a hook that yields is never run; return or await instead")
    return None


async def _outcome(awaitable: Awaitable[Any]) -> BaseException | None:
    try:
        await awaitable
    except BaseException as error:  # SystemExit raised inside a task would end the event loop
        return error
    return None


def refuse(subject: object, denied: Denied) -> None:
    """Mark what a hook was about as denied by an addon that meant to."""
    made = subject.flow if isinstance(subject, Chunk) else subject
    exchange = made.__dict__.get("outgate") if isinstance(made, flow.Flow) else None
    if exchange is not None:
        exchange.refused = exchange.refused or denied
    deny(subject, denied.reason)


def deny(subject: object, reason: str) -> None:
    """Mark what a hook was about as denied; whoever fired the hook looks at the mark before going on."""
    if isinstance(subject, Chunk):
        subject.data = b""
    if isinstance(subject, Chunk | Inspection):
        subject = subject.flow
    if isinstance(subject, flow.Flow):
        exchange = subject.__dict__.get("outgate")
        if exchange is None:
            subject.error = flow.Error(flow.Error.KILLED_MESSAGE)
        else:
            exchange_of(subject).failure = reason  # type: ignore[arg-type]
    elif isinstance(subject, Client):
        subject.error = reason
    elif isinstance(subject, ServerConnectionHookData):
        subject.server.error = reason
    else:
        raise RuntimeError(f"{reason}; a {type(subject).__name__} cannot be denied")
