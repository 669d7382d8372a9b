"""What may be dialled for a decision: public addresses, and those that its entry names."""

from ipaddress import ip_network

import pytest

from outgate.policy.decide import decide
from outgate.policy.model import Defaults, Endpoint, Mode, Port, Protocol, Resolution, Upstream
from outgate.policy.reach import permit
from outgate.policy.snapshot import Policy
from policy.building import destination, http, tcp


def reach(attempt, *destinations, **defaults):
    return permit(decide(Policy("test", Defaults(**defaults), destinations), attempt))


def test_a_name_reaches_public_addresses_only():
    allowed = reach(http("a.example"), destination("a.example"))
    assert allowed.allows("8.8.8.8")
    for address in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"):
        assert not allowed.allows(address)


def test_addresses_that_the_entry_allows_are_reached_too():
    allowed = reach(http("a.example"), destination("a.example", allow_networks=(ip_network("10.1.0.0/16"),)))
    assert allowed.allows("10.1.2.3")
    assert not allowed.allows("10.2.0.1")


def test_networks_endpoints_and_literal_hosts_are_named():
    upstream = Upstream(443, Resolution.STATIC, (Endpoint("192.168.1.100", 443), Endpoint("db.example", 443)))
    known = destination(
        "a.example", "10.9.9.9", networks=(ip_network("10.1.0.0/16"),), ports=(Port(443, Protocol.HTTPS, upstream),)
    )
    allowed = reach(http("a.example"), known)
    assert all(allowed.allows(text) for text in ("192.168.1.100", "10.9.9.9", "10.1.0.1"))
    assert not allowed.allows("192.168.1.101")


def test_in_mesh_names_reach_private_addresses_and_no_metadata():
    allowed = reach(http("a.mesh"), internal_hosts=("*.mesh",))
    assert allowed.allows("10.0.0.1")
    assert not allowed.allows("169.254.169.254")


def test_what_is_passed_reaches_private_addresses_and_never_metadata():
    allowed = reach(tcp("10.0.0.1", 1), mode=Mode.ALLOW_ANY)
    assert allowed.allows("10.0.0.1")
    assert not allowed.allows("169.254.169.254")
    assert not allowed.allows("127.0.0.1")


def test_a_denial_reaches_nothing():
    with pytest.raises(ValueError, match="denied"):
        reach(http("a.example"))
