"""Which certificates are accepted: names as RFC 6125 compares them, and pins."""

import pytest

from outgate.policy.model import NameKind, SubjectName, UpstreamTLS, Verification
from outgate.upstream.judge import Criteria, Presented, carries, covers, criteria, pin, read, refusal


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("a.example.com", "a.example.com", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.com", "example.com", False),
        ("*", "example", False),
        ("a*.example.com", "ab.example.com", False),
        ("a.*.example.com", "a.b.example.com", False),
        ("*.*.example.com", "a.b.example.com", False),
        ("a.example.com\0.evil.example", "a.example.com", False),
    ],
)
def test_a_wildcard_is_one_whole_leftmost_label(pattern, host, covered):
    assert covers(pattern, host) is covered


PRESENTED = Presented(
    ("api.example.com", "*.wild.example.com"), ("spiffe://td/ns/a/sa/b",), ("203.0.113.9", "2001:db8::1"), 0
)


@pytest.mark.parametrize(
    ("kind", "value", "carried"),
    [
        (NameKind.DNS, "api.example.com", True),
        (NameKind.DNS, "API.Example.com", True),
        (NameKind.DNS, "a.wild.example.com", True),
        (NameKind.DNS, "example.com", False),
        (NameKind.DNS, "spiffe://td/ns/a/sa/b", False),
        (NameKind.DNS, "203.0.113.9", False),
        (NameKind.URI, "spiffe://td/ns/a/sa/b", True),
        (NameKind.URI, "spiffe://td/ns/a", False),
        (NameKind.URI, "api.example.com", False),
        (NameKind.PREFIX, "spiffe://td/ns/a/", True),
        (NameKind.PREFIX, "api.", True),
        (NameKind.PREFIX, "spiffe://other", False),
        (NameKind.PREFIX, "203.", False),
        (NameKind.PREFIX, "", False),
        (NameKind.EXACT, "api.example.com", True),
        (NameKind.EXACT, "a.wild.example.com", True),
        (NameKind.EXACT, "spiffe://td/ns/a/sa/b", True),
        (NameKind.EXACT, "203.0.113.9", True),
        (NameKind.EXACT, "2001:DB8:0::1", True),
        (NameKind.EXACT, "203.0.113.1", False),
        (NameKind.EXACT, "", False),
    ],
)
def test_each_kind_of_name_is_compared_in_its_own_way(kind, value, carried):
    assert carries(PRESENTED, SubjectName(kind, value)) is carried


def test_an_address_is_not_looked_for_among_the_names():
    spoofed = Presented(("203.0.113.9",), (), (), 0)
    assert not carries(spoofed, SubjectName(NameKind.EXACT, "203.0.113.9"))


def test_a_certificate_is_read_whole(ca):
    pair = ca.issue("read", dns=("A.Example",), uris=("spiffe://x",), ips=("203.0.113.9", "2001:db8::1"))
    presented = read(pair.der)
    assert presented.dns == ("a.example",)
    assert presented.uris == ("spiffe://x",)
    assert presented.addresses == ("203.0.113.9", "2001:db8::1")
    assert pin(pair.der) == pair.pin


def test_the_common_name_is_no_name(ca):
    pair = ca.issue("only.example")
    wanted = Criteria((SubjectName(NameKind.DNS, "only.example"),))
    assert "presented no name" in refusal(pair.der, wanted)


def test_no_accepted_name_accepts_none(good):
    assert refusal(good.der, Criteria(()))


def test_a_refusal_names_both_sides(good):
    why = refusal(good.der, Criteria((SubjectName(NameKind.URI, "spiffe://other"),)))
    assert "DNS:good.example" in why
    assert "URI:spiffe://partner/ns/a/sa/b" in why
    assert "URI:spiffe://other" in why


def test_what_the_server_calls_itself_is_escaped_and_cut(ca):
    names = ("a" * 200, *(f"n{number}.example" for number in range(20)))
    pair = ca.issue("many", dns=names, uris=("x:\x1b[31m",))
    why = refusal(pair.der, Criteria((SubjectName(NameKind.DNS, "good.example"),)))
    assert "\x1b" not in why
    assert "and 14 more" in why
    assert "a" * 150 not in why
    shown = str(Presented((), ("x:\x1b[31m\n",), (), 0))
    assert shown == r"URI:x:\x1b[31m\n"


def test_a_pin_is_of_the_key_and_holds_beside_the_name(good, evil):
    name = SubjectName(NameKind.DNS, "good.example")
    assert refusal(good.der, Criteria((name,), (evil.pin, good.pin))) == ""
    assert good.pin in refusal(good.der, Criteria((name,), (evil.pin,)))
    assert refusal(good.der, Criteria((SubjectName(NameKind.DNS, "x.example"),), (good.pin,)))


@pytest.mark.parametrize(
    ("verification", "named"),
    [
        (Verification.FULL, True),
        (Verification.SKIP_CA, True),
        (Verification.SKIP_SAN, False),
        (Verification.SKIP_ALL, False),
    ],
)
def test_only_san_skipping_accepts_any_name(verification, named):
    name = SubjectName(NameKind.DNS, "good.example")
    made = criteria(UpstreamTLS(verification=verification, pins=("AB:CD",)), (name,))
    assert made == Criteria((name,) if named else None, ("abcd",))


DAMAGES = [
    (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03"),  # a version that there is not
    (b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2a\x86\x48\xce\x3d\x03\x01\x7e"),  # an unknown curve
]


@pytest.mark.parametrize(("sound", "odd"), DAMAGES)
def test_what_the_parser_does_not_know_is_no_certificate_either(ca, sound, odd):
    der = ca.issue("good.example").der
    assert sound in der
    with pytest.raises(ValueError, match="cannot be parsed"):
        refusal(der.replace(sound, odd), Criteria(None, ("00",)))


def test_what_is_no_certificate_raises():
    with pytest.raises(ValueError, match=r"ASN\.?1|pars"):
        refusal(b"not DER", Criteria(None))
