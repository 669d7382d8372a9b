import ipaddress
import ssl

import pytest
from cryptography import x509

from outgate.pki.constraints import Constraints
from pki import odd
from pki.loopback import client, in_memory

PARTNER, BELOW = x509.DNSName("partner.example"), x509.DNSName(".partner.example")
NET = x509.IPAddress(ipaddress.ip_network("192.0.2.0/24"))


def limits(permitted=None, excluded=None) -> Constraints:
    return Constraints((x509.NameConstraints(permitted, excluded),))


@pytest.mark.parametrize(
    ("permitted", "excluded", "name", "allowed"),
    [
        ([PARTNER], None, x509.DNSName("partner.example"), True),
        ([PARTNER], None, x509.DNSName("PARTNER.example"), True),
        ([PARTNER], None, x509.DNSName("a.partner.example"), True),
        ([PARTNER], None, x509.DNSName("*.partner.example"), True),
        ([PARTNER], None, x509.DNSName("xpartner.example"), False),
        ([PARTNER], None, x509.DNSName("*.example"), False),
        ([BELOW], None, x509.DNSName("a.partner.example"), True),
        ([BELOW], None, x509.DNSName("partner.example"), False),
        (None, [PARTNER], x509.DNSName("a.partner.example"), False),
        (None, [PARTNER], x509.DNSName("a.example"), True),
        ([x509.DNSName("example")], [PARTNER], x509.DNSName("partner.example"), False),
        ([PARTNER], None, x509.IPAddress(ipaddress.ip_address("192.0.2.1")), True),
        ([NET], None, x509.IPAddress(ipaddress.ip_address("192.0.2.1")), True),
        ([NET], None, x509.IPAddress(ipaddress.ip_address("192.0.3.1")), False),
        ([NET], None, x509.IPAddress(ipaddress.ip_address("2001:db8::1")), False),
        (None, [NET], x509.IPAddress(ipaddress.ip_address("192.0.2.1")), False),
        ([NET], None, x509.DNSName("a.example"), True),
    ],
)
def test_openssl_agrees_with_our_reading(permitted, excluded, name, allowed):
    """Each row is also signed and shown to a client, which must draw the same conclusion."""
    assert limits(permitted, excluded).permit(name) is allowed
    keys = [odd.new_key() for _ in range(2)]
    narrow = (x509.NameConstraints(permitted, excluded), True)
    root = odd.certificate("root", keys[0], [(odd.AUTHORITY, True), (odd.SIGNS, True), narrow])
    leaf = odd.certificate("", keys[1], [(x509.SubjectAlternativeName([name]), True)], root, keys[0])
    trust = client(odd.pem(root), strict=False)
    trust.check_hostname = False
    if allowed:
        in_memory(odd.server(odd.pem(leaf), keys[1]), trust, "x")
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
            in_memory(odd.server(odd.pem(leaf), keys[1]), trust, "x")


@pytest.mark.parametrize(
    ("permitted", "text", "allowed"),
    [
        ("td.example", "spiffe://td.example/a", True),
        ("td.example", "spiffe://a.td.example/a", False),
        (".td.example", "spiffe://a.td.example/a", True),
        (".td.example", "spiffe://td.example/a", False),
        ("td.example", "spiffe://other.example/td.example", False),
    ],
)
def test_uris_are_judged_by_their_host(permitted, text, allowed):
    bound = limits([x509.UniformResourceIdentifier(permitted)])
    assert bound.permit(x509.UniformResourceIdentifier(text)) is allowed


def test_subjects_are_judged_by_their_first_parts():
    bound = limits([x509.DirectoryName(odd.name("a"))])
    assert bound.permit(x509.DirectoryName(odd.name("a")))
    assert not bound.permit(x509.DirectoryName(odd.name("b")))


def test_a_wildcard_that_covers_an_excluded_name_is_refused():
    """Stricter than OpenSSL, which compares the text only."""
    assert not limits(None, [PARTNER]).permit(x509.DNSName("*.example"))
    assert limits(None, [PARTNER]).permit(x509.DNSName("*.elsewhere.example"))


def test_every_layer_must_permit():
    both = Constraints((*limits([x509.DNSName("example")]).layers, *limits(None, [PARTNER]).layers))
    assert both.permit(x509.DNSName("a.example"))
    assert not both.permit(x509.DNSName("partner.example"))


def test_no_constraints_permit_everything_and_count_as_none():
    none = Constraints.of([odd.authority("ca", odd.new_key())])
    assert not none
    assert none.permit(PARTNER)
