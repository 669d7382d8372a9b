"""Addons that fail in every way there is, and a table to call them through."""

import asyncio
from types import SimpleNamespace

from mitmproxy import addonmanager, exceptions, flow
from mitmproxy.command import CommandManager
from mitmproxy.options import Options
from mitmproxy.proxy.commands import StartHook
from mitmproxy.test import tflow

from outgate.policy.model import Identity
from outgate.proxy.exchange import Exchange, Facts, attach
from outgate.proxy.guard import HookTable
from outgate.settings import ListenMode
from proxy.wires import LIMIT

ERRORS = (
    ValueError("deliberate"),
    RecursionError(),
    MemoryError(),
    exceptions.AddonHalt(),
    exceptions.OptionsError("deliberate"),
    asyncio.CancelledError(),
    TimeoutError(),
    StopIteration(),
    StopAsyncIteration(),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    BaseException("deliberate"),
    BaseExceptionGroup("deliberate", [SystemExit(3)]),
)
NAMES = [type(error).__name__ for error in ERRORS]


def judged() -> flow.Flow:
    """A flow that came through the gate."""
    made = tflow.tflow()
    attach(made, Exchange(Facts(ListenMode.TRANSPARENT, Identity(), 443)))
    return made


def table(*addons: object, timeout: float = LIMIT) -> HookTable:
    manager = addonmanager.AddonManager(SimpleNamespace(options=Options(), commands=CommandManager(None)))
    manager.add(*addons)
    return HookTable(manager, timeout)


class Addon:
    """Calls what it is given at a request's head, and notes that it did."""

    def __init__(self, callback=None, name=""):
        self.name = name or f"addon-{id(self)}"
        self.callback = callback
        self.calls = 0

    def requestheaders(self, subject):
        self.calls += 1
        return self.callback(subject) if self.callback else None


async def fire(hooks: HookTable, hook: StartHook) -> None:
    async with asyncio.timeout(LIMIT):
        if (pending := hooks.call(hook)) is not None:
            await pending


def raises(error):
    def callback(subject):
        raise error

    return callback


def raises_awaited(error):
    async def callback(subject):
        raise error

    return callback


def raises_later(error):
    async def callback(subject):
        await asyncio.sleep(0)
        raise error

    return callback


def raises_in_await(error):
    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            raise error

    return lambda subject: Awaitable()


def in_a_future(error):
    def callback(subject):
        future = asyncio.get_running_loop().create_future()
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)
        return future

    return callback
