"""What a workload can use up of its gate: time, connections, memory. What is honest is served meanwhile."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from e2e.documents import defaults, destination, policy
from e2e.http2_client import Client, request
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload, drain
from proxy.openings import Hello, client_hello

pytestmark = pytest.mark.netns

POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", ports=("80/HTTP", "443/HTTPS")),
)
SETTINGS = {
    "pending_connections": 500,
    "peek_timeout": 60,
    "handshake_timeout": 60,
    "head_timeout": 1,
    "body_timeout": 1,
    "stream_resets": 50,
}
HALF_OPEN = 10_000
MIB = 1024 * 1024


def served(workload: Workload) -> None:
    for url in ("http://api.example/", "https://api.example/"):
        answer = workload.curl(url)
        assert answer.status == 200, answer


def counted(gate: Gate, name: str) -> int:
    return int(gate.admin("/status")["counts"].get(name, 0))


def memory(gate: Gate) -> int:
    """Resident bytes."""
    assert gate.process is not None
    pages = int(Path(f"/proc/{gate.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@contextmanager
def crowd(lab: Lab, address: str, port: int, count: int, say: bytes) -> Iterator[None]:
    """So many connections from the pod, each of which begins with the same and goes no further."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < count + 1000:
        pytest.skip(f"{count} connections need a limit of descriptors above {most}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        with ExitStack() as stack:
            with lab.enter(lab.pod):
                for _ in range(count):
                    made = stack.enter_context(socket.create_connection((address, port), 30))
                    with suppress(OSError):  # one that has given way
                        made.send(say)
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))


def test_p58_ten_thousand_half_open_handshakes_keep_nobody_out(
    workload: Workload, gate: Gate, lab: Lab, origins: LabOrigins
) -> None:
    served(workload)
    before, dropped = memory(gate), counted(gate, "pending_dropped")
    hello = client_hello(Hello("api.example"))
    with crowd(lab, workload.address("api.example"), 443, HALF_OPEN, hello[:100]):
        served(workload)
        status = gate.admin("/status")
        assert status["connections"] <= SETTINGS["pending_connections"] + 50
        assert status["counts"]["pending_dropped"] - dropped >= HALF_OPEN - SETTINGS["pending_connections"] - 50
        assert memory(gate) - before < 64 * MIB
    served(workload)
    assert counted(gate, "crashes") == 0


def test_p58_handshakes_that_stop_half_way_give_way_too(
    workload: Workload, gate: Gate, lab: Lab, origins: LabOrigins
) -> None:
    """Here the gate has signed and answered, and the client's last message does not come."""
    with crowd(lab, workload.address("api.example"), 443, 1000, client_hello(Hello("api.example"))):
        served(workload)
        assert gate.admin("/status")["connections"] <= SETTINGS["pending_connections"] + 50
    served(workload)


SLOW = {
    "a head": (b"GET / HTTP/1.1\r\nHost: api.example\r\nX-A: ", "head_timeout"),
    "a body": (b"POST / HTTP/1.1\r\nHost: api.example\r\nContent-Length: 9\r\n\r\n1", "body_timeout"),
    "chunks": (b"POST / HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "body_timeout"),
}


@pytest.mark.core
@pytest.mark.parametrize("case", SLOW)
def test_p58_what_is_begun_has_to_go_on(workload: Workload, gate: Gate, origins: LabOrigins, case: str) -> None:
    begun, count = SLOW[case]
    before = counted(gate, count)
    with workload.dial("api.example", 80) as made:
        made.sendall(begun)
        drain(made)
    assert counted(gate, count) == before + 1
    served(workload)


@pytest.mark.core
def test_p58_a_stream_that_is_begun_has_to_go_on_or_ends_alone(
    workload: Workload, gate: Gate, origins: LabOrigins
) -> None:
    before = counted(gate, "body_timeout")
    with workload.dial("api.example", 80) as sock:
        client = Client(sock)
        late = client.send(request("api.example", "/upload", "POST"), b"1", end=False)
        assert client.answer(late).status == 408
        assert client.ask(request("api.example")).status == 200
    assert counted(gate, "body_timeout") == before + 1


BOMBS = {
    "one long field": (b"X: " + b"y" * MIB + b"\r\n", "header_bytes"),
    "a long line": (b"", ""),  # not taken for HTTP at all
    "many fields": (b"".join(b"x%d: 1\r\n" % number for number in range(3000)), "header_fields"),
}


@pytest.mark.core
@pytest.mark.parametrize("case", BOMBS)
def test_p58_a_head_has_a_size(workload: Workload, gate: Gate, origins: LabOrigins, case: str) -> None:
    fields, count = BOMBS[case]
    line = b"GET /" + (b"z" * MIB if not fields else b"") + b" HTTP/1.1\r\nHost: api.example\r\n"
    before = counted(gate, count)
    workload.say("api.example", line + fields + b"\r\n")
    assert counted(gate, count) == before + bool(count)
    assert not origins.records("request")


@pytest.mark.core
def test_p58_a_head_that_unpacks_to_much_is_not_unpacked(workload: Workload, gate: Gate, origins: LabOrigins) -> None:
    """One field of HTTP/2, kept by the peer's table and named again and again by a byte."""
    served(workload)
    origins.records.forget()
    before = memory(gate)
    with workload.dial("api.example", 80) as sock:
        client = Client(sock)
        bomb = client.ask([*request("api.example"), *[("x", "y" * 3000)] * 2000])
    assert (bomb.status, client.gone) == (0, True)
    assert memory(gate) - before < 16 * MIB
    assert not origins.records("request")


@pytest.mark.core
def test_p58_streams_that_are_reset_as_fast_as_they_are_opened_end_the_connection(
    workload: Workload, gate: Gate, origins: LabOrigins
) -> None:
    before = counted(gate, "stream_resets")
    with workload.dial("api.example", 80) as sock:
        client = Client(sock)
        for _ in range(200):
            with suppress(ConnectionError):
                number = client.send(request("api.example"))
                client._h2.reset_stream(number)
                client._flush()
        drain(sock)
    assert counted(gate, "stream_resets") == before + 1
    assert len(origins.records("connection")) < 120
    served(workload)
