"""Addresses have kinds by their bits, are judged by the IPv4 inside, and are refused unless permitted or named."""

from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.addresses import (
    INTERNAL,
    METADATA_ADDRESSES,
    PASSTHROUGH,
    PUBLIC_ONLY,
    Kind,
    Permit,
    as_routed,
    classify,
    unwrap,
)

KINDS = [
    ("8.8.8.8", Kind.PUBLIC),
    ("11.0.0.1", Kind.PUBLIC),
    ("2606:4700::1", Kind.PUBLIC),
    ("10.0.0.0", Kind.PRIVATE),
    ("10.255.255.255", Kind.PRIVATE),
    ("172.16.0.1", Kind.PRIVATE),
    ("172.31.255.255", Kind.PRIVATE),
    ("172.32.0.1", Kind.PUBLIC),
    ("192.168.1.1", Kind.PRIVATE),
    ("fd12::1", Kind.PRIVATE),
    ("fec0::1", Kind.PRIVATE),
    ("100.64.0.1", Kind.CGNAT),
    ("100.127.255.255", Kind.CGNAT),
    ("100.128.0.0", Kind.PUBLIC),
    ("127.0.0.1", Kind.LOOPBACK),
    ("127.255.255.254", Kind.LOOPBACK),
    ("::1", Kind.LOOPBACK),
    ("169.254.1.1", Kind.LINK_LOCAL),
    ("fe80::1", Kind.LINK_LOCAL),
    ("febf::1", Kind.LINK_LOCAL),
    ("0.0.0.0", Kind.UNSPECIFIED),
    ("0.1.2.3", Kind.UNSPECIFIED),
    ("::", Kind.UNSPECIFIED),
    ("224.0.0.1", Kind.MULTICAST),
    ("ff02::1", Kind.MULTICAST),
    ("192.0.2.1", Kind.DOCUMENTATION),
    ("2001:db8::1", Kind.DOCUMENTATION),
    ("3fff::1", Kind.DOCUMENTATION),
    ("240.0.0.1", Kind.RESERVED),
    ("255.255.255.255", Kind.RESERVED),
    ("198.18.0.1", Kind.RESERVED),
    ("192.0.0.1", Kind.RESERVED),
    ("4000::1", Kind.RESERVED),
    ("100::1", Kind.RESERVED),
    ("2001:10::1", Kind.RESERVED),
    ("::ffff:1.2.3.4", Kind.V4_MAPPED),
    ("64:ff9b::1.2.3.4", Kind.NAT64),
    ("64:ff9b:1::1", Kind.NAT64),
    ("2002:102:304::1", Kind.SIX_TO_FOUR),
    ("2001::1", Kind.TEREDO),
    *((str(ip), Kind.METADATA) for ip in sorted(METADATA_ADDRESSES, key=str)),
]


@pytest.mark.parametrize(("text", "kind"), KINDS)
def test_every_range_has_its_kind(text, kind):
    assert classify(ip_address(text)) is kind


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("::ffff:169.254.169.254", "169.254.169.254"),
        ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
        ("2002:a9fe:a9fe::1", "169.254.169.254"),
        ("2001:0:4136:e378:8000:63bf:5601:5601", "169.254.169.254"),
        ("::169.254.169.254", "169.254.169.254"),
        ("::1", "::1"),
        ("::", "::"),
        ("2606:4700::1", "2606:4700::1"),
        ("169.254.169.254", "169.254.169.254"),
    ],
)
def test_the_address_inside_is_found(text, inside):
    assert unwrap(ip_address(text)) == ip_address(inside)
    if inside == "169.254.169.254":
        assert not PASSTHROUGH.allows(text)
        assert Permit((ip_network("169.254.169.254/32"),)).allows(text)


@pytest.mark.parametrize(
    ("prefix", "text"),
    [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
    ],
)
def test_a_configured_nat64_prefix_is_read_as_rfc_6052_lays_it_out(prefix, text):
    assert unwrap(ip_address(text), [IPv6Network(prefix)]) == IPv4Address("192.0.2.33")


def test_a_nat64_prefix_of_another_length_is_an_error():
    with pytest.raises(ValueError, match="32, 40, 48, 56, 64 or 96"):
        unwrap(ip_address("2001:db8::1"), [IPv6Network("2001:db8::/33")])


@pytest.mark.parametrize(
    ("text", "public", "internal", "passthrough"),
    [
        ("8.8.8.8", True, True, True),
        ("2606:4700::1", True, True, True),
        ("10.0.0.1", False, True, True),
        ("fd00::1", False, True, True),
        ("100.64.0.1", False, True, True),
        ("198.18.0.1", False, False, True),
        ("192.0.2.1", False, False, True),
        ("127.0.0.1", False, False, False),
        ("::1", False, False, False),
        ("169.254.0.1", False, False, False),
        ("169.254.169.254", False, False, False),
        ("fd00:ec2::254", False, False, False),
        ("168.63.129.16", False, False, False),
        ("100.100.100.200", False, False, False),
        ("0.0.0.0", False, False, False),
        ("224.0.0.1", False, False, False),
        ("ff02::1", False, False, False),
        ("64:ff9b:1::1", False, False, False),
        ("::ffff:8.8.8.8", True, True, True),
        ("64:ff9b::10.0.0.1", False, True, True),
        ("64:ff9b::127.0.0.1", False, False, False),
    ],
)
def test_each_permit_refuses_what_it_should(text, public, internal, passthrough):
    assert [PUBLIC_ONLY.allows(text), INTERNAL.allows(text), PASSTHROUGH.allows(text)] == [
        public,
        internal,
        passthrough,
    ]


@pytest.mark.parametrize("text", ["169.254.169.254", "127.0.0.1", "10.0.0.1", "::1", "fe80::1"])
def test_a_named_network_wins_over_its_kind(text):
    assert PUBLIC_ONLY.naming([ip_network(text)]).allows(text)


def test_a_refusal_names_the_address_the_kind_and_what_is_inside():
    assert "169.254.169.254 is a metadata address" in PUBLIC_ONLY.refusal("169.254.169.254")
    assert "(10.0.0.1 inside) is a private address" in PUBLIC_ONLY.refusal("64:ff9b::10.0.0.1")
    assert "link-local" in PUBLIC_ONLY.refusal("fe80::1")


def test_a_site_prefix_makes_its_addresses_judged_by_the_ipv4_inside():
    local = Permit(nat64=(IPv6Network("64:ff9b:1::/96"),))
    assert local.allows("64:ff9b:1::8.8.8.8")
    assert not local.allows("64:ff9b:1::10.0.0.1")


@pytest.mark.parametrize(
    ("text", "routed"),
    [
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.0.0.1/128", "10.0.0.1/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("::ffff:0:0/95", "::fffe:0:0/95"),
        ("fd00::/8", "fd00::/8"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_a_network_of_ipv4_in_the_notation_of_ipv6_is_one_of_ipv4(text, routed):
    assert as_routed(ip_network(text, strict=False)) == ip_network(routed)


def test_what_is_no_address_raises():
    with pytest.raises(ValueError, match="not appear"):
        PUBLIC_ONLY.allows("example.com")


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "64:ff9b::{}", "::{}"]))
def test_an_embedded_address_is_allowed_exactly_when_the_ipv4_is(ip, form):
    if int(ip) <= 1:
        return
    for permit in (PUBLIC_ONLY, INTERNAL, PASSTHROUGH):
        assert permit.allows(form.format(ip)) is permit.allows(ip)


@given(st.ip_addresses())
def test_what_is_public_is_global_to_the_standard_library(ip):
    if classify(ip) is Kind.PUBLIC:
        assert ip.is_global
        assert not ip.is_multicast
