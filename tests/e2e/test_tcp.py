"""Bytes that are neither HTTP nor TLS: relayed where a TCP entry is, half-closed as they were, else closed."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Callable

import pytest

from e2e.documents import defaults, destination, policy
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.raw import EOF_SEEN, GREETING
from e2e.workload import Workload, drain

pytestmark = pytest.mark.netns

TCP, FORBIDDEN = world.ADDRESSES["tcp"], world.ADDRESSES["forbidden"]
REGISTRY = (
    destination("tcp.example", ports=("7000/TCP", "7001/TCP")),
    destination("api.example", ports=("80/HTTP", "443/HTTPS")),
)
POLICY = policy(defaults(mode="REGISTRY_ONLY"), *REGISTRY)
FAMILIES = pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])


@pytest.mark.core
@FAMILIES
def test_what_is_sent_before_a_half_close_comes_back_after_it(
    workload: Workload, origins: LabOrigins, journal: Journal, version: int
) -> None:
    with workload.dial("tcp.example", 7000, version) as client:
        client.sendall(b"\x00\x01 neither HTTP nor TLS")
        client.shutdown(socket.SHUT_WR)
        assert drain(client) == b"\x00\x01 neither HTTP nor TLS" + EOF_SEEN
    entry = journal.one(kind="tcp")
    assert (entry["verdict"], entry["code"], entry["sent"], entry["received"]) == ("allow", "registered", 23, 31)
    assert entry["address"] == TCP[version == 6]
    assert entry["upstream"] in (f"{TCP[0]}:7000", f"[{TCP[1]}]:7000")


@FAMILIES
def test_a_server_that_speaks_first_is_heard_at_once(workload: Workload, origins: LabOrigins, version: int) -> None:
    with workload.dial("tcp.example", 7001, version) as client:
        client.settimeout(2.5)  # less than the gate waits for first bytes where it has to see them
        assert client.recv(100) == GREETING
        client.sendall(b"HELO")
        assert client.recv(100) == b"HELO"


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nHost: forbidden.example\r\n\r\n", b"\x16\x03\x01", b"\x00"])
def test_an_entry_for_bytes_takes_any_bytes(workload: Workload, origins: LabOrigins, first: bytes) -> None:
    with workload.dial("tcp.example", 7000) as client:
        client.sendall(first)
        client.shutdown(socket.SHUT_WR)
        assert drain(client) == first + EOF_SEEN


@pytest.mark.core
def test_bytes_lead_to_the_entrys_own_host(workload: Workload, counting: Lab, origins: LabOrigins) -> None:
    """The port is the entry's alone, so whatever address was dialled, the gate dials tcp.example."""
    with untouched(counting, *FORBIDDEN), workload.dial(FORBIDDEN[0], 7001) as client:
        assert client.recv(100) == GREETING


@pytest.mark.core
def test_an_entry_by_address_leads_to_that_address_alone(
    workload: Workload, under: Callable[[str], object], counting: Lab, origins: LabOrigins, journal: Journal
) -> None:
    under(policy(defaults(mode="REGISTRY_ONLY"), destination(name="net", addresses=[TCP[0]], ports=("7000/TCP",))))
    with workload.dial(TCP[0], 7000) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
    with untouched(counting, TCP[1], *FORBIDDEN):
        for other in (TCP[1], FORBIDDEN[0]):
            assert workload.say(other, b"\x00hello", 7000) == b""
    assert {entry["code"] for entry in journal(verdict="deny")} == {"unregistered"}


@pytest.mark.core
@FAMILIES
@pytest.mark.parametrize(("host", "port"), [("tcp.example", 7002), ("forbidden.example", 7777), ("api.example", 22)])
def test_an_unregistered_port_is_closed_and_nothing_connects(
    workload: Workload, counting: Lab, journal: Journal, host: str, port: int, version: int
) -> None:
    addresses = world.ADDRESSES[host.split(".")[0]]
    with untouched(counting, *addresses):
        assert workload.say(host, b"\x00hello", port, version) == b""
    entry = journal.one(kind="tcp")
    assert (entry["verdict"], entry["port"]) == ("deny", port)
    assert entry["code"] in ("unregistered", "port_unregistered")


@pytest.mark.core
@pytest.mark.parametrize("port", [80, 443])
def test_bytes_to_a_port_for_something_else_are_closed(
    workload: Workload, counting: Lab, journal: Journal, port: int
) -> None:
    with untouched(counting, *world.ADDRESSES["api"]):
        assert workload.say("api.example", b"\x00hello", port) == b""
    assert journal.one(kind="tcp")["verdict"] == "deny"


def test_silence_on_an_unregistered_port_is_closed(workload: Workload, counting: Lab, journal: Journal) -> None:
    """A server-first protocol that nobody registered: the workload waits for a greeting."""
    with untouched(counting, *FORBIDDEN), workload.dial("forbidden.example", 7777) as client:
        assert drain(client) == b""
    assert journal.one(kind="tcp")["verdict"] == "deny"


def test_allow_any_relays_bytes_to_where_they_were_going(
    workload: Workload, under: Callable[[str], object], origins: LabOrigins, journal: Journal
) -> None:
    under(policy(defaults(mode="ALLOW_ANY")))
    with workload.dial("tcp.example", 7000) as client:
        client.sendall(b"\x00hello")
        assert client.recv(100) == b"\x00hello"
    assert journal.one(kind="tcp")["code"] == "allow_any"


def test_nobody_at_the_origin_is_a_reset(workload: Workload, under: Callable[[str], object], journal: Journal) -> None:
    under(policy(destination("tcp.example", ports=("7009/TCP",))))
    assert workload.say("tcp.example", b"hello", 7009) == b""
    assert "connect_failed" in journal.one(kind="tcp")["failure"]


def test_a_reset_by_the_workload_reaches_the_origin(workload: Workload, origins: LabOrigins, journal: Journal) -> None:
    with workload.dial("tcp.example", 7000) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    (ended,) = origins.records.wait(bool, "closed", "tcp")
    assert "ConnectionResetError" in str(ended["error"])
    assert journal.one(kind="tcp")["failure"] == "ConnectionResetError"


def test_a_megabyte_both_ways_is_whole(workload: Workload, origins: LabOrigins) -> None:
    data = bytes(range(256)) * 16384
    with workload.dial("tcp.example", 7000) as client:
        sending = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
        sending.start()
        received = drain(client)
        sending.join(10)
    assert hashlib.sha256(received).digest() == hashlib.sha256(data + EOF_SEEN).digest()
