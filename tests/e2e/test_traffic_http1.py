"""Routes, time limits and retries of HTTP/1 on a real faulty origin: the outcome table, by both ways through the gate.

Every row is asked twice, once on a new connection to its origin and once on an idle one, which the gate serves by
another way; what comes of it is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest

from e2e.faulty import PATIENCE, client, faulty
from outgate.policy.resilience_model import Limits, Outliers, Resilience
from outgate.policy.route_model import (
    Abort,
    Backoff,
    Bandwidth,
    Bucket,
    Delay,
    DirectResponse,
    Fault,
    HeaderChange,
    RateLimit,
    Redirect,
    RetryPolicy,
    Rewrite,
    Route,
    RouteMatch,
    TextKind,
    TextMatch,
    Unmatched,
)
from outgate.policy.snapshot import Policy
from outgate.proxy import changes, origins
from outgate.proxy.governor import Governor
from outgate.proxy.passage import Passage
from outgate.proxy.plan import Change
from outgate.telemetry.sampling import Sampler
from outgate.telemetry.tracer import Tracer
from outgate.traffic.buckets import Buckets
from outgate.traffic.limits import Kind, UnderWay
from outgate.traffic.origin import OriginState
from proxy.gates import gate, to
from proxy.wires import until

QUICK = Backoff(0.001, 0.002)
FIVE = RetryPolicy(2, frozenset({"5xx"}), backoff=QUICK)
PREFIX = RouteMatch(path=TextMatch(TextKind.PREFIX, "/api/"))


@dataclass(frozen=True)
class Row:
    """What is asked of a host with one route, and what comes. `asked`: how often the origin is."""

    path: str
    route: Route
    status: int
    flags: str = ""
    asked: int = 1
    method: str = "GET"
    body: bytes = b""
    whole: bool = True
    unmatched: Unmatched | None = None


TABLE = {
    "nothing to do": Row("/ok", Route(), 200),
    "no route": Row("/ok", Route(matches=(PREFIX,)), 404, "NR", 0, unmatched=Unmatched.NOT_FOUND),
    "no route, forwarded": Row("/ok", Route(matches=(PREFIX,), direct=DirectResponse(418)), 200),
    "direct": Row("/ok", Route(direct=DirectResponse(418, b"teapot")), 418, asked=0),
    "redirect": Row("/ok", Route(redirect=Redirect(302, authority="other.example")), 302, asked=0),
    "request timeout": Row("/slow/5", Route(timeout=0.1), 504, "UT"),
    "request timeout within the answer": Row("/trickle", Route(timeout=0.2), 200, whole=False),
    "idle": Row("/hang", Route(idle_timeout=0.1), 504, "SI"),
    "not idle": Row("/slow/0.1", Route(idle_timeout=0.5), 200),
    "too long": Row("/trickle", Route(maximum_duration=0.2), 200, whole=False),
    "too long before the answer": Row("/hang", Route(maximum_duration=0.1), 408, "UMSDR"),
    "503 then 200": Row("/status/503/200", Route(retry=FIVE), 200, asked=2),
    "503 for ever": Row("/status/503", Route(retry=FIVE), 503, asked=3),
    "503 without a policy": Row("/status/503/200", Route(), 503),
    "reset once": Row("/reset-once", Route(retry=FIVE), 200, asked=2),
    "reset for ever": Row("/reset", Route(retry=FIVE), 503, "UC,URX", 3),
    "a try that hangs": Row("/hang-once", Route(retry=replace(FIVE, per_try_timeout=0.1)), 200, asked=2),
    "every try hangs": Row("/hang", Route(retry=replace(FIVE, per_try_timeout=0.1, retries=1)), 504, "UT,URX", 2),
    "all tries within the timeout": Row(
        "/hang", Route(timeout=0.25, retry=replace(FIVE, per_try_timeout=0.1, retries=9)), 504, "UT", 3
    ),
    "POST is not idempotent": Row("/status/503/200", Route(retry=FIVE), 503, method="POST", body=b"once"),
    "POST by the policy": Row(
        "/status/503/200", Route(retry=replace(FIVE, any_method=True)), 200, asked=2, method="POST", body=b"twice"
    ),
    "a body too long to keep": Row(
        "/status/503/200", Route(retry=replace(FIVE, any_method=True)), 503, method="POST", body=b"x" * 5000
    ),
    "midway": Row("/midway", Route(retry=FIVE), 200, whole=False),
    "abort": Row("/ok", Route(faults=(Fault(abort=Abort(418)),)), 418, "FI", 0),
    "delay": Row("/ok", Route(faults=(Fault(delay=Delay(0.05)),)), 200),
    "delay and abort": Row("/ok", Route(faults=(Fault(Delay(0.05), Abort(503)),)), 503, "DI,FI", 0),
}


def known(name: str, row: Row, port: int) -> Any:
    made = to(host(name), 80, port)
    return replace(made, ports=(replace(made.ports[0], routes=(row.route,), unmatched=row.unmatched),))


def host(name: str) -> str:
    return f"{name.replace(' ', '-').replace(',', '')}.example".lower()


@pytest.mark.parametrize("way", ["new", "idle"])
@pytest.mark.parametrize("name", TABLE)
async def test_the_outcome_table(authority, name, way):
    row = TABLE[name]
    async with faulty() as origin, gate(authority, known(name, row, origin.port), retry_body=4096) as running:
        async with client(running.address) as asking:
            if way == "idle" and (await asking.ask(host(name), "/ok", "GET")).status == 200:
                origin.asked.clear()
            answer = await asking.ask(host(name), row.path, row.method, row.body)
        assert (answer.status, answer.flags, answer.whole) == (row.status, row.flags, row.whole)
        stale = way == "idle" and row.path.startswith("/reset")  # then it may just have been closed, and is asked anew
        hurried = row.route.timeout is not None  # on a busy machine there is time for less
        assert (min(1, row.asked) if hurried else row.asked) <= len(origin.asked) <= row.asked + stale
        assert {one["body"] for one in origin.asked} <= {row.body.decode()}
        line = (await running.lines(1 if way == "new" else 2))[-1]
        assert line["verdict"] == "allow"
        assert line["status"] == row.status
        if row.flags:
            assert line["flags"] == row.flags
        assert running.counts["crashes"] == 0


@pytest.mark.parametrize(("retries", "flags", "attempts"), [(0, "UF", 1), (2, "UF,URX", 3)])
async def test_an_origin_that_cannot_be_reached(authority, retries, flags, attempts):
    events: list[Any] = []
    tracer = Tracer(lambda rule: events.append, Sampler())
    retry = RetryPolicy(retries, frozenset({"connect-failure"}), backoff=QUICK)
    known_ = known("dead", Row("", Route(retry=retry), 0), 1)
    async with gate(authority, known_, tracer=tracer) as running, client(running.address) as asking:
        answer = await asking.ask(host("dead"), method="POST", body=b"sent to nobody")
        assert (answer.status, answer.flags, answer.code) == (503, flags, "connect_failed")
        await running.lines()
    (event,) = events
    assert [one.error_type for one in event.reached] == ["connection_refused"] * attempts
    assert len(event.trace.client_ids) == attempts
    assert len(set(event.trace.client_ids)) == attempts


BEFORE: dict[str, tuple[Any, str]] = {
    "enter": (Governor, "enter"),
    "admit": (Governor, "admit_now"),
    "bucket": (Buckets, "take"),
    "limit": (UnderWay, "take"),
    "endpoints": (OriginState, "know"),
    "choice": (OriginState, "choose"),
    "begin": (OriginState, "begin"),
    "change": (Change, "apply"),
}
AFTER: dict[str, tuple[Any, str]] = {
    "outcome": (OriginState, "tell"),
    "retry": (Passage, "again"),
    "change": (changes, "incoming"),
}
EVERYTHING = Route(
    timeout=5.0,
    retry=FIVE,
    limits=(RateLimit("all", Bucket(100, 100, 1.0)),),
    request_headers=HeaderChange(set=(("x-a", "1"),)),
    response_headers=HeaderChange(add=(("x-b", "2"),)),
)


def with_everything(name: str, port: int) -> Any:
    made = known(name, Row("", EVERYTHING, 0), port)
    governed = Resilience(limits=Limits(requests=9, connections=9), outliers=Outliers())
    one = replace(made.ports[0], upstream=replace(made.ports[0].upstream, resilience=governed))
    return replace(made, ports=(one,))


@pytest.mark.parametrize("way", ["new", "idle"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_whatever_of_the_policy_raises_denies(authority, monkeypatch, before, way):
    """Before a request has left, its origin is not asked; after that, its answer does not go on."""

    def fails(*_, **__):
        raise RuntimeError("broken")

    for what, place in (BEFORE if before else AFTER).items():
        async with faulty() as origin, gate(authority, with_everything("broken", origin.port)) as running:
            async with client(running.address) as asking:
                if way == "idle":
                    assert (await asking.ask(host("broken"))).status == 200
                origin.asked.clear()
                origin.path = "/status/503" if what == "retry" else ""  # what comes well is worth no other try
                with monkeypatch.context() as patched:
                    patched.setattr(*place, fails)
                    answer = await asking.ask(host("broken"))
                origin.path = ""
            assert answer.status in (0, 500, 502), (what, answer)
            assert b"x-origin" not in answer.body, what
            assert len(origin.asked) <= (not before), what
            async with client(running.address) as asking:
                assert (await asking.ask(host("broken"))).status == 200, what
            (state,) = running.engine.plane.governor.origins
            await until(lambda state=state: state.under_way.counts[Kind.REQUESTS] == 0)


async def test_a_route_that_cannot_be_chosen_denies(authority, monkeypatch):
    def fails(self, *_):
        raise RuntimeError("broken")

    async with faulty() as origin, gate(authority, known("broken", Row("", Route(), 0), origin.port)) as running:
        monkeypatch.setattr(Governor, "enter", fails)
        async with client(running.address) as asking:
            assert (await asking.ask(host("broken"))).status in (0, 500, 502)
        assert origin.opened == 0


async def test_a_request_that_does_not_go_on_is_told_so(authority):
    row = Row("", Route(idle_timeout=0.15), 0)
    async with faulty() as origin, gate(authority, known("mute", row, origin.port)) as running:
        async with client(running.address) as asking:
            asking.writer.write(b"POST /ok HTTP/1.1\r\nhost: mute.example\r\ncontent-length: 10\r\n\r\nhalf")
            answer = await asking.answer()
        assert (answer.status, answer.flags, answer.code) == (408, "SI", "stream_idle")
        (line,) = await running.lines()
        assert (line["status"], line["flags"]) == (408, "SI")


async def test_a_request_that_runs_out_of_time_while_its_origin_is_dialled(authority, monkeypatch):
    """It is answered at once; the connection that comes of it is the next one's."""
    connect = origins.upstream.connect

    async def slowly(*arguments):
        await asyncio.sleep(0.3)
        return await connect(*arguments)

    row = Row("", Route(timeout=0.1), 0)
    async with faulty() as origin, gate(authority, known("late", row, origin.port)) as running:
        monkeypatch.setattr(origins.upstream, "connect", slowly)
        async with client(running.address) as asking:
            answer = await asking.ask(host("late"))
            assert (answer.status, answer.flags) == (504, "UT")
            (line,) = await running.lines()
            assert (line["status"], line["flags"]) == (504, "UT")
            await until(lambda: len(running.engine.plane.pool) == 1)
            assert (await asking.ask(host("late"))).status == 200
        assert (origin.opened, len(origin.asked)) == (1, 1)
        assert running.counts["crashes"] == 0


async def test_a_websocket_outlives_its_route_s_timeout(authority):
    """What has become of the request is none any more; idle it may not be."""
    accept = b"HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: x\r\n\r\n"

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(accept)
        while data := await reader.read(100):
            writer.write(b"\x81\x02ok" if data else b"")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    retry = RetryPolicy(1, frozenset({"5xx"}), per_try_timeout=0.15)
    row = Row("", Route(timeout=0.1, idle_timeout=0.5, retry=retry), 0)
    try:
        async with gate(authority, known("ws", row, server.sockets[0].getsockname()[1])) as running:
            async with client(running.address) as asking:
                asking.writer.write(
                    b"GET / HTTP/1.1\r\nhost: ws.example\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
                    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
                )
                assert (await asking.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
                await asyncio.sleep(0.25)
                asking.writer.write(b"\x81\x82\0\0\0\0hi")
                async with asyncio.timeout(PATIENCE):
                    assert await asking.reader.readexactly(4) == b"\x81\x02ok"
                    with contextlib.suppress(ConnectionError):
                        assert not await asking.reader.read()
            (line,) = await running.lines()
            assert (line["status"], line["flags"]) == (101, "SI")
    finally:
        server.close()


@pytest.mark.parametrize("way", ["new", "idle"])
async def test_a_rewrite_that_makes_no_head_leaves_nothing(authority, way):
    route = Route(matches=(PREFIX,), rewrite=Rewrite(path="/a b\r\nx: y"))
    async with faulty() as origin, gate(authority, known("bad", Row("", route, 0), origin.port)) as running:
        async with client(running.address) as asking:
            if way == "idle":
                assert (await asking.ask(host("bad"))).status == 200
            asked = len(origin.asked)
            assert (await asking.ask(host("bad"), "/api/x")).status in (0, 500)
        assert len(origin.asked) == asked


async def test_an_answer_that_is_slowed_down_comes_evenly(authority):
    route = Route(faults=(Fault(bandwidth=Bandwidth(1000.0)),))
    async with faulty() as origin, gate(authority, known("narrow", Row("", route, 0), origin.port)) as running:
        async with client(running.address) as asking:
            began = time.monotonic()
            asking.send(host("narrow"), "/ok?" + "x" * 300)
            async with asyncio.timeout(PATIENCE):
                head = await asking.reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split()[0])
                await asking.reader.readexactly(63)
                early = time.monotonic() - began
                await asking.reader.readexactly(length - 63)
            took = time.monotonic() - began
        assert took >= length / 1000 - 0.1
        assert early < took
        assert running.counts["crashes"] == 0


async def test_a_policy_that_is_gone_is_not_held_by_what_was_made_of_it(authority):
    async with (
        faulty() as origin,
        gate(authority, known("old", Row("", Route(timeout=9.0), 0), origin.port)) as running,
    ):
        snapshot = running.engine.plane.snapshot
        snapshot.observers.append(running.engine.plane.swapped)
        async with client(running.address) as asking:
            for number in range(10):
                assert (await asking.ask(host("old"))).status == 200
                fresh = known("old", Row("", Route(timeout=9.0 + number), 0), origin.port)
                snapshot.swap(Policy(f"g{number}", destinations=(fresh,)))
            assert (await asking.ask(host("old"))).status == 200
        gc.collect()
        held = [each for each in gc.get_objects() if isinstance(each, Policy) and each.generation.startswith("g")]
        assert {each.generation for each in held} <= {"g8", "g9"}
