"""What lasts: WebSockets, server-sent events, gRPC. Each piece passes when it comes, and the end is told as it was."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from e2e.documents import access, defaults, destination, policy
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import UID, Workload

pytestmark = pytest.mark.netns

REGISTRY = (
    destination("api.example", ports=("80/HTTP", "443/HTTPS")),
    destination("grpc.example", ports=("80/GRPC", "443/GRPC")),
)
POLICY = policy(defaults(mode="REGISTRY_ONLY"), *REGISTRY)
BOTH = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])


# WebSocket.


@contextmanager
def websocket(
    workload: Workload, host: str, encrypted: bool, path: str = "/ws", **options: Any
) -> Iterator[ClientConnection]:
    """A WebSocket to a host, its address as the pod knows it."""
    scheme, port = ("wss", 443) if encrypted else ("ws", 80)
    trust = {"ssl": workload.context(), "server_hostname": host} if encrypted else {}
    options = {"open_timeout": 10, **trust, **options}
    with workload.dial(host, port) as made, connect(f"{scheme}://{host}{path}?a=1", sock=made, **options) as client:
        yield client


@BOTH
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_come_back_as_they_were_sent(
    workload: Workload, origins: LabOrigins, encrypted: bool, compression: str | None
) -> None:
    messages: list[str | bytes] = ["text", "\u20ac\U0001f600", b"\x00\xff binary", "", b"", "x" * 100_000]
    with websocket(workload, "api.example", encrypted, compression=compression, max_size=None) as client:
        for message in messages:
            client.send(message)
            assert client.recv(timeout=10) == message
    assert [seen["length"] for seen in origins.records("message")] == [
        len(message.encode() if isinstance(message, str) else message) for message in messages
    ]


@BOTH
def test_fragments_are_joined_into_one_message(workload: Workload, origins: LabOrigins, encrypted: bool) -> None:
    with websocket(workload, "api.example", encrypted) as client:
        client.send(["one ", "two ", "three"])
        assert client.recv(timeout=10) == "one two three"
        client.send([b"\x01", b"", b"\x02"])
        assert client.recv(timeout=10) == b"\x01\x02"


@BOTH
@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going away"), (3999, "own"), (4000, "\u20ac")])
def test_a_close_and_its_code_reach_the_origin_and_come_back(
    workload: Workload, origins: LabOrigins, journal: Journal, encrypted: bool, code: int, reason: str
) -> None:
    path = f"/close/{code}/{encrypted}"
    with websocket(workload, "api.example", encrypted, path) as client:
        client.send("last")
        assert client.recv(timeout=10) == "last"
        client.close(code, reason)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)
    entry = journal.one(path=path)
    assert (entry["status"], entry["code"], entry["sent"], entry["received"]) == (101, "registered", 4, 4)


@BOTH
def test_many_messages_under_way_keep_their_order(workload: Workload, origins: LabOrigins, encrypted: bool) -> None:
    with websocket(workload, "api.example", encrypted) as client:
        for number in range(300):
            client.send(f"message {number}")
        assert [client.recv(timeout=10) for _ in range(300)] == [f"message {number}" for number in range(300)]


@BOTH
def test_a_websocket_to_a_denied_host_is_not_opened(
    workload: Workload, counting: Lab, journal: Journal, encrypted: bool
) -> None:
    nothing = untouched(counting, *world.ADDRESSES["forbidden"])
    with nothing, pytest.raises(InvalidStatus) as refused, websocket(workload, "forbidden.example", encrypted):
        pass
    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body or b"")["outgate"]["code"]) == (502, "unregistered")
    assert journal.one(host="forbidden.example")["code"] == "unregistered"


def test_an_open_websocket_ends_when_it_is_no_longer_allowed(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins
) -> None:
    with websocket(workload, "api.example", encrypted=False) as client:
        client.send("before")
        assert client.recv(timeout=10) == "before"
        under(policy(defaults(mode="REGISTRY_ONLY")))
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=10)


# Server-sent events.


@BOTH
@pytest.mark.parametrize("http", ["1.1", "2"])
def test_events_arrive_one_by_one(workload: Workload, origins: LabOrigins, encrypted: bool, http: str) -> None:
    """Each before the next is sent: the origin waits 0.3 s between them, and a buffer would hold them together."""
    arrivals = list(events(workload, encrypted, http))
    assert [number for number, _ in arrivals] == list(range(6))
    gaps = [late - early for (_, early), (_, late) in pairwise(arrivals)]
    assert all(0.1 < gap < 1.5 for gap in gaps), gaps


def events(workload: Workload, encrypted: bool, http: str) -> Iterator[tuple[int, float]]:
    """Numbers of events, and when curl had them."""
    url = f"{'https' if encrypted else 'http'}://api.example/sse?n=6&s=0.3"
    version = "--http1.1" if http == "1.1" else "--http2" if encrypted else "--http2-prior-knowledge"
    command = ["curl", "-sSN", version, "--cacert", str(workload.pki.gate_ca.cert), "--max-time", "15", url]
    process = workload.lab.popen_in(workload.lab.pod, command, UID, stdout=-1, bufsize=0)
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.fullmatch(rb"data: event (\d+)\n", line):
            yield int(found[1]), time.monotonic()
    assert process.wait(15) == 0


def test_the_first_event_is_there_while_the_stream_goes_on(workload: Workload, origins: LabOrigins) -> None:
    """The control for the gaps above: an endless stream never ends a buffer's patience."""
    with workload.dial("api.example", 80) as client:
        client.sendall(b"GET /sse?s=5 HTTP/1.1\r\nHost: api.example\r\n\r\n")
        received = b""
        client.settimeout(3)
        while b"event 0" not in received:
            received += client.recv(65536)
    assert b"event 1" not in received


# gRPC.


def calls(workload: Workload, target: str, *made: dict[str, Any], encrypted: bool = False) -> list[dict[str, Any]]:
    """What came of calls on one channel."""
    program = [sys.executable, str(Path(__file__).with_name("grpc_client.py")), target]
    trust = [str(workload.pki.gate_ca.cert)] if encrypted else []
    done = workload.lab.run_in(workload.lab.pod, [*program, *trust], UID, input=json.dumps(made))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def call(method: str, *messages: str, **more: Any) -> dict[str, Any]:
    return {"method": method, "messages": messages, **more}


@BOTH
def test_all_four_kinds_of_call_pass(
    workload: Workload, origins: LabOrigins, journal: Journal, encrypted: bool
) -> None:
    target = f"grpc.example:{443 if encrypted else 80}"
    unary, server, client, both, failed = calls(
        workload,
        target,
        call("Unary", "hello", metadata=[("x-mine", "1")]),
        call("ServerStream", "3"),
        call("ClientStream", "a", "b", "c"),
        call("Both", "a", "b", "c"),
        call("Fail", "thing"),
        encrypted=encrypted,
    )
    assert [texts(one) for one in (unary, server, client, both)] == [
        ["echo:hello"],
        ["echo:0", "echo:1", "echo:2"],
        ["echo:a,b,c"],
        ["echo:a", "echo:b", "echo:c"],
    ]
    assert {one["code"] for one in (unary, server, client, both)} == {"OK"}
    assert ["lab-method", "Unary"] in unary["trailing"]
    assert (failed["code"], failed["details"]) == ("NOT_FOUND", "there is no thing")
    assert ["x-mine", "1"] in origins.records("call")[0]["metadata"]
    assert journal.one(path="/lab.Echo/Both")["protocol"] == "HTTP/2.0"


def texts(told: dict[str, Any]) -> list[str]:
    return [text for text, _ in told["messages"]]


@BOTH
def test_both_directions_of_a_call_are_open_at_once(workload: Workload, origins: LabOrigins, encrypted: bool) -> None:
    """Every answer comes while the client still waits before its next message."""
    target = f"grpc.example:{443 if encrypted else 80}"
    (told,) = calls(workload, target, call("Both", "a", "b", "c", pause=0.5), encrypted=encrypted)
    times = [at for _, at in told["messages"]]
    assert texts(told) == ["echo:a", "echo:b", "echo:c"]
    assert all(late - early > 0.3 for early, late in pairwise(times)), times


@BOTH
def test_a_call_to_an_unregistered_host_is_unavailable(
    workload: Workload, counting: Lab, journal: Journal, encrypted: bool
) -> None:
    with untouched(counting, *world.ADDRESSES["forbidden"]):
        target = f"forbidden.example:{443 if encrypted else 80}"
        (told,) = calls(workload, target, call("Unary", "hello"), encrypted=encrypted)
    assert told["code"] == "UNAVAILABLE"
    assert "not registered" in told["details"]
    assert journal(host="forbidden.example")[0]["code"] == "unregistered"


@BOTH
@pytest.mark.parametrize("method", ["Unary", "ServerStream", "ClientStream", "Both"])
def test_a_call_that_a_rule_refuses_is_denied_permission(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, encrypted: bool, method: str
) -> None:
    refusing = access("no-calls", action="DENY", rules=[{"to": [{"paths": [f"/lab.Echo/{method}"]}]}])
    under(policy(defaults(mode="REGISTRY_ONLY"), *REGISTRY, refusing))
    target = f"grpc.example:{443 if encrypted else 80}"
    refused, passed = calls(workload, target, call(method, "1"), call("Fail", "x"), encrypted=encrypted)
    assert (refused["code"], refused["messages"]) == ("PERMISSION_DENIED", [])
    assert passed["code"] == "NOT_FOUND"
    assert [seen["method"] for seen in origins.records("call")] == ["Fail"]
