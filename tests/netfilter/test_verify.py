"""`verify` tells rules that bite from rules that do not, each rule by itself."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from e2e.lab.namespaces import POD4
from netfilter.traffic import GATE, Traffic
from outgate.netfilter.options import Family

pytestmark = pytest.mark.netns

ADDONS = Path(__file__).resolve().parents[2] / "addons"
TCP_REPAIR = 19
VERIFY = "from outgate.cli.iptables import iptables_group; iptables_group()"


def verify(traffic: Traffic, *flags: str) -> tuple[int, list[str], str]:
    """Exit code, lines and errors, from a process of its own: it forks."""
    done = traffic.lab.run_in(
        traffic.lab.pod, [sys.executable, "-c", VERIFY, "verify", *flags], env={**os.environ, "PYTHONPATH": str(ADDONS)}
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_rules_that_bite_are_proven_by_connections(traffic, kind):
    traffic.install(kind)
    code, lines, _ = verify(traffic)
    assert lines == [
        "ok   IPv4 tcp to 192.0.2.1 port 9 lands on port 15001 (own listener, destination known)",
        "ok   IPv4 tcp straight to 127.0.0.1 port 15001 is refused",
        "ok   IPv4 udp to 192.0.2.1 port 443 is refused",
        "ok   IPv6 tcp to 2001:db8::1 port 9 lands on port 15001 (own listener, destination known)",
        "ok   IPv6 tcp straight to ::1 port 15001 is refused",
        "ok   IPv6 udp to 2001:db8::1 port 443 is refused",
    ]
    assert code == 0
    assert traffic.lab.packets("192.0.2.1") == traffic.lab.packets("2001:db8::1") == 0


def test_a_gate_that_listens_is_used(traffic, kind):
    traffic.install(kind, ipv6=False)
    traffic.gate(Family.IPV4)
    code, lines, _ = verify(traffic, "--no-ipv6")
    assert lines[0] == "ok   IPv4 tcp to 192.0.2.1 port 9 lands on port 15001 (whoever listens there)"
    assert code == 0


def test_a_port_that_the_redirect_changed_is_no_failure(traffic, kind):
    """The kernel remembers connections from every other port that a client may come from, and gives those that come
    from there another one."""
    traffic.install(kind, ipv6=False)
    pod, listener = traffic.lab.pod, traffic.gate(Family.IPV4)
    traffic.lab.run_in(pod, ["sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40255"])
    for port in range(40000, 40256, 4):
        with traffic.lab.enter(pod):
            client = socket.socket()
        client.bind((POD4, port))
        client.settimeout(5)
        client.connect(("198.51.100.1", 80))
        forgotten(client, traffic.accept(listener))
    found = [verify(traffic, "--no-ipv6") for _ in range(8)]
    assert [(code, lines[0].split()[0]) for code, lines, _ in found] == [(0, "ok")] * 8, found


def forgotten(*ends: socket.socket) -> None:
    """Closed without a word, so that only the kernel's tracking knows of it."""
    for end in ends:
        end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        end.close()


def test_without_rules_everything_fails(traffic):
    code, lines, _ = verify(traffic, "--no-ipv6")
    assert [line.split()[0] for line in lines] == ["FAIL"] * 3
    assert code == 1


@pytest.mark.parametrize(
    ("family", "lost", "failing"),
    [
        (
            Family.IPV4,
            ("-t", "nat", "-F", "OUTGATE_OUTPUT"),
            ["FAIL IPv4 tcp to 192.0.2.1 port 9 ended with ECONNREFUSED"],
        ),
        (Family.IPV6, ("-t", "nat", "-F", "OUTPUT"), ["FAIL IPv6 tcp to 2001:db8::1 port 9 ended with ECONNREFUSED"]),
        (Family.IPV4, ("-D", "OUTGATE_OUTPUT", "3"), ["FAIL IPv4 tcp straight to 127.0.0.1 port 15001 got through"]),
        (Family.IPV4, ("-D", "OUTGATE_REFUSE", "2"), []),
        (
            Family.IPV6,
            ("-I", "OUTPUT", "-p", "udp", "-j", "ACCEPT"),
            ["FAIL IPv6 udp to 2001:db8::1 port 443 got through"],
        ),
    ],
)
def test_a_rule_that_is_lost_is_named(traffic, kind, family, lost, failing):
    traffic.install(kind)
    traffic.iptables(family, kind, *lost)
    code, lines, _ = verify(traffic)
    found = [line for line in lines if line.startswith("FAIL")]
    assert [line[: len(start)] for line, start in zip(found, failing, strict=True)] == failing
    assert code == bool(failing)


def test_a_redirect_to_somewhere_else_is_not_taken_for_the_gate(traffic, kind):
    """Somebody's transparent proxy out there answers for every address; that is not ours."""
    traffic.lab.address("192.0.2.1")
    traffic.listen(traffic.lab.world, Family.IPV4, 9)
    code, lines, _ = verify(traffic, "--no-ipv6")
    assert lines[0] == "FAIL IPv4 tcp to 192.0.2.1 port 9 ended elsewhere than at port 15001"
    assert code == 1


def test_a_refusal_from_out_there_is_not_taken_for_the_rule(traffic):
    """The world answers UDP with `port unreachable`: it left all the same."""
    traffic.lab.address("192.0.2.1")
    _, lines, _ = verify(traffic, "--no-ipv6")
    assert lines[2] == "FAIL IPv4 udp to 192.0.2.1 port 443 ended with ECONNREFUSED, not refused"


def test_it_asks_what_the_flags_redirect(traffic, kind):
    traffic.install(kind, listen_port=16001, ports=(), uid=GATE)
    code, lines, _ = verify(traffic, "--listen-port", "16001", "--exclude-ports", "1-99", "--no-ipv6")
    assert lines[0].startswith("ok   IPv4 tcp to 192.0.2.1 port 100 lands on port 16001")
    assert code == 0


def test_a_family_without_a_route_is_skipped_and_none_with_one_is_an_error(traffic, kind):
    traffic.install(kind)
    traffic.lab.run_in(traffic.lab.pod, ["ip", "-6", "route", "del", "default"])
    code, lines, _ = verify(traffic)
    assert lines[3:] == ["skip IPv6 there is no route to 2001:db8::1, so nothing leaves"]
    assert code == 0
    traffic.lab.run_in(traffic.lab.pod, ["ip", "route", "del", "default"])
    code, lines, error = verify(traffic)
    assert (code, lines) == (3, [])
    assert "no route, so no rule can be proven" in error


def test_nothing_is_left_to_prove_when_every_port_is_excluded(traffic):
    code, _, error = verify(traffic, "--exclude-ports", "1-65535")
    assert code == 3
    assert "every redirected port is excluded again" in error
