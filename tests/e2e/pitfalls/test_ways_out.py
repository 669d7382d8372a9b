"""Ways past the gate: other families, ports and protocols, other users, and the moments in which it is not there."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from e2e.documents import defaults, destination, policy
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.gate import UID as GATE
from e2e.lab.gate import Gate
from e2e.lab.namespaces import POD4, POD6, WORLD4, Lab
from e2e.lab.origins import LabOrigins
from e2e.scene import scene
from e2e.workload import UID, Workload, parsed
from proxy.openings import Hello, client_hello

pytestmark = pytest.mark.netns

POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", "loop.example", ports=("80/HTTP", "443/HTTPS")),
)
FORBIDDEN = world.ADDRESSES["forbidden"]
KILLS = 2


# The moments in which it is not there.


def test_p20_however_often_the_gate_is_killed_nothing_gets_past_it(
    workload: Workload, gate: Gate, counting: Lab, origins: LabOrigins
) -> None:
    with untouched(counting, *FORBIDDEN), hammering(workload) as tried:
        for _ in range(KILLS):
            reached(workload)
            assert gate.stop(signal.SIGKILL) == -signal.SIGKILL
            here = tried()
            while tried() < here + 50:  # it is dead for so many attempts
                time.sleep(0.01)
            gate.start()
        reached(workload)
    assert tried() > 50 * KILLS


def reached(workload: Workload) -> None:
    assert workload.curl("http://api.example/").status == 200


@contextmanager
def hammering(workload: Workload) -> Iterator[Callable[[], int]]:
    """Connects to a denied host again and again, in both families. Gives how often so far."""
    stop, tries = threading.Event(), [0]

    def hammer() -> None:
        while not stop.is_set():
            for version in (4, 6):
                with suppress(OSError), workload.dial("forbidden.example", 80, version) as made:
                    made.sendall(b"GET / HTTP/1.1\r\nHost: forbidden.example\r\nConnection: close\r\n\r\n")
                    made.recv(1000)
                tries[0] += 1
            time.sleep(0.005)

    thread = threading.Thread(target=hammer, daemon=True)
    thread.start()
    try:
        yield lambda: tries[0]
    finally:
        stop.set()
        thread.join(30)


# Families, ports, protocols.


@pytest.mark.core
def test_p22_ipv6_is_judged_alike_by_name_and_by_address(
    workload: Workload, counting: Lab, named: Callable[..., None], journal: Journal, origins: LabOrigins
) -> None:
    named("six.example", FORBIDDEN[1])
    with untouched(counting, *FORBIDDEN):
        by_name = workload.curl("http://six.example/by-name")
        by_address = workload.curl(f"http://[{FORBIDDEN[1]}]/by-address")
        mapped = workload.say(f"::ffff:{FORBIDDEN[0]}", b"GET /mapped HTTP/1.0\r\n\r\n", 80, 6)
    assert (by_name.status, by_address.status, parsed(mapped).status) == (502, 502, 502)
    assert journal.one(path="/by-name")["address"] == FORBIDDEN[1]
    assert journal.one(path="/by-address")["address"] == FORBIDDEN[1]
    assert workload.curl("http://api.example/", "-6").status == 200


@pytest.mark.core
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 8080, 8443, 15001])
def test_p24_no_port_is_left_out(workload: Workload, counting: Lab, journal: Journal, port: int, version: int) -> None:
    head = b"GET / HTTP/1.1\r\nHost: forbidden.example\r\nConnection: close\r\n\r\n"
    with untouched(counting, *FORBIDDEN):
        answer = parsed(workload.say("forbidden.example", head, port, version))
    assert answer.status in (421, 502), answer
    entry = journal.one(verdict="deny")
    assert (entry["address"], entry["port"]) == (FORBIDDEN[version == 6], port)


@pytest.mark.core
@pytest.mark.parametrize("where", [WORLD4, *FORBIDDEN])
def test_p36_dns_over_tls_goes_to_no_resolver(workload: Workload, counting: Lab, journal: Journal, where: str) -> None:
    """Not to the configured one either, whose plain port passes."""
    with untouched(counting, where):
        greet(workload, where, 853, "dns.example")
    assert journal.one(verdict="deny")["port"] == 853


@pytest.mark.core
def test_p36_dns_over_https_is_a_request_like_any_other(workload: Workload, counting: Lab) -> None:
    query = b"\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04data\x04evil\x07example\x00\x00\x01\x00\x01"
    with untouched(counting, *FORBIDDEN, WORLD4):
        for url in ("https://forbidden.example/dns-query", f"https://{WORLD4}/dns-query"):
            flags = ["--data-binary", "@-", "-H", "content-type: application/dns-message"]
            answer = workload.curl(url, *flags, data=query)
            assert (answer.status, answer.denial["code"]) == (502, "unregistered"), answer


def greet(workload: Workload, where: str, port: int, sni: str) -> None:
    """A ClientHello, and away when something comes back."""
    with suppress(ConnectionError), workload.dial(where, port, 6 if ":" in where else 4) as made:
        made.sendall(client_hello(Hello(sni)))
        made.recv(1)


# Names as a way out.


@pytest.mark.core
def test_p35_what_is_not_registered_is_never_looked_up(workload: Workload, counting: Lab, journal: Journal) -> None:
    with untouched(counting, WORLD4):
        for number, host in enumerate(("c2VjcmV0.evil.example", "api.example.evil.example", "x.api.example")):
            answer = workload.get("api.example", f"GET /p35-{number} HTTP/1.1\r\nHost: {host}".encode())
            assert answer.status == 502, answer
            greet(workload, "api.example", 443, host)


def test_p35_without_dns_the_workload_can_ask_nobody(origin_pki: world.OriginPki) -> None:
    query = b"\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06secret\x04evil\x07example\x00\x00\x01\x00\x01"
    with scene(origin_pki, POLICY, redirect=["--dns", "none"]) as made, untouched(made.lab, WORLD4, *FORBIDDEN):
        for where in (WORLD4, FORBIDDEN[0]):
            with made.lab.enter(made.lab.pod), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(0.5)
                asking.connect((where, 53))
                with suppress(OSError):
                    asking.send(query)
                    asking.recv(100)
            made.workload.say(where, len(query).to_bytes(2, "big") + query, 53)
        made.lab.run_in(made.lab.pod, ["getent", "hosts", "secret.evil.example"], UID)


# Users.


BECOMING = {
    "setpriv": ["setpriv", f"--reuid={GATE}", "--clear-groups"],
    "a user namespace": ["unshare", "--user", f"--map-user={GATE}"],
    "root of a user namespace, and then": ["unshare", "--user", "--map-root-user", "setpriv", f"--reuid={GATE}"],
}


@pytest.mark.parametrize("how", BECOMING)
def test_p27_a_workload_does_not_become_the_gate(workload: Workload, counting: Lab, how: str) -> None:
    """Where it may call itself by that number at all, it is another user for whoever made the rules."""
    fetch = ["curl", "-s", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}", "http://forbidden.example/"]
    with untouched(counting, *FORBIDDEN):
        done = counting.run_in(counting.pod, [*BECOMING[how], *fetch], UID)
    assert done.stdout in ("", "000", "502"), done
    assert done.returncode or done.stdout == "502", done


def test_p27_who_has_the_gates_uid_is_out(counting: Lab, gate: Gate, origins: LabOrigins) -> None:
    """The control, and why no workload may run under it."""
    fetch = ["curl", "-s", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}", "http://forbidden.example/"]
    assert counting.run_in(counting.pod, fetch, GATE).stdout == "200"


# The gate itself.


@pytest.mark.core
@pytest.mark.parametrize("where", ["127.0.0.1", "::1", POD4, POD6])
def test_p33_nobody_reaches_the_gates_own_port(workload: Workload, gate: Gate, where: str, origins: LabOrigins) -> None:
    with pytest.raises(ConnectionRefusedError), workload.dial(where, 15001, 6 if ":" in where else 4):
        pass
    assert gate.admin("/status")["connections"] <= 1
    reached(workload)


@pytest.mark.core
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", POD4, POD6, "0.0.0.0", "::", "::ffff:127.0.0.1"])
def test_p33_a_name_that_leads_back_leads_nowhere(
    workload: Workload, lab: Lab, named: Callable[..., None], journal: Journal, gate: Gate, address: str
) -> None:
    """Its owner lets it resolve to the pod, where the gate would dial what it listens on."""
    lab.resolve("loop.example", address)
    answer = workload.get("api.example", b"GET /back HTTP/1.1\r\nHost: loop.example")
    assert (answer.status, answer.denial["code"]) == (502, "address_refused"), answer
    assert journal.one(path="/back")["verdict"] == "allow"
    assert gate.admin("/status")["connections"] <= 1


RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
PORTS, LEFT = range(40000, 40008), 6


@pytest.mark.parametrize("version", [4, 6])
def test_p33_the_port_of_a_workload_that_has_gone_leads_the_gate_nowhere_else(
    workload: Workload, journal: Journal, origins: LabOrigins, version: int
) -> None:
    """The kernel remembers where a workload's connection was turned to, and turns what comes from its port after it.
    Here the gate has few others to come from; turned to itself, it would be shown its own leaf."""
    with few_ports(workload.lab):
        for port in PORTS[:LEFT]:
            refused(workload, port, version)
        curl = ["--interface", (POD4, POD6)[version == 6], f"-{version}"]
        for url, port in (("https://api.example/", "30000"), ("http://api.example/", "30001")):
            answer = workload.curl(url, *curl, "--local-port", port)
            assert answer.status == 200, answer
    assert len(origins.records("request")) == 2
    assert [entry["source"] for entry in journal.all(2, status=200)] == [(POD4, POD6)[version == 6]] * 2


def refused(workload: Workload, port: int, version: int) -> None:
    """Two connections from one port, to each port of an origin, that the gate ends."""
    for to in (80, 443):
        with workload.lab.enter(workload.lab.pod), suppress(OSError):
            family = socket.AF_INET6 if version == 6 else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as made:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.settimeout(10)
                made.bind(((POD4, POD6)[version == 6], port))
                made.connect((workload.address("api.example", version), to))
                made.send(b"no protocol at all")
                made.recv(1)


@contextmanager
def few_ports(lab: Lab) -> Iterator[None]:
    """Whoever asks for any port in the pod gets one of these."""
    usual = str(lab.run_in(lab.pod, ["cat", RANGE]).stdout)
    lab.run_in(lab.pod, ["sh", "-c", f"echo {PORTS[0]} {PORTS[-1]} >{RANGE}"])
    try:
        yield
    finally:
        lab.run_in(lab.pod, ["sh", "-c", f"echo {usual.strip()} >{RANGE}"])
