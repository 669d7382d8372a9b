"""`outgate iptables`: flags, what is printed, exit codes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner, Result

from netfilter.traffic import OUT, Traffic, laboratory, need
from outgate.cli.iptables import iptables_group
from outgate.netfilter.backend import Kind
from outgate.netfilter.options import Family


@pytest.fixture
def traffic() -> Iterator[Traffic]:
    with laboratory() as made:
        yield made


@pytest.fixture(params=list(Kind))
def kind(request: pytest.FixtureRequest, traffic: Traffic) -> Kind:
    return need(request.param, traffic)


def outgate(*arguments: str) -> Result:
    return CliRunner().invoke(iptables_group, arguments)


def inside(traffic: Traffic, *arguments: str) -> Result:
    with traffic.inside():
        return outgate(*arguments)


def test_a_dry_run_prints_the_commands_and_needs_nothing():
    result = outgate("install", "--dry-run", "--dns", "10.96.0.10", "--ports", "80,443", "--uid", "2000")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("iptables-restore -w 5 --noflush <<'RULES'\n*filter\n")
    for rule in (
        "-A OUTGATE_OUTPUT -m owner --uid-owner 2000 -j RETURN",
        "-A OUTGATE_OUTPUT -p tcp --dport 443 -j REDIRECT --to-ports 15001",
        "-A OUTGATE_OUTPUT -d 10.96.0.10 -p udp --dport 53 -j RETURN",
    ):
        assert f"\n{rule}\n" in result.output
    assert "ip6tables-restore" in result.output


def test_without_ipv6_nothing_of_it_is_printed():
    assert "ip6tables" not in outgate("install", "--dry-run", "--no-ipv6").output


def test_resolvers_may_be_repeated_listed_or_none():
    several = outgate("install", "--dry-run", "--dns", "10.0.0.1,10.0.0.2", "--dns", "fd00::1").output
    assert all(f"-d {address} -p udp --dport 53" in several for address in ("10.0.0.1", "10.0.0.2", "fd00::1"))
    assert "--dport 53" not in outgate("install", "--dry-run", "--dns", "none").output


def test_the_zone_of_a_resolver_is_left_out_as_rules_know_none():
    output = outgate("install", "--dry-run", "--dns", "fe80::1%eth0").output
    assert "-d fe80::1 -p udp --dport 53" in output
    assert "%" not in output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--ports", "http"], "port 'http' is not a number; use 443 or 8000-8100"),
        (["--exclude-ports", "all"], "port 'all' is not a number"),
        (["--exclude-cidrs", "10.0.0.1/8"], "use a range such as 10.0.0.0/8"),
        (["--dns", "resolver"], "'resolver' does not appear to be an IPv4 or IPv6 address"),
        (["--uid", "0"], "uid 0 would exempt every process that runs as root"),
        (["--listen-port", "0"], "0 is not in the range 1<=x<=65535"),
        (["--backend", "ebpf"], "'ebpf' is not one of 'nft', 'legacy'"),
    ],
)
def test_wrong_usage_names_the_value_and_exits_with_2(arguments, complaint):
    result = outgate("install", "--dry-run", *arguments)
    assert complaint in click.unstyle(result.output).replace("\n", " ")
    assert result.exit_code == 2


@pytest.mark.netns
@pytest.mark.parametrize("command", ["install", "verify", "remove"])
def test_each_command_but_a_dry_run_needs_root(traffic, command):
    with traffic.inside(uid=1000):
        result = outgate(command)
    assert result.exit_code == 3
    assert "needs root" in result.output
    assert os.geteuid() == 0


@pytest.mark.netns
def test_install_says_what_became_of_each_family_and_remove_undoes_it(traffic, kind):
    installed = inside(traffic, "install", "--backend", str(kind), "--dns", "none")
    assert installed.output.splitlines() == [
        f"IPv4 through iptables-{kind}: installed",
        f"IPv6 through ip6tables-{kind}: installed",
    ]
    again = inside(traffic, "install", "--dns", "none")
    assert [line.split(": ")[1] for line in again.output.splitlines()] == ["unchanged"] * 2
    with pytest.raises(ConnectionRefusedError):
        traffic.connect(Family.IPV6, OUT[Family.IPV6], 443)
    assert traffic.seen(Family.IPV6) == 0
    removed = inside(traffic, "remove")
    assert [line.split(": ")[1] for line in removed.output.splitlines()] == ["removed"] * 2
    assert inside(traffic, "remove").output == "nothing to remove\n"
    assert [result.exit_code for result in (installed, again, removed)] == [0, 0, 0]


@pytest.mark.netns
def test_leaving_ipv6_open_is_said(traffic, kind):
    result = inside(traffic, "install", "--backend", str(kind), "--no-ipv6")
    assert "warning: this namespace has IPv6 addresses and nothing guards them" in result.stderr
    assert result.exit_code == 0


@pytest.mark.netns
def test_what_cannot_be_done_here_exits_with_3_and_says_why(traffic, kind):
    traffic.iptables(Family.IPV4, kind, "-t", "nat", "-N", "ISTIO_OUTPUT")
    result = inside(traffic, "install")
    assert result.exit_code == 3
    assert result.output == (
        "Error: another redirect is in place: ISTIO_OUTPUT (Istio); take this workload out of that mesh first\n"
    )


@pytest.mark.netns
def test_without_iptables_every_command_exits_with_3(traffic, monkeypatch, tmp_path):
    monkeypatch.setattr("outgate.netfilter.backend.SEARCH", str(tmp_path))
    for command in ("install", "verify", "remove"):
        result = inside(traffic, command)
        assert result.exit_code == 3
        assert "install iptables" in result.output or "no iptables here; install it" in result.output
