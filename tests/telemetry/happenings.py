"""Events for tests of outputs: an attempt that went well, and what may differ in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Code,
    Decision,
    Destination,
    Identity,
    Port,
    Protocol,
    Source,
    Traffic,
    Upstream,
    UpstreamTLS,
    Verdict,
)
from outgate.problems import Where
from outgate.telemetry.event import Event, Phases, Reached, Tls, Trace

STARTED = 1_700_000_000.0
CALLER = Identity("payments", "checkout", "cluster.local/ns/payments/sa/checkout", address="10.0.0.7")
SOURCE = Source(Where("policy/10.yaml", 9, 9), "ServiceEntry", "api", "default")
UPSTREAM = Upstream(443, tls=UpstreamTLS())
PORT = Port(443, Protocol.HTTPS, UPSTREAM)
API = Destination("default/api", "api", "default", ("api.example",), (), (PORT,), SOURCE)
TRACE = Trace(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, (0xC1,), 0x00F067AA0BA902B7, True)
REACHED = Reached(
    ("203.0.113.5", 443),
    ("10.0.0.9", 40000),
    Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "http/1.1", "api.example", mutual=True),
    "HTTP/1.1",
    phases=Phases(0.001, 0.002, 0.003, 0.004, 0.05),
    started=STARTED + 0.001,
    ended=STARTED + 0.2,
)
ALLOWED = Decision(
    Verdict.ALLOW, Code.REGISTERED, "api.example:443 is registered", Traffic.REGISTERED, SOURCE, API, PORT
)
DENIED = Decision(Verdict.DENY, Code.UNREGISTERED, "evil.example is not registered", Traffic.BLACKHOLE, status=502)


def request(**more: Any) -> Event:
    """`GET https://api.example/orders?page=2`, answered with 200."""
    host, method, path = more.pop("host", "api.example"), more.get("method", "GET"), more.pop("path", "/orders?page=2")
    attempt = Attempt(AttemptKind.HTTP, CALLER, 443, host, encrypted=True, method=method, path=path)
    plain = Event(
        "http",
        STARTED,
        0.25,
        "allow",
        "registered",
        "api.example:443 is registered",
        CALLER,
        caller_port=51000,
        attempt=attempt,
        decision=ALLOWED,
        generation="g7",
        port=443,
        address="203.0.113.5",
        sni="api.example",
        encrypted=True,
        method=method,
        path=path,
        protocol="HTTP/2.0",
        request_fields=((b"user-agent", b"curl/8.5"), (b"x-team", b"blue"), (b"authorization", b"Bearer abc")),
        status=200,
        sent=3,
        received=5,
        reached=(REACHED,),
        trace=TRACE,
        request_id="r-1",
    )
    return replace(plain, **more)


def denial(**more: Any) -> Event:
    """The same for what is not registered."""
    more = {"verdict": "deny", "code": "unregistered", "decision": DENIED, "reason": DENIED.reason} | more
    return request(**({"status": 502, "reached": (), "host": "evil.example"} | more))


def tunnel(**more: Any) -> Event:
    """A TLS tunnel by its server name."""
    attempt = Attempt(AttemptKind.TLS, CALLER, 443, "pinned.example", sni="pinned.example")
    base = {"kind": "tls", "attempt": attempt, "sni": "pinned.example", "method": "", "protocol": "", "status": 0}
    return request(**(base | {"encrypted": False, "request_fields": (), "sent": 1000, "received": 2000} | more))
