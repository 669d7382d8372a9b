"""The outcome table again for HTTP/2 on both sides and for gRPC, and what streams of one connection share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from e2e.faulty2 import faulty2
from outgate.policy.model import Protocol
from outgate.policy.resilience_model import Limits, Outliers, Resilience
from outgate.policy.route_model import (
    Abort,
    Backoff,
    Bucket,
    DirectResponse,
    Fault,
    RateLimit,
    Redirect,
    RetryPolicy,
    Route,
    RouteMatch,
    TextKind,
    TextMatch,
    Unmatched,
)
from proxy.gates import gate, to
from proxy.streams import Stream, Wire
from proxy.wires import until

QUICK = Backoff(0.001, 0.002)
FIVE = RetryPolicy(2, frozenset({"5xx"}), backoff=QUICK)
REFUSED = RetryPolicy(2, frozenset({"refused-stream"}), backoff=QUICK)
UNAVAILABLE = RetryPolicy(2, frozenset({"unavailable"}), backoff=QUICK, any_method=True)
OTHER = Route(matches=(RouteMatch(path=TextMatch(TextKind.EXACT, "/other")),))
EMPTY = RateLimit("none", Bucket(1, 1, 3600))


@dataclass(frozen=True)
class Row:
    """`grpc`: the status that a gRPC caller sees; None: it is no gRPC."""

    path: str
    route: Route
    status: int
    flags: str = ""
    asked: int = 1
    grpc: int | None = None
    method: str = "GET"
    body: bytes = b""
    unmatched: Unmatched | None = None


def call(path: str, route: Route, grpc: int, flags: str = "", asked: int = 1, **more: Any) -> Row:
    return Row(path, route, 200, flags, asked, grpc, "POST", b"\0\0\0\0\2hi", **more)


TABLE = {
    "nothing to do": Row("/ok", Route(), 200),
    "no route": Row("/ok", OTHER, 404, "NR", 0, unmatched=Unmatched.NOT_FOUND),
    "direct": Row("/ok", Route(direct=DirectResponse(418, b"teapot")), 418, asked=0),
    "redirect": Row("/ok", Route(redirect=Redirect(302, path="/there")), 302, asked=0),
    "request timeout": Row("/hang", Route(timeout=0.1), 504, "UT"),
    "idle": Row("/hang", Route(idle_timeout=0.1), 504, "SI"),
    "503 then 200": Row("/status/503/200", Route(retry=FIVE), 200, asked=2),
    "503 for ever": Row("/status/503", Route(retry=FIVE), 503, asked=3),
    "reset once": Row("/reset-once", Route(retry=FIVE), 200, asked=2),
    "reset once without a policy": Row("/reset-once", Route(), 503, "UC"),
    "refused once": Row("/refuse-once", Route(), 200, asked=2),
    "refused once with a body": Row("/refuse-once", Route(retry=REFUSED), 200, asked=2, method="POST", body=b"b"),
    "refused with a body and no policy": Row("/refuse-once", Route(), 503, "UC", method="POST", body=b"b"),
    "goaway once": Row("/goaway-once", Route(retry=FIVE), 200, asked=2),
    "a body again": Row(
        "/status/503/200", Route(retry=replace(FIVE, any_method=True)), 200, asked=2, method="POST", body=b"x" * 3000
    ),
    "every try hangs": Row("/hang", Route(retry=replace(FIVE, per_try_timeout=0.1, retries=1)), 504, "UT,URX", 2),
    "call": call("/grpc/0", Route(), 0),
    "call, timeout": call("/hang", Route(timeout=0.1), 4, "UT"),
    "call, unavailable then well": call("/grpc/14/0", Route(retry=UNAVAILABLE), 0, asked=2),
    "call, unavailable for ever": call("/grpc/14", Route(retry=UNAVAILABLE), 14, asked=3),
    "call, abort": call("/grpc/0", Route(faults=(Fault(abort=Abort(grpc_status=8)),)), 8, "FI", 0),
    "call, abort by status": call("/grpc/0", Route(faults=(Fault(abort=Abort(503)),)), 14, "FI", 0),
    "call, no route": call("/grpc/0", OTHER, 12, "NR", 0, unmatched=Unmatched.NOT_FOUND),
}


def known(row: Row, port: int, resilience: Resilience | None = None) -> Any:
    made = to("api.example", 80, port, Protocol.GRPC)
    upstream = made.ports[0].upstream
    if resilience is not None:
        upstream = replace(upstream, resilience=resilience)
    return replace(
        made, ports=(replace(made.ports[0], routes=(row.route,), unmatched=row.unmatched, upstream=upstream),)
    )


class Told(Wire):
    """A wire that keeps the headers of answers."""

    def __init__(self, *streams: Any) -> None:
        self.told: dict[int, dict[str, str]] = {}
        super().__init__(*streams)

    def _note(self, event: Any) -> None:
        if hasattr(event, "headers") and event.stream_id in self.streams:
            fields = {name.decode(): value.decode() for name, value in event.headers}
            self.told.setdefault(event.stream_id, {}).update(fields)
        super()._note(event)

    def begin(self, row: Row) -> int:
        number = self.h2.get_next_available_stream_id()
        fields = [(":method", row.method), (":scheme", "http"), (":authority", "api.example"), (":path", row.path)]
        if row.grpc is not None:
            fields += [("content-type", "application/grpc"), ("te", "trailers")]
        self.h2.send_headers(number, fields, end_stream=not row.body)
        if row.body:
            self.h2.send_data(number, row.body, end_stream=True)
        self.streams[number] = Stream()
        self.flush()
        return number


@pytest.mark.parametrize("name", TABLE)
async def test_the_outcome_table(authority, name):
    row = TABLE[name]
    async with faulty2() as origin, gate(authority, known(row, origin.port)) as running:
        wire = await Told.open(running.address)
        number = wire.begin(row)
        await wire.answer(number)
        told = wire.told[number]
        assert (int(told[":status"]), told.get("x-outgate-flags", "")) == (row.status, row.flags)
        if row.grpc is not None:
            assert int(told["grpc-status"]) == row.grpc
        assert len(origin.asked) == row.asked
        assert set(origin.bodies) <= {row.body}
        wire.close()
        (line,) = await running.lines()
        assert line.get("flags", "") == row.flags or not row.flags
        assert running.counts["crashes"] == 0


async def test_a_stream_that_is_late_takes_no_other_with_it(authority):
    async with faulty2() as origin, gate(authority, known(Row("", Route(timeout=0.2), 0), origin.port)) as running:
        wire = await Told.open(running.address)
        late, well = wire.begin(Row("/hang", Route(), 0)), wire.begin(Row("/ok", Route(), 0))
        await wire.answer(late)
        after = wire.begin(Row("/ok", Route(), 0))
        await wire.answer(after)
        assert [wire.told[one][":status"] for one in (late, well, after)] == ["504", "200", "200"]
        assert origin.opened == 1
        wire.close()


async def test_a_call_whose_answer_has_begun_is_reset_when_it_is_late(authority):
    async with faulty2() as origin, gate(authority, known(Row("", Route(timeout=0.2), 0), origin.port)) as running:
        wire = await Told.open(running.address)
        number = wire.begin(call("/flow", Route(), 0))
        assert (await wire.answer(number)).reset is not None
        wire.close()
        (line,) = await running.lines()
        assert (line["status"], line["flags"]) == (200, "UT")


async def test_streams_beyond_the_limit_overflow(authority):
    resilience = Resilience(limits=Limits(requests=2))
    async with faulty2() as origin, gate(authority, known(Row("", Route(), 0), origin.port, resilience)) as running:
        wire = await Told.open(running.address)
        numbers = [wire.begin(Row("/slow/0.3", Route(), 0)) for _ in range(4)]
        for number in numbers:
            await wire.answer(number)
        assert sorted(wire.told[one][":status"] for one in numbers) == ["200", "200", "503", "503"]
        assert origin.most_under_way == 2
        wire.close()


async def test_failed_calls_eject(authority):
    outliers = Outliers(consecutive_5xx=2, interval=60, base_ejection=60, maximum_percent=100)
    row = call("/grpc/14", Route(), 14)
    async with faulty2() as origin, gate(authority, known(row, origin.port, Resilience(outliers=outliers))) as running:
        wire = await Told.open(running.address)
        for flags in ("", "", "UH"):
            number = wire.begin(row)
            await wire.answer(number)
            told = wire.told[number]
            assert (told["grpc-status"], told.get("x-outgate-flags", "")) == ("14", flags)
        assert len(origin.asked) == 2
        wire.close()


async def test_a_call_beyond_its_rate_is_refused(authority):
    async with faulty2() as origin, gate(authority, known(Row("", Route(limits=(EMPTY,)), 0), origin.port)) as running:
        wire = await Told.open(running.address)
        told = []
        for _ in range(2):
            number = wire.begin(call("/grpc/0", Route(), 0))
            await wire.answer(number)
            told.append(wire.told[number])
        assert [one["grpc-status"] for one in told] == ["0", "14"]
        assert (told[1]["x-outgate-flags"], told[1]["x-rate-limited"]) == ("RL", "true")
        wire.close()


async def test_a_connection_on_which_nothing_moves_is_pinged_as_often_as_its_origin_wants(authority):
    row = Row("/hang", Route(), 0)
    async with (
        faulty2() as origin,
        gate(authority, known(row, origin.port, Resilience(http2_ping=(1.0, 1.0)))) as running,
    ):
        wire = await Told.open(running.address)
        wire.begin(row)
        await until(lambda: origin.pings >= 1)
        wire.close()
