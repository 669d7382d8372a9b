"""The registry finds what a linear scan would, most specific first."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.hosts import literal, matches, weight
from outgate.policy.model import Endpoint, Port, Protocol, Resolution, Upstream
from outgate.policy.registry import By, Match, Registry, is_lone, numbered_port
from policy.building import destination
from policy.strategies import ADDRESSES, PORTS, addresses, destinations, hosts


def names(found):
    return [match.destination.name for match in found]


def test_exact_beats_longest_suffix_beats_shorter_beats_star():
    registry = Registry(
        destination(pattern, name=pattern) for pattern in ("*", "*.com", "*.x.com", "a.x.com", "*.a.x.com", "b.com")
    )
    assert names(registry.named("a.x.com")) == ["a.x.com", "*.x.com", "*.com", "*"]
    assert names(registry.named("x.com")) == ["*.com", "*"]
    assert names(registry.named("other.test")) == ["*"]


def test_the_longest_prefix_comes_first_and_versions_do_not_mix():
    networks = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "::/0", "2001:db8::/32")
    registry = Registry(destination(name=text, networks=(ip_network(text),)) for text in networks)
    assert names(registry.addressed(ip_address("10.1.2.3"))) == ["10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]
    assert names(registry.addressed(ip_address("2001:db8::1"))) == ["2001:db8::/32", "::/0"]


def test_a_host_in_mapped_notation_is_found_as_it_is_dialled():
    registry = Registry([destination("::ffff:10.0.0.1", name="mapped")])
    assert [match.destination.name for match in registry.addressed(ip_address("10.0.0.1"))] == ["mapped"]


def test_documents_of_one_pattern_keep_their_order():
    registry = Registry(destination("a.example", name=str(number), line=number) for number in range(5))
    assert names(registry.named("a.example")) == ["0", "1", "2", "3", "4"]


def test_a_host_that_is_an_address_is_found_by_address():
    registry = Registry([destination("192.0.2.1", "2001:db8::1", name="d")])
    (match,) = registry.addressed(ip_address("192.0.2.1"))
    assert (match.by, match.pattern) == (By.NETWORK, "192.0.2.1")
    assert registry.named("192.0.2.1") == ()
    assert names(registry.addressed(ip_address("2001:db8::1"))) == ["d"]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (destination("db.example", protocol=Protocol.TCP), True),
        (destination("db.example", protocol=Protocol.TLS), False),
        (destination("db.example", protocol=Protocol.ANY), False),
        (destination("db.example", protocol=Protocol.TCP, networks=(ip_network("10.0.0.0/8"),)), False),
        (destination("192.0.2.1", protocol=Protocol.TCP), False),
        (destination("a.example", "b.example", protocol=Protocol.TCP), False),
        (destination("*.example", protocol=Protocol.TCP), False),
        (destination(protocol=Protocol.TCP), False),
    ],
)
def test_tcp_by_one_name_takes_the_whole_port(known, expected):
    assert is_lone(known, known.ports[0]) is expected
    assert bool(Registry([known]).lone(443)) is expected


def test_endpoints_make_many_names_diallable():
    upstream = Upstream(443, Resolution.STATIC, (Endpoint("192.0.2.1", 443),))
    known = destination("a.example", "b.example", ports=(Port(443, Protocol.TCP, upstream),))
    assert is_lone(known, known.ports[0])


def test_a_match_finds_its_port():
    match = Match(destination("a.example", port=8443), "a.example", By.NAME)
    assert match.port(8443).number == 8443
    assert match.port(443) is None


def test_every_destination_of_a_port_is_listed_once():
    both = destination("a.example", "b.example", name="d")
    assert names(Match(known, "", By.PORT) for known in Registry([both]).on(443)) == ["d"]
    assert list(Registry([both]).on(80)) == []


def scan(known, host, address, port):
    """The slow way: every destination is looked at."""
    found = []
    for one in known:
        if host is not None and literal(host) is None:
            fitting = [p for p in one.hosts if literal(p) is None and matches(p, host)]
            found += [(0, -weight(p), one.key, p) for p in fitting]
        if address is not None:
            networks = [(ip_network(p), p) for p in one.hosts if literal(p) is not None]
            networks += [(network, str(network)) for network in one.networks]
            found += [
                (1, -n.prefixlen, one.key, p) for n, p in networks if n.version == address.version and address in n
            ]
        found += [
            (2, 0, one.key, one.hosts[0]) for number in one.ports if number.number == port and is_lone(one, number)
        ]
    return found


@given(
    st.integers(0, 6).flatmap(lambda count: st.tuples(*(destinations(line) for line in range(count)))),
    st.one_of(st.none(), hosts().map(lambda host: host.lower().rstrip("."))),
    st.one_of(st.none(), addresses().map(ip_address), st.sampled_from(ADDRESSES).map(ip_address)),
    st.sampled_from(PORTS),
)
def test_lookup_finds_what_a_linear_scan_finds_in_the_order_of_weight(known, host, address, port):
    found = Registry(known).lookup(host, address, port)
    expected = scan(known, host, address, port)
    assert sorted((m.destination.key, m.pattern) for m in found) == sorted((key, p) for _, _, key, p in expected)
    rank = {(group, key, pattern): (group, order) for group, order, key, pattern in expected}
    ranks = [rank[list(By).index(m.by), m.destination.key, m.pattern] for m in found]
    assert ranks == sorted(ranks)


def test_a_port_may_stand_for_every_other():
    every = replace(destination("a.test", port=0).ports[0], protocol=Protocol.ANY)
    given = replace(destination("a.test", port=80), ports=(destination("a.test", port=80).ports[0], every))
    match = Match(given, "a.test", By.NAME)
    assert match.port(80) is given.ports[0]
    other = match.port(8443)
    assert (other.number, other.upstream.port, other.protocol) == (8443, 8443, Protocol.ANY)
    assert match.port(8443) is other
    assert list(Registry([given]).on(8443)) == [given]
    assert numbered_port(replace(given, ports=given.ports[:1]), 81) is None


def test_bytes_of_every_port_are_nobodys_by_name_alone():
    assert not is_lone(*(lambda made: (made, made.ports[0]))(destination("a.test", port=0, protocol=Protocol.TCP)))
