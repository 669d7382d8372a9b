"""The most specific destination that the caller sees, that has not expired and that has the port decides."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given

from outgate.policy.model import Code, Intercept, Port, Protocol, Resolution, Upstream
from outgate.policy.selection import Found, Missing, carries, find, refusal, tcp_only
from outgate.policy.snapshot import Policy
from outgate.policy.steps import Steps
from policy.building import WEB, destination, http, tcp, tls
from policy.strategies import NOW, attempts, policies

NET = (ip_network("10.0.0.0/8"),)


def over(*destinations):
    return Policy("test", destinations=destinations, now=lambda: NOW)


def chosen(policy, attempt):
    found = find(policy, attempt)
    return found.destination.name if isinstance(found, Found) else found.code


def test_the_most_specific_name_is_found():
    policy = over(
        destination("*", name="any"), destination("*.x.example", name="wild"), destination("a.x.example", name="exact")
    )
    assert chosen(policy, http("a.x.example")) == "exact"
    assert chosen(policy, http("b.x.example")) == "wild"
    assert chosen(policy, http("x.example")) == "any"


def test_a_wider_pattern_that_has_the_port_is_found_where_the_narrower_has_it_not():
    policy = over(destination("a.example", name="exact"), destination("*.example", name="wild", port=8443))
    assert chosen(policy, http("a.example", 8443)) == "wild"


def test_a_missing_port_is_told_by_those_that_are_there():
    known = destination("a.example", port=8443)
    assert find(over(known), http("a.example")).reason == "a.example is registered for port 8443, not 443"
    assert find(over(replace(known, ports=())), http("a.example")).reason == "a.example is registered without ports"


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (destination("b.example"), Code.UNREGISTERED),
        (destination("a.example", port=8443), Code.PORT_UNREGISTERED),
        (destination("a.example", export_to=("dev",)), Code.NOT_EXPORTED),
        (destination("a.example", expires=NOW), Code.EXPIRED),
        (destination("a.example", expires=NOW - timedelta(days=1)), Code.EXPIRED),
        (destination("a.example", port=8443, export_to=("dev",)), Code.NOT_EXPORTED),
    ],
)
def test_the_nearest_miss_is_named(known, code):
    missing = find(over(known), http("a.example"))
    assert isinstance(missing, Missing)
    assert missing.code is code
    assert missing.source is (None if code is Code.UNREGISTERED else known.source)


def test_the_miss_that_came_nearest_wins_over_others():
    policy = over(
        destination("a.example", port=8443, line=1),
        destination("*.example", expires=NOW, line=2),
        destination("*", port=1, line=3),
    )
    assert find(policy, http("a.example")).source.where.line == 2


def test_a_future_expiry_is_still_good():
    assert (
        chosen(over(destination("a.example", name="d", expires=NOW + timedelta(seconds=1))), http("a.example")) == "d"
    )


def test_an_expired_entry_lets_the_wider_one_be_found():
    policy = over(destination("a.example", expires=NOW), destination("*.example", name="wild"))
    assert chosen(policy, http("a.example")) == "wild"


def test_an_entry_that_is_not_seen_lets_the_wider_one_be_found():
    policy = over(destination("a.example", export_to=("dev",)), destination("*.example", name="wild"))
    assert chosen(policy, http("a.example")) == "wild"


def test_by_address_the_longest_prefix_is_found():
    wide = destination(name="wide", networks=NET, protocol=Protocol.TCP)
    narrow = destination(name="narrow", networks=(ip_network("10.1.0.0/16"),), protocol=Protocol.TCP, line=2)
    assert chosen(over(wide, narrow), tcp("10.1.2.3", 443)) == "narrow"
    assert chosen(over(wide, narrow), tcp("::ffff:10.2.0.1", 443)) == "wide"
    assert chosen(over(wide, narrow), tcp("11.0.0.1", 443)) is Code.UNREGISTERED


def test_a_name_that_is_not_the_destination_s_is_not_passed_by_its_address():
    named = destination("a.example", name="d", networks=NET)
    assert chosen(over(named), http("evil.example", address="10.0.0.1")) is Code.UNREGISTERED
    assert chosen(over(named), http(None, address="10.0.0.1")) == "d"
    assert chosen(over(named), http("10.0.0.1", address="10.0.0.1")) == "d"


def test_a_destination_without_names_takes_any_name_at_its_address():
    assert chosen(over(destination(name="d", networks=NET)), http("any.example", address="10.0.0.1")) == "d"


def test_bytes_at_a_tcp_address_are_not_asked_for_a_name():
    known = destination("a.example", name="d", networks=NET, protocol=Protocol.TCP)
    assert chosen(over(known), tls("other.example", address="10.0.0.1")) == "d"


def test_a_registered_name_beats_an_address():
    policy = over(destination(name="net", networks=NET), destination("a.example", name="named", line=2))
    assert chosen(policy, http("a.example", address="10.0.0.1")) == "named"


def test_a_host_that_spells_another_address_than_was_dialled_disagrees():
    policy = over(destination(name="net", networks=NET))
    assert chosen(policy, http("10.0.0.1", address="10.0.0.2")) is Code.NAMES_DISAGREE
    assert chosen(policy, http("10.0.0.1", address="::ffff:10.0.0.1")) == "net"
    assert chosen(policy, http("10.0.0.1")) == "net"


def test_tcp_known_by_name_alone_takes_any_address_on_its_port():
    policy = over(destination("db.example", name="db", port=5432, protocol=Protocol.TCP))
    assert chosen(policy, tcp("203.0.113.9", 5432)) == "db"
    assert chosen(policy, tcp("203.0.113.9", 5433)) is Code.UNREGISTERED
    assert chosen(policy, tcp(None, 5432, host="db.example")) == "db"
    assert chosen(policy, tcp(None, 5432, host="evil.example")) is Code.UNREGISTERED


def test_a_dialled_address_counts_where_the_gate_would_dial_it():
    held = destination("a.example", name="d", networks=NET, resolution=Resolution.NONE)
    found = find(over(held), http("a.example", address="203.0.113.9"))
    assert refusal(http("a.example", address="203.0.113.9"), found).code is Code.ADDRESS_REFUSED
    assert refusal(http("a.example", address="10.0.0.1"), found) is None
    assert refusal(http("a.example"), found) is None


def test_a_dialled_address_does_not_count_where_the_gate_resolves():
    found = find(over(destination("a.example", networks=NET)), http("a.example", address="203.0.113.9"))
    assert refusal(http("a.example", address="203.0.113.9"), found) is None


P, D, T = Protocol, Intercept.DECRYPT, Intercept.TUNNEL
PLAIN, SECURE, HELLO, BYTES = http("a", 80), http("a", 443), tls("a"), tcp("10.0.0.1", 1)


@pytest.mark.parametrize(
    ("protocol", "intercept", "carried"),
    [
        (P.HTTP, D, [PLAIN]),
        (P.HTTP2, D, [PLAIN, SECURE]),
        (P.HTTP2, T, [PLAIN, HELLO]),
        (P.GRPC, D, [PLAIN, SECURE]),
        (P.GRPC, T, [PLAIN, HELLO]),
        (P.HTTPS, D, [SECURE]),
        (P.HTTPS, T, [HELLO]),
        (P.TLS, D, [SECURE]),
        (P.TLS, T, [HELLO]),
        (P.TCP, D, [HELLO, BYTES]),
        (P.TCP, T, [HELLO, BYTES]),
        (P.ANY, D, [PLAIN, SECURE, BYTES]),
        (P.ANY, T, [PLAIN, HELLO, BYTES]),
    ],
)
def test_each_protocol_carries_what_it_is_for(protocol, intercept, carried):
    port = Port(443, protocol, Upstream(443), intercept)
    assert [one for one in (PLAIN, SECURE, HELLO, BYTES) if carries(port, one)] == carried


def test_the_wrong_protocol_names_the_document_and_hides_no_wider_entry_behind_it():
    policy = over(destination("a.example", port=80, protocol=P.TLS, line=7), destination("*", port=80, protocol=P.HTTP))
    found = find(policy, http("a.example", 80))
    missing = refusal(http("a.example", 80), found)
    assert (missing.code, missing.source.where.line) == (Code.PROTOCOL_MISMATCH, 7)
    assert "TLS" in missing.reason
    assert "plain HTTP" in missing.reason


def test_bytes_need_no_reading_where_only_tcp_can_be_meant():
    db = destination("db.example", port=5432, protocol=P.TCP)
    net = destination(networks=NET, port=5432, protocol=P.TCP, line=2)
    web = destination("a.example", port=5432, line=3)
    hidden = replace(web, export_to=("dev",))
    gone = replace(web, expires=NOW)
    assert tcp_only(over(db), "203.0.113.9", 5432, WEB)
    assert tcp_only(over(net), "10.0.0.1", 5432, WEB)
    assert not tcp_only(over(net), "203.0.113.9", 5432, WEB)
    assert not tcp_only(over(net), "10.0.0.1", 443, WEB)
    assert not tcp_only(over(), "10.0.0.1", 5432, WEB)
    assert not tcp_only(over(net, web), "10.0.0.1", 5432, WEB)
    assert tcp_only(over(net, hidden), "10.0.0.1", 5432, WEB)
    assert tcp_only(over(net, gone), "10.0.0.1", 5432, WEB)


def test_a_nameless_http_entry_elsewhere_does_not_matter():
    net = destination(networks=NET, port=5432, protocol=P.TCP)
    other = destination(networks=(ip_network("192.0.2.0/24"),), port=5432, line=2)
    assert tcp_only(over(net, other), "10.0.0.1", 5432, WEB)
    assert not tcp_only(over(net, other), "192.0.2.1", 5432, WEB)


def test_an_unparsable_address_raises_rather_than_matches():
    with pytest.raises(ValueError, match="nonsense"):
        find(over(), tcp("nonsense", 1))


def test_the_steps_say_what_was_found_and_what_was_passed_over():
    policy = over(destination("a.example", name="old", expires=NOW), destination("*.example", name="wild"))
    steps = Steps()
    find(policy, http("a.example"), steps)
    said = [step.what for step in steps.taken]
    assert said[0].startswith("old expired")
    assert said[1] == "a.example:443 is *.example of wild"


@given(policies(), attempts())
def test_what_is_found_has_the_port_is_seen_and_has_not_expired(policy, attempt):
    found = find(policy, attempt)
    if isinstance(found, Found):
        assert found.port.number == attempt.port
        assert policy.sight(attempt.caller).sees(found.match)
        assert found.destination.expires is None or found.destination.expires > NOW
    else:
        assert found.reason


@given(policies(), attempts())
def test_where_bytes_need_no_reading_every_kind_of_attempt_finds_tcp_or_nothing(policy, attempt):
    if not tcp_only(policy, attempt.address, attempt.port, attempt.caller):
        return
    found = find(policy, replace(attempt, host=None))
    assert isinstance(found, Found)
    assert found.port.protocol is P.TCP
