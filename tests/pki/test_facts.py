import datetime
import hashlib
import ipaddress
import json

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from outgate.pki import facts
from outgate.problems import Where
from pki import odd

HERE = Where("a.crt", 1, 1)


def test_a_certificate_says_what_it_is(constrained):
    fact = facts.of_certificate(constrained.certificate, HERE, odd.NOW)
    assert fact.subject == fact.issuer == "CN=narrow CA"
    assert fact.is_ca
    assert fact.names == ()
    assert fact.key_type == "EC secp256r1"
    assert fact.permitted == ("DNS:partner.example", "DNS:localhost")
    assert fact.excluded == ("IP:0.0.0.0/0", "IP:::/0")
    der = constrained.certificate.public_bytes(Encoding.DER)
    assert fact.fingerprint == hashlib.sha256(der).hexdigest()


def test_every_kind_of_name_is_shown():
    wanted = [
        x509.DNSName("a.example"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.UniformResourceIdentifier("spiffe://td/a"),
        x509.RFC822Name("a@a.example"),
        x509.DirectoryName(odd.name("x")),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
    ]
    made = odd.certificate("a", odd.new_key(), [(x509.SubjectAlternativeName(wanted), False)])
    assert facts.of_certificate(made, HERE, odd.NOW).names == (
        "DNS:a.example",
        "IP:192.0.2.1",
        "URI:spiffe://td/a",
        "email:a@a.example",
        "directory:CN=x",
        "RegisteredID",
    )


def test_days_left_are_whole_and_negative_after_the_end():
    made = odd.certificate("a", odd.new_key(), [], end=odd.NOW + 10 * odd.DAY)
    for passed, left in ((0, 10), (0.5, 9), (10, 0), (10.5, -1), (12, -2)):
        assert facts.of_certificate(made, HERE, odd.NOW + passed * odd.DAY).days_left == left


def test_control_characters_in_names_do_not_reach_the_terminal():
    made = odd.certificate("a\x1b[2Jb\u202e", odd.new_key(), [])
    shown = facts.of_certificate(made, HERE, odd.NOW).subject
    assert shown.isprintable()
    assert "\\x1b" in shown
    assert json.loads(json.dumps(shown)) == shown


def test_dates_know_their_zone(authority):
    fact = facts.of_certificate(authority.certificate, HERE, odd.NOW)
    assert fact.not_after.tzinfo is datetime.UTC
    assert fact.not_before < odd.NOW < fact.not_after
