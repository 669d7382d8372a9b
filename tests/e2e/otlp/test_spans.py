"""Every kind of attempt, told by OTLP to a real receiver: each span field by field, and what joins them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from e2e.lab import world
from e2e.otlp.conftest import Ran
from e2e.otlp.expected import (
    DIALLED,
    IDLE,
    SECURED,
    Like,
    allowed,
    asked,
    bytes_from,
    bytes_to,
    denied,
    phases,
    reached,
    there,
)
from e2e.otlp.told import Labels
from e2e.otlp.traffic import App

pytestmark = pytest.mark.netns

API, GRPC, TCP, PINNED, WRONG, FORBIDDEN = (
    world.ADDRESSES[name][0] for name in ("api", "grpc", "tcp", "pinned", "wrong", "forbidden")
)
PLAIN, TLS = allowed("api-example", "api.example:80"), allowed("api-example", "api.example:443")
CALLS = allowed("grpc-example", "grpc.example:80")
LIBRARY = "grpc-python/.*"
MANY = pytest.approx(5000, abs=4900)
UNASKED = ("tls_certificate_verify", "connect_timeout", "host_not_found", "connection_refused")
"""Errors before an origin was asked anything."""
CLOCK = 0.002
"""Seconds by which times that were read one after the other may differ in their last digits."""


@dataclass(frozen=True)
class Case:
    """One attempt: its SERVER span and its CLIENT spans. `app`: the number of the workload's own trace, 0 for none;
    `failed`: which spans are errors, in the same order."""

    app: int
    server: Labels
    clients: tuple[Labels, ...] = ()
    failed: tuple[bool, ...] = (False, False)
    name: str = "GET"


def answered(app: int, url: str, status: int, *, idle: bool = False) -> Case:
    """A plain request that its origin answered."""
    error = {"error.type": str(status)} if status >= 400 else {}
    at_server = error if status >= 500 else {}
    told = reached(url, status, API, IDLE if idle else DIALLED, **error)
    return Case(app, PLAIN | asked(url, status) | at_server, (told,), (status >= 500, status >= 400))


def not_reached(
    app: int,
    url: str,
    document: str,
    status: int,
    error: str,
    failure: str,
    address: str | None,
    waited: tuple[str, ...],
    flag: str = "UF",
) -> Case:
    """A request whose origin there came to be no connection to."""
    place = url.partition("://")[2].partition("/")[0]
    place = place if ":" in place else f"{place}:{443 if url.startswith('https') else 80}"
    said = allowed(document, place, failure=Like(failure), flags=flag) | {"error.type": error}
    told = reached(url, None, address, waited, failed_in=True) | {
        "error.type": error,
        "outgate.connection.reused": False,
    }
    version = "2" if url.startswith("https") else "1.1"
    return Case(app, said | asked(url, status, version), (told,), (True, True))


def called(app: int, method: str, waited: tuple[str, ...] = IDLE, url: str = "http://grpc.example") -> Case:
    url, place = f"{url}/lab.Echo/{method}", "grpc.example:443" if "https" in url else "grpc.example:80"
    server = allowed("grpc-example", place) | asked(url, 200, "2", LIBRARY, "POST")
    return Case(app, server, (reached(url, 200, GRPC, waited, "2", "POST"),), name="POST")


SECRET, QUERY = "https://api.example/allowed?page=2&token=REDACTED", "fail=1&how=close&key=REDACTED"
FLAKY, CUT, HANG = f"http://api.example/flaky?{QUERY}", "https://api.example/cut", "https://api.example/hang"
CLOSED = {"error.type": "connection_closed"}
BROKEN = allowed("api-example", "api.example:443", failure="upstream_reset: the body breaks off", flags="UC") | CLOSED
LEFT = allowed("api-example", "api.example:443", failure="client_disconnected: the client went away", flags="DC")
REFUSED = allowed("tcp-example", "tcp.example:7009", failure=Like("connect_failed: .*"), flags="UF")
ENDPOINT = {"outgate.endpoint": f"{TCP}:7000", "outgate.endpoint.labels": "app=ledger,version=v1"}

CASES = {
    "/allowed": Case(1, TLS | asked(SECRET, 200), (reached(SECRET, 200, API, SECURED),)),
    "/h2": Case(
        2,
        TLS | asked("https://api.example/h2", 200, "2", method="POST"),
        (reached("https://api.example/h2", 200, API, SECURED, "2", "POST"),),
        name="POST",
    ),
    "/b3": answered(3, "http://api.example/b3", 200),
    "/status/404": answered(4, "http://api.example/status/404", 404, idle=True),
    "/status/503": answered(5, "http://api.example/status/503", 503, idle=True),
    "/short": Case(
        7,
        PLAIN | asked("http://api.example/short", 200, agent=None),
        (reached("http://api.example/short", 200, API, IDLE),),
    ),
    "/flaky": Case(
        8,
        PLAIN | asked(FLAKY, 200, agent=None),
        (
            reached(FLAKY, None, API, IDLE) | CLOSED,
            reached(FLAKY, 200, API, DIALLED) | {"http.request.resend_count": 1},
        ),
        (False, True, False),
    ),
    "/unregistered": Case(
        11,
        asked("http://forbidden.example/unregistered", 502)
        | denied("unregistered", "forbidden.example:80 is not registered", "EgressDefaults .*", traffic="blackhole"),
        failed=(True,),
    ),
    "/forbidden": Case(
        12,
        asked("https://api.example/forbidden", 403, "2")
        | denied(
            "refused_by_rule",
            "denied by EgressAccess default/no-forbidden .*",
            "EgressAccess default/no-forbidden .*",
            traffic="registered",
            destination="EgressDestination/default/api-example",
        ),
        failed=(False,),
    ),
    f"{FORBIDDEN}:7777": Case(
        0,
        bytes_from(FORBIDDEN, 7777, 0, 0)
        | denied("unregistered", f"{FORBIDDEN}:7777 is not registered", "EgressDefaults .*", traffic="blackhole"),
        failed=(True,),
        name="tcp",
    ),
    "/wrong": not_reached(
        21,
        "https://wrong.example/wrong",
        "wrong-example",
        502,
        "tls_certificate_verify",
        "identity_failed: .*is not who the policy names.*",
        WRONG,
        SECURED,
    ),
    "/strange": not_reached(
        22,
        "https://strange.example/strange",
        "strange-example",
        502,
        "tls_certificate_verify",
        "tls_failed: .*is not valid under.*",
        PINNED,
        SECURED,
    ),
    "/silent": not_reached(
        23,
        "http://silent.example/silent",
        "silent",
        503,
        "connect_timeout",
        "connect_timeout: .* did not answer within 0.3 s",
        None,
        DIALLED,
    ),
    "/nowhere": not_reached(
        24,
        "http://nowhere.example/nowhere",
        "nowhere-example",
        503,
        "host_not_found",
        "resolve_failed: .*cannot be resolved.*",
        None,
        ("queue", "resolve"),
        "DF",
    ),
    "/refused": not_reached(
        25,
        "http://api.example:81/refused",
        "api-example",
        503,
        "connection_refused",
        "connect_failed: .*cannot be connected to.*",
        None,
        DIALLED,
    ),
    "tcp.example:7009": Case(
        0,
        REFUSED | bytes_from("tcp.example", 7009, 0, 0) | {"error.type": "connection_refused"},
        (bytes_to("tcp.example", 7009, None, **{"error.type": "connection_refused"}) | phases("queue", "connect"),),
        (True, True),
        "tcp",
    ),
    "/cut": Case(31, BROKEN | asked(CUT, 200), (reached(CUT, 200, API, IDLE) | CLOSED,), (True, True)),
    "/hang": Case(
        32,
        LEFT | asked(HANG, None),
        (reached(HANG, None, API, SECURED),),
    ),
    "/ws": Case(
        41,
        PLAIN | asked("http://api.example/ws", 101, agent="Python/.*"),
        (reached("http://api.example/ws", 101, API, IDLE),),
    ),
    "/lab.Echo/Unary": called(51, "Unary", DIALLED),
    "/lab.Echo/ServerStream": called(52, "ServerStream"),
    "/lab.Echo/ClientStream": called(53, "ClientStream"),
    "/lab.Echo/Fail": called(54, "Fail"),
    "/lab.Echo/Both": called(55, "Both", SECURED, "https://grpc.example"),
    "tcp.example:7000": Case(
        0,
        allowed("tcp-example", "tcp.example:7000") | bytes_from("tcp.example", 7000, 8, 16),
        (bytes_to("tcp.example", 7000, TCP, **ENDPOINT) | phases("queue", "connect"),),
        name="tcp",
    ),
    "pinned.example:443": Case(
        0,
        allowed("pinned-example", "pinned.example:443")
        | bytes_from("pinned.example", 443, MANY, MANY, sni="pinned.example"),
        (bytes_to("pinned.example", 443, PINNED, sni="pinned.example") | phases(*DIALLED),),
        name="tls",
    ),
}
"""By what tells an attempt from the others: its path, else its host and port."""


@pytest.mark.parametrize("key", CASES)
def test_an_attempt_is_told_field_by_field(ran: Ran, key: str) -> None:
    case, (server, clients) = CASES[key], ran.told.attempt(key)
    assert server.attributes == there(case.server)
    assert [each.attributes for each in clients] == [there(each) for each in case.clients]
    told = (server, *clients)
    assert tuple(each.failed for each in told) == case.failed[: len(told)]
    assert {each.name for each in told} == {case.name}
    assert {each.service for each in told} == {"outgate"}


@pytest.mark.parametrize("key", CASES)
def test_app_gate_and_origin_are_one_trace(ran: Ran, key: str) -> None:
    app, (server, clients) = App(CASES[key].app), ran.told.attempt(key)
    if app.number:
        assert (server.trace, server.parent, server.remote) == (app.trace, app.span, True)
    else:
        assert (server.parent, server.remote) == ("", False)
    assert {each.trace for each in clients} <= {server.trace}
    assert not any(each.remote for each in clients)
    answered = [each for each in clients if each.attributes.get("error.type") not in UNASKED]
    if key.startswith("/"):
        told = [f"00-{each.trace}-{each.id}-01" for each in answered]
        assert ran.traceparents(key) == told


@pytest.mark.parametrize("key", CASES)
def test_spans_lie_within_each_other_and_phases_within_them(ran: Ran, key: str) -> None:
    server, clients = ran.told.attempt(key)
    for each in clients:
        assert server.start <= each.start <= each.end <= server.end + CLOCK
        taken = [value for name, value in each.attributes.items() if name.startswith("outgate.phase.")]
        assert max(taken) <= server.end - server.start + CLOCK
    assert key != "/silent" or clients[0].end - clients[0].start >= 0.3


def test_every_attempt_has_one_server_span_and_nothing_is_told_twice(ran: Ran) -> None:
    spans = ran.told.spans()
    assert len({each.id for each in spans}) == len(spans)
    servers = [each for each in spans if each.kind == "SERVER"]
    assert {each.key for each in servers} == {*CASES, "/first"}
    assert len(servers) == len(CASES) + 1
    assert len({each.instance for each in spans}) == 1


def test_the_workload_s_state_and_baggage_stay_inside(ran: Ran) -> None:
    server, clients = ran.told.attempt("/allowed")
    assert [each.state for each in (server, *clients)] == ["vendor=1", "vendor=1"]
    (head,) = [seen for seen in ran.seen if seen["event"] == "request" and "/allowed" in seen["line"]]
    names = [name.lower() for name, _ in head["headers"]]
    assert "traceparent" in names
    assert not {"tracestate", "baggage"} & set(names)


def test_no_secret_leaves_by_any_span(ran: Ran) -> None:
    raw = b"".join(ran.told.received.raw)
    assert b"/allowed" in raw
    assert b"s3cret" not in raw
