"""Who may reach what, by the uid that the kernel names for a connection, through the redirect."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from acting import acting_as
from e2e.documents import access, defaults, destination, policy
from e2e.lab import world
from e2e.lab.gate import UID, Gate
from e2e.lab.namespaces import POD4, POD6, Lab, unavailable
from e2e.lab.origins import LabOrigins

pytestmark = pytest.mark.netns

WEB, BATCH, NOBODY = 1000, 1001, 1002


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Of its own: what the kernel remembers of thousands of connections of other tests gives these other ports, and who
    then calls can be nobody."""
    if reason := unavailable():
        pytest.skip(reason)
    with Lab(world.NAMES) as made:
        yield made


@pytest.fixture(scope="module")
def standing_origins(lab: Lab, origin_pki: world.OriginPki) -> Iterator[LabOrigins]:
    with LabOrigins(lab, world.cast(origin_pki)) as running:
        yield running


@pytest.fixture(scope="module")
def gate(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> Iterator[Gate]:
    mapped = [
        {"uids": [WEB], "namespace": "prod", "serviceAccount": "web"},
        {"uids": [BATCH], "namespace": "batch", "serviceAccount": "jobs"},
    ]
    documents = policy(
        defaults(mode="REGISTRY_ONLY", identities=mapped),
        destination("api.example", ports=("80/HTTP",)),
        destination("partner.example", ports=("80/HTTP",)),
        access("web-only", action="ALLOW", sources=[{"namespaces": ["prod"]}]),
    )
    with Gate(lab, documents, origin_pki) as running:
        yield running


@pytest.mark.parametrize(("uid", "status"), [(WEB, "403"), (UID, "200"), (0, "200")])
def test_the_admin_endpoint_answers_the_gate_and_root_and_no_workload(
    lab: Lab, gate: Gate, uid: int, status: str
) -> None:
    ask = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "8"]
    for request in (["http://127.0.0.1:15000/config"], ["-X", "POST", "http://localhost:15000/reload"]):
        assert lab.run_in(lab.pod, [*ask, *request], uid).stdout == status


@pytest.mark.parametrize("family", ["-4", "-6"])
@pytest.mark.parametrize(
    ("uid", "status", "namespace"), [(WEB, "200", "prod"), (BATCH, "403", "batch"), (NOBODY, "403", None)]
)
def test_a_uid_is_who_the_policy_says_it_is(
    lab: Lab, gate: Gate, uid: int, status: str, namespace: str | None, family: str
) -> None:
    before = len(gate.log())
    curl = [
        "curl",
        "-s",
        family,
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--max-time",
        "8",
        "http://api.example/hello",
    ]
    assert lab.run_in(lab.pod, curl, uid).stdout == status
    entry = gate.log(before + 1)[-1]
    assert entry.get("namespace") == namespace, entry


@pytest.mark.parametrize("family", [4, 6])
def test_connections_that_share_their_port_are_all_known(lab: Lab, gate: Gate, family: int) -> None:
    """Two from one port come to the same port of the gate, so the kernel gives the second another one to come from."""
    with ExitStack() as stack:
        source: tuple[str, int] = (POD6 if family == 6 else POD4, 0)
        for host in ("api.example", "partner.example"):
            made = stack.enter_context(dialled(lab, WEB, source, host, family))
            made.sendall(f"GET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert made.recv(12) == b"HTTP/1.1 200"
            source = made.getsockname()[:2]


@contextmanager
def dialled(lab: Lab, uid: int, source: tuple[str, int], host: str, family: int) -> Iterator[socket.socket]:
    """A connection of a user's from a port that others may have too."""
    with lab.enter(lab.pod), acting_as(uid):
        made = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
    with made:
        made.settimeout(8)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(source)
        made.connect((next(one for one in lab.names[host] if (":" in one) == (family == 6)), 80))
        yield made
