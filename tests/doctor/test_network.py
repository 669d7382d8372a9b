"""Checks of the redirect, as far as they judge what was read: each finds what it is for."""

import os
import socket

import pytest

from outgate.doctor import network
from outgate.doctor.finding import Outcome
from outgate.doctor.network import Redirect
from outgate.netfilter import rules
from outgate.netfilter.installation import chains
from outgate.netfilter.options import Family, Options
from outgate.netfilter.verify import Outcome as Proof
from outgate.netfilter.verify import Result


def listing(options):
    return [line for table in rules.tables(options, Family.IPV4) for line in chains(table)]


def test_what_the_rules_say_is_read_from_them():
    assert network.redirect(listing(Options(uid=1400, listen_port=15099))) == Redirect(1400, 15099)
    assert network.redirect(listing(Options(uid=None, uids=((0, 0),)))) == Redirect(None, 15001)
    assert network.redirect(["-P OUTPUT ACCEPT"]) is None


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (None, "it is not installed"),
        (Redirect(1337, None), "nothing turns to the gate"),
        (Redirect(1337, 15099), "it turns to port 15099, and the gate is set to listen on 15001"),
    ],
)
def test_a_redirect_that_leads_to_no_gate_is_found(found, told):
    finding = network.installed(found, 15001)
    assert finding.outcome is Outcome.WRONG
    assert told in finding.what
    assert finding.fix


def test_a_redirect_to_the_gates_port_is_right():
    assert network.installed(Redirect(1337, 15001), 15001).outcome is Outcome.OK


def test_a_rule_that_does_not_bite_is_found():
    good, bad = Result(Proof.OK, Family.IPV4, "tcp lands"), Result(Proof.FAILED, Family.IPV6, "udp got through")
    assert [finding.outcome for finding in network.bites([good])] == [Outcome.OK]
    [finding] = network.bites([good, bad])
    assert (finding.outcome, finding.what) == (Outcome.WRONG, "IPv6 udp got through")


@pytest.mark.parametrize(
    ("uids", "outcome"), [([], Outcome.NOTE), ([0], Outcome.WRONG), ([1337, 5], Outcome.WRONG), ([1337], Outcome.OK)]
)
def test_a_gate_under_another_uid_than_the_exempt_one_is_found(uids, outcome):
    assert network.gate_user(uids, Redirect(1337, 15001)).outcome is outcome


def test_listeners_are_found_with_their_uid():
    with socket.create_server(("127.0.0.1", 0)) as made:
        port = made.getsockname()[1]
        assert network.listeners(port) == [os.geteuid()]
    assert network.listeners(port) == []


def test_rows_of_the_kernels_table_that_cannot_be_read_are_left_out(tmp_path):
    row = "   0: 0100007F:3A98 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 12345 1\n"
    (tmp_path / "tcp").write_bytes(b"head\n\xff\n\n   1: 0A\n" + row.encode() + row.replace("0A", "01").encode())
    assert network.listeners(15000, tmp_path) == [1337]
    assert network.listeners(15001, tmp_path) == []


def test_a_family_that_no_program_serves_is_found_where_it_has_addresses():
    broken = {"ip6tables-nft": "ip6tables-nft failed: no table"}
    assert network.backends(Family.IPV6, broken, needed=True).outcome is Outcome.WRONG
    assert "modprobe" in network.backends(Family.IPV6, broken, needed=True).fix
    assert network.backends(Family.IPV4, {}, needed=True).fix == "install iptables"
    assert network.backends(Family.IPV6, broken, needed=False).outcome is Outcome.NOTE
    assert network.backends(Family.IPV6, {**broken, "ip6tables-legacy": ""}, needed=True).outcome is Outcome.OK


def test_another_meshs_redirect_is_found():
    assert network.foreign(["ISTIO_OUTPUT (Istio)"]).outcome is Outcome.WRONG
    assert network.foreign([]).outcome is Outcome.OK


def test_without_net_admin_it_is_a_note(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t0000000000001000\n")
    assert network.privileges(0, network.capabilities(status)).outcome is Outcome.OK
    assert network.privileges(1000, 0).outcome is Outcome.NOTE
