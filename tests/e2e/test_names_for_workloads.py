"""A workload whose only resolver is the gate: registered names work, and no other ever reaches a name server."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator

import pytest

from e2e.documents import defaults, destination, policy
from e2e.journal import untouched
from e2e.lab import counters, engines, world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import WORLD4, WORLD6, Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.raw import GREETING
from e2e.questions import AAAA, FINE, HTTPS, NXDOMAIN, A, question, told
from e2e.stage import Stage
from e2e.workload import PATIENCE, UID, Answer, Workload, came_of

pytestmark = pytest.mark.netns

POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", ports=("80/HTTP", "443/HTTPS")),
    destination("tcp.example", ports=("7001/TCP",)),
    destination("*.wild.example", ports=("80/HTTP",)),
)
DNS = 15053
SERVERS = {4: WORLD4, 6: WORLD6}
FAMILIES = pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two workers"])
def gate(request: pytest.FixtureRequest, stages: dict[str, Stage], origin_pki: world.OriginPki) -> Iterator[Gate]:
    stage = stages[engines.OWN]
    assert stage.origins
    flags = ["--dns", f":{DNS}", "--workers", str(request.param)]
    with Gate(stage.lab, POLICY, origin_pki, ["--dns-port", str(DNS)], flags=flags) as running:
        yield running


@pytest.fixture
def curl(gate: Gate, workload: Workload) -> Callable[[str], Answer]:
    """As a workload that has no hosts file either: every name is asked for."""

    def ask(url: str, *flags: str) -> Answer:
        told_by = ["curl", "-sS", "-i", "--max-time", f"{PATIENCE:g}", "--cacert", str(workload.pki.gate_ca.cert)]
        alone = 'mount --bind /dev/null /etc/hosts && exec setpriv --reuid "$0" --clear-groups "$@"'
        argv = ["unshare", "-m", "sh", "-c", alone, str(UID), *told_by, *flags, url]
        return came_of(workload.lab.run_in(workload.lab.pod, argv, encoding=None, errors=None))

    return ask


def asked(lab: Lab, name: str, kind: int = A, version: int = 4, server: str = "", *, tcp: bool = False):
    """What a resolver of the workload is told by any server that it asks. It has no uid of its own: root's, which is
    not the gate's."""
    query = question(name, kind)
    with lab.enter(lab.pod):
        how = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        made = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, how)
    with made:
        made.settimeout(PATIENCE)
        made.connect((server or SERVERS[version], 53))
        made.sendall(len(query).to_bytes(2) + query if tcp else query)
        answer = made.recv(4096)
    return told(answer[2:] if tcp else answer, query)


@FAMILIES
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_registered_name_works(curl, origins: LabOrigins, gate: Gate, scheme: str, version: int) -> None:
    answer = curl(f"{scheme}://api.example/hello", f"-{version}")
    assert (answer.exit, answer.status) == (0, 200), answer


@FAMILIES
def test_a_name_says_where_bytes_go(gate: Gate, lab: Lab, origins: LabOrigins, version: int) -> None:
    _, (address,) = asked(lab, "tcp.example", AAAA if version == 6 else A, version)
    with lab.enter(lab.pod):
        made = socket.create_connection((address, 7001), PATIENCE)
    with made:
        made.settimeout(2.5)  # less than the gate waits for first bytes where it has to see them
        assert made.recv(100) == GREETING


def test_a_name_under_a_wildcard_works(curl, origins: LabOrigins) -> None:
    assert curl("http://b.wild.example/").status == 200


@FAMILIES
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_no_other_name_reaches_a_name_server(gate: Gate, lab: Lab, version: int, tcp: bool) -> None:
    if not counters.available():
        pytest.skip("packets are counted by nft, which is not here")
    with untouched(lab, *SERVERS.values()):
        for name in ("c2VjcmV0.evil.example", "evil.example", "c2VjcmV0.api.example"):
            for kind in (A, AAAA, HTTPS):
                assert asked(lab, name, kind, version, tcp=tcp) == (NXDOMAIN, [])
    lines = [entry for entry in gate.log() if "c2vjcmv0.evil.example" in entry.get("reason", "")]
    assert lines
    assert {entry["code"] for entry in lines} == {"unregistered"}


def test_any_server_is_the_gate(gate: Gate, lab: Lab) -> None:
    for server in ("9.9.9.9", "127.0.0.53", world.ADDRESSES["forbidden"][0]):
        assert asked(lab, "evil.example", server=server) == (NXDOMAIN, [])


def test_nothing_is_told_of_encrypted_server_names(gate: Gate, lab: Lab) -> None:
    assert asked(lab, "api.example", HTTPS) == (FINE, [])


def test_an_address_stands_for_its_name_alone(gate: Gate, lab: Lab, workload: Workload, origins: LabOrigins) -> None:
    """What else a request says has to agree with it."""
    _, (address,) = asked(lab, "api.example")
    answer = workload.get(address, b"GET / HTTP/1.1\r\nHost: b.wild.example")
    assert (answer.status, answer.denial["code"]) == (421, "names_disagree")
    with pytest.raises((ssl.SSLError, ConnectionError)), workload.secure(address, name="b.wild.example"):
        pass


def test_bytes_to_an_address_of_nobody_go_nowhere(gate: Gate, lab: Lab, workload: Workload) -> None:
    with untouched(lab, "240.0.0.77"):
        assert workload.say("240.0.0.77", b"\0\1", 7000) == b""


def test_it_is_counted(gate: Gate, lab: Lab) -> None:
    before = gate.admin("/status")["counts"]
    asked(lab, "evil.example")
    asked(lab, "api.example")
    now = gate.admin("/status")["counts"]
    for name in ("dns_refused", "dns_answered"):
        assert now[name] > before.get(name, 0)
