"""Nobody passes for another user of the pod by way of a port that the redirect chose."""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from acting import acting_as
from e2e.documents import access, defaults, destination, policy
from e2e.lab.gate import Gate
from e2e.lab.namespaces import POD4, POD6, Lab
from e2e.lab.origins import LabOrigins

pytestmark = pytest.mark.netns

WEB, OTHER = 1000, 1001
MAPPED = [
    {"uids": [WEB], "namespace": "prod", "serviceAccount": "web"},
    {"uids": [OTHER], "namespace": "batch", "serviceAccount": "jobs"},
]
POLICY = policy(
    defaults(mode="REGISTRY_ONLY", identities=MAPPED),
    destination("api.example", "partner.example", ports=("80/HTTP",)),
    access("web-only", action="ALLOW", sources=[{"namespaces": ["prod"]}]),
)
SETTINGS = {"peek_timeout": 60}
LOW, FREED, TRIES, ENOUGH = range(1, 512), 7, range(20, 120), 3
"""A port below 512 is replaced by one below 512, so that few are enough to leave a single one free."""
FORGET = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close"


@pytest.fixture
def forgetful(lab: Lab) -> Iterator[None]:
    """Connections that were reset are forgotten within a second, not ten."""
    usual = str(lab.run_in(lab.pod, ["cat", FORGET]).stdout).strip()
    if lab.run_in(lab.pod, ["sh", "-c", f"echo 1 >{FORGET}"]).returncode:
        pytest.skip("this kernel does not let a namespace set how long connections are remembered")
    yield
    lab.run_in(lab.pod, ["sh", "-c", f"echo {usual} >{FORGET}"])


@pytest.mark.parametrize(("family", "marked"), [(4, True), (6, True), (4, False)])
def test_a_port_that_was_changed_is_nobodys_word(
    lab: Lab, gate: Gate, origins: LabOrigins, forgetful: None, family: int, marked: bool
) -> None:
    """WEB calls the api from a port that root has at the gate, so that its connection is given another there. Root's
    goes; another user's connection to the api is given its port, and then comes from where WEB's socket is. The control
    is what that comes to where the rules do not say so."""
    program = "ip6tables" if family == 6 else "iptables"
    if not marked:
        assert lab.run_in(lab.pod, [program, "-t", "mangle", "-F", "OUTGATE_INPUT"]).returncode == 0
    try:
        with clash(lab, family) as clients:
            statuses = [status(client) for client in clients]
        assert statuses
        assert (200 in statuses) != marked, statuses
    finally:
        gate.iptables("install")


@contextmanager
def clash(lab: Lab, family: int) -> Iterator[Iterator[socket.socket]]:
    """Connections of OTHER's, one after the other, that are given what port is free, which is seldom not WEB's."""
    with ExitStack() as stack:
        first = stack.enter_context(dialled(lab, 0, FREED, "partner.example", family))
        stack.enter_context(dialled(lab, WEB, FREED, "api.example", family))
        for port in LOW:
            _given(lab, 0, port, "partner.example", family, stack)
        forget(first)
        given = filter(None, (_given(lab, OTHER, port, "api.example", family, stack) for port in TRIES))
        yield itertools.islice(given, ENOUGH)


def _given(lab: Lab, uid: int, port: int, host: str, family: int, stack: ExitStack) -> socket.socket | None:
    """None where the kernel finds no port to give: while it remembers the one before, if all are taken, by chance."""
    with suppress(OSError):
        return stack.enter_context(dialled(lab, uid, port, host, family, 0.3))
    return None


def status(client: socket.socket) -> int:
    """What a request on a connection is answered with, which is then over and forgotten."""
    client.settimeout(10)
    client.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    answer = int(client.recv(12)[9:])
    forget(client)
    return answer


def forget(made: socket.socket) -> None:
    """A reset, after which the kernel does not keep a connection in mind for long."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.close()


@contextmanager
def dialled(lab: Lab, uid: int, port: int, host: str, family: int, within: float = 10.0) -> Iterator[socket.socket]:
    """A connection of a user's from a port that others have too."""
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    with lab.enter(lab.pod), acting_as(uid):
        made = socket.socket(kind, socket.SOCK_STREAM)
    with made:
        made.settimeout(within)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((POD6 if family == 6 else POD4, port))
        made.connect((next(one for one in lab.names[host] if (":" in one) == (family == 6)), 80))
        yield made
