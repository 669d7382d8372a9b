"""Whatever an addon's callback does, short of success, is a denial; later addons never see the hook."""

import asyncio
import logging
import sys
from dataclasses import dataclass

import pytest
from mitmproxy import flow
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.layers.http import HttpRequestHeadersHook, HttpResponseHook
from mitmproxy.proxy.server_hooks import ClientConnectedHook, ServerConnectHook, ServerConnectionHookData
from mitmproxy.test import tflow

from outgate.proxy.exchange import exchange_of
from outgate.proxy.guard import contained_task, trace
from outgate.proxy.pipe import Chunk, OutgateBodyHook, run
from proxy.callbacks import (
    ERRORS,
    NAMES,
    Addon,
    fire,
    in_a_future,
    judged,
    raises,
    raises_awaited,
    raises_in_await,
    raises_later,
    table,
)
from proxy.wires import LIMIT

SHORT = 0.1
"""Seconds that an awaitable callback may take in these tests."""

# What callbacks do.


@pytest.mark.parametrize("way", [raises, raises_awaited, raises_later, raises_in_await], ids=lambda way: way.__name__)
@pytest.mark.parametrize("error", ERRORS, ids=NAMES)
async def test_whatever_is_raised_denies_and_ends_the_chain(way, error):
    before, after = Addon(), Addon()
    hooks, subject = table(before, Addon(way(error)), after), judged()
    await fire(hooks, HttpRequestHeadersHook(subject))
    assert exchange_of(subject).failure.startswith("addon failed in requestheaders: ")
    assert (before.calls, after.calls, hooks.trips) == (1, 0, 1)


@pytest.mark.parametrize("way", [raises, raises_awaited, raises_later], ids=lambda way: way.__name__)
async def test_it_denies_behind_an_awaited_callback_too(way):
    async def waits(subject):
        await asyncio.sleep(0.01)

    after = Addon()
    hooks, subject = table(Addon(waits), Addon(way(SystemExit(3))), after), judged()
    await fire(hooks, HttpRequestHeadersHook(subject))
    assert exchange_of(subject).failure
    assert (after.calls, hooks.trips) == (0, 1)


@pytest.mark.parametrize("error", [ValueError("deliberate"), asyncio.CancelledError()], ids=["error", "cancelled"])
async def test_a_future_that_failed_denies(error):
    after = Addon()
    hooks, subject = table(Addon(in_a_future(error)), after), judged()
    await fire(hooks, HttpRequestHeadersHook(subject))
    assert exchange_of(subject).failure
    assert after.calls == 0


async def test_one_that_cancels_its_own_task_denies():
    async def cancels(subject):
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    hooks, subject = table(Addon(cancels)), judged()
    await fire(hooks, HttpRequestHeadersHook(subject))
    assert exchange_of(subject).failure.endswith("CancelledError")


async def test_an_await_that_never_ends_denies_when_its_time_is_over():
    async def never(subject):
        await asyncio.get_running_loop().create_future()

    after = Addon()
    hooks, subject = table(Addon(never), after, timeout=SHORT), judged()
    await fire(hooks, HttpRequestHeadersHook(subject))
    assert exchange_of(subject).failure.endswith("TimeoutError")
    assert (after.calls, hooks.trips) == (0, 1)


async def test_one_that_swallows_its_cancellation_is_left_behind():
    release = asyncio.Event()
    cancelled = 0

    async def stubborn(subject):
        nonlocal cancelled
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                cancelled += 1

    after = Addon()
    hooks, subject = table(Addon(stubborn), after, timeout=SHORT), judged()
    await fire(hooks, HttpRequestHeadersHook(subject))
    assert exchange_of(subject).failure.endswith("TimeoutError")
    await asyncio.sleep(0)
    assert (after.calls, cancelled) == (0, 1)
    release.set()
    await asyncio.sleep(0)


def test_whose_callback_is_a_generator_has_not_run_and_denies():
    class Yields:
        def requestheaders(self, subject):
            yield

    class YieldsAwaited:
        async def requestheaders(self, subject):
            yield

    for addon in (Yields(), YieldsAwaited()):
        hooks, subject = table(addon), judged()
        assert hooks.call(HttpRequestHeadersHook(subject)) is None
        assert exchange_of(subject).failure


def test_an_addon_that_cannot_even_be_asked_denies():
    class Broken:
        broken = False

        @property
        def requestheaders(self):
            if self.broken:
                raise RuntimeError("deliberate")

    addon = Broken()
    hooks, subject = table(addon), judged()
    addon.broken = True
    assert hooks.call(HttpRequestHeadersHook(subject)) is None
    assert exchange_of(subject).failure


# What goes well.


async def test_callbacks_run_in_the_order_of_the_chain_awaited_or_not():
    order = []

    def note(name):
        return lambda subject: order.append(name)

    def note_later(name):
        async def callback(subject):
            await asyncio.sleep(0.001)
            order.append(name)

        return callback

    addons = [Addon(note("a")), Addon(note_later("b")), Addon(note("c")), Addon(note_later("d")), Addon(note("e"))]
    hooks, subject = table(*addons), judged()
    await fire(hooks, HttpRequestHeadersHook(subject))
    assert order == ["a", "b", "c", "d", "e"]
    assert not exchange_of(subject).failure


def test_synchronous_callbacks_need_no_await():
    hooks, subject = table(Addon(), Addon(lambda subject: "what is returned is ignored")), judged()
    assert hooks.call(HttpRequestHeadersHook(subject)) is None
    assert not exchange_of(subject).failure


def test_a_hook_that_nobody_knows_is_nothing():
    assert table(Addon()).call(HttpResponseHook(judged())) is None


def test_addons_inside_addons_are_called():
    class Holder:
        def __init__(self, *addons):
            self.addons = addons
            self.requestheaders = "not callable"

    inner = Addon()
    assert table(Holder(inner, Holder(inner))).find("requestheaders") == (inner.requestheaders, inner.requestheaders)


def test_the_table_is_kept_until_it_is_rebuilt():
    first, late = Addon(), Addon()
    hooks = table(first)
    hooks.call(HttpRequestHeadersHook(judged()))
    hooks.addons.add(late)
    hooks.call(HttpRequestHeadersHook(judged()))
    assert (first.calls, late.calls) == (2, 0)
    hooks.rebuild()
    hooks.call(HttpRequestHeadersHook(judged()))
    assert (first.calls, late.calls) == (3, 1)


async def test_when_the_client_leaves_the_callback_is_cancelled_and_nothing_failed():
    ended = asyncio.Event()

    async def waits(subject):
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    hooks, subject = table(Addon(waits)), judged()
    waiting = asyncio.create_task(fire(hooks, HttpRequestHeadersHook(subject)))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(LIMIT):
        await ended.wait()
    assert hooks.trips == 0


# What is denied, and how.


class Failing:
    """Fails in every hook it is asked about."""

    def __getattr__(self, name):
        if name in ("load", "name", "addons") or name.startswith("_"):
            raise AttributeError(name)
        return raises(ValueError("deliberate"))


def test_a_flow_that_never_came_through_the_gate_is_killed():
    subject = tflow.ttcpflow()
    table(Failing()).call(HttpRequestHeadersHook(subject))
    assert subject.error.msg == flow.Error.KILLED_MESSAGE


def test_a_client_is_denied_by_its_error():
    client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2))
    table(Failing()).call(ClientConnectedHook(client))
    assert client.error == "addon failed in client_connected: ValueError"


def test_a_dial_is_denied_by_its_error():
    data = ServerConnectionHookData(server=Server(address=("192.0.2.1", 443)), client=tflow.tclient_conn())
    table(Failing()).call(ServerConnectHook(data))
    assert data.server.error == "addon failed in server_connect: ValueError"


@pytest.mark.parametrize("error", [ValueError("deliberate"), SystemExit(3), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize("hangs", [False, True])
async def test_a_stage_that_fails_leaves_nothing_to_pass_on(error, hangs):
    class Upper:
        async def feed(self, data, last):
            return data.upper()

    class Fails:
        async def feed(self, data, last):
            if hangs:
                await asyncio.get_running_loop().create_future()
            raise error

    hooks, subject = table(timeout=SHORT), judged()
    chunk = Chunk(subject, [Upper(), Fails()], b"secret", False)
    await hooks.finish(OutgateBodyHook(chunk), run(chunk), iter(()))
    assert chunk.data == b""
    assert exchange_of(subject).failure


def test_what_cannot_be_denied_is_not_passed_over():
    @dataclass
    class OutgateTestUnknownHook(StartHook):
        subject: object

    with pytest.raises(RuntimeError, match="str cannot be denied"):
        table(Failing()).call(OutgateTestUnknownHook("something"))


def test_the_log_says_where_it_failed_and_repeats_nothing(caplog):
    secret = "hunter2"
    with caplog.at_level(logging.DEBUG):
        table(Addon(raises(ValueError(f"the workload said {secret}")))).call(HttpRequestHeadersHook(judged()))
    assert "ValueError" in caplog.text
    assert "callbacks.py" in caplog.text
    assert secret not in caplog.text


def test_a_trace_has_the_way_and_not_the_message():
    secret = "hunter2"
    try:
        raises(ValueError(secret))(None)
    except ValueError:
        text = trace(sys.exception())
    assert "in callback" in text
    assert secret not in text


# The task factory.


@pytest.fixture
async def contained():
    asyncio.get_running_loop().set_task_factory(contained_task)
    yield
    asyncio.get_running_loop().set_task_factory(None)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=["exit", "interrupt"])
async def test_what_would_end_the_process_fails_the_task_only(contained, error):
    async def ends():
        await asyncio.sleep(0)
        raise error

    with pytest.raises(RuntimeError, match="raised inside a task"):
        await asyncio.create_task(ends())


async def test_other_tasks_are_as_they_were(contained):
    async def answers(value):
        await asyncio.sleep(0)
        return value

    async def fails():
        raise ValueError("deliberate")

    async def waits():
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(answers(3), name="three")
    assert (task.get_name(), await task) == ("three", 3)
    with pytest.raises(ValueError, match="deliberate"):
        await asyncio.create_task(fails())
    waiting = asyncio.create_task(waits())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_task_that_is_cancelled_before_it_begins_is_no_complaint(contained):
    async def never():
        raise AssertionError("it was cancelled")

    waiting = asyncio.create_task(never())
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
