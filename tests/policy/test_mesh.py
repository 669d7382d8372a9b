"""In-mesh traffic is told from what leaves, by the more specific of two declarations."""

from ipaddress import ip_network

import pytest

from outgate.policy.mesh import internal
from outgate.policy.model import Defaults, Protocol, Resolution
from outgate.policy.selection import find
from outgate.policy.snapshot import Policy
from policy.building import destination, http, tcp

DEFAULTS = Defaults(
    internal_hosts=("*.svc.cluster.local", "svc.example"),
    internal_networks=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
)


def inside(attempt, *destinations):
    return internal(DEFAULTS, attempt, find(Policy("test", DEFAULTS, destinations), attempt))


@pytest.mark.parametrize("host", ["a.b.svc.cluster.local", "svc.example"])
def test_an_internal_name_is_resolved_by_the_gate_whatever_was_dialled(host):
    made, port = inside(http(host, 8080, address="203.0.113.66"))
    assert made.internal
    assert made.networks == ()
    assert port.number == port.upstream.port == 8080
    assert port.upstream.resolution is Resolution.DNS


@pytest.mark.parametrize("address", ["10.1.2.3", "fd12::1", "::ffff:10.1.2.3"])
def test_an_internal_address_is_dialled_as_it_is(address):
    made, port = inside(tcp(address, 5432))
    assert made.internal
    assert made.hosts == ()
    assert port.upstream.resolution is Resolution.NONE


@pytest.mark.parametrize(
    "attempt",
    [
        http("svc.cluster.local"),
        http("evil.example", address="203.0.113.66"),
        tcp("203.0.113.66", 443),
        http("a.svc.example"),
    ],
)
def test_the_rest_leaves(attempt):
    assert inside(attempt) is None


def test_the_more_specific_of_two_names_decides():
    attempt = http("a.svc.cluster.local")
    assert inside(attempt, destination("*")) is not None
    assert inside(attempt, destination("*.local")) is not None
    assert inside(attempt, destination("*.svc.cluster.local")) is None
    assert inside(attempt, destination("a.svc.cluster.local")) is None


def test_the_more_specific_of_two_networks_decides():
    attempt = tcp("10.1.2.3", 443)
    assert inside(attempt, destination(networks=(ip_network("0.0.0.0/0"),), protocol=Protocol.TCP)) is not None
    assert inside(attempt, destination(networks=(ip_network("10.0.0.0/8"),), protocol=Protocol.TCP)) is None
    assert inside(attempt, destination("10.1.2.3", protocol=Protocol.TCP)) is None


def test_a_registered_name_leaves_even_from_an_internal_address():
    assert inside(http("a.example", address="10.1.2.3"), destination("a.example")) is None


def test_an_internal_address_beats_a_name_that_takes_the_whole_port():
    assert inside(tcp("10.1.2.3", 443), destination("db.example", protocol=Protocol.TCP)) is not None


def test_a_destination_that_is_declared_internal_is():
    known = destination("a.mesh.example", internal=True)
    assert inside(http("a.mesh.example"), known) == (known, known.ports[0])
