import ssl

import pytest
from cryptography import x509

from outgate.pki import strict
from pki import odd
from pki.loopback import client, in_memory

ROOT, LEAF = odd.new_key(), odd.new_key()
SKI, AKI = odd.identifier(ROOT), odd.issued_by(ROOT)
NAMES = x509.SubjectAlternativeName([x509.DNSName("a.example")])
SHORT = x509.BasicConstraints(ca=True, path_length=0)
GOOD_ROOT = [(odd.AUTHORITY, True), (odd.SIGNS, True), (SKI, False)]
GOOD_LEAF = [(NAMES, True), (AKI, False)]


def refused(root: x509.Certificate, leaf: x509.Certificate, flag: bool) -> bool:
    try:
        in_memory(odd.server(odd.pem(leaf), LEAF), client(odd.pem(root), strict=flag), "a.example")
    except ssl.SSLCertVerificationError:
        return True
    return False


@pytest.mark.parametrize(
    ("subject", "extensions", "reason"),
    [
        ("ca", GOOD_ROOT, None),
        ("ca", [(SHORT, True), (odd.SIGNS, True), (SKI, False)], None),
        ("ca", [(odd.AUTHORITY, True), (odd.SIGNS, False), (SKI, False)], None),
        ("ca", [(odd.AUTHORITY, False), (odd.SIGNS, True), (SKI, False)], "basic constraints that are not critical"),
        ("ca", [(odd.AUTHORITY, True), (SKI, False)], "without key usage"),
        ("ca", [(odd.AUTHORITY, True), (odd.SIGNS, True)], "without a subject key identifier"),
    ],
)
def test_openssl_agrees_about_authorities(subject, extensions, reason):
    """Each row is a root that a client accepts without the strict flag, and with it as we say."""
    root = odd.certificate(subject, ROOT, extensions)
    leaf = odd.certificate("", LEAF, GOOD_LEAF, root, ROOT)
    found = strict.refusals(root)
    assert not refused(root, leaf, flag=False)
    assert refused(root, leaf, flag=True) is bool(reason)
    assert len(found) == (1 if reason else 0)
    assert not reason or reason in found[0]


@pytest.mark.parametrize(
    ("extensions", "kind"),
    [
        ([(odd.AUTHORITY, True), (odd.SIGNS, True), (SKI, True)], "subject"),
        ([*GOOD_ROOT, (AKI, True)], "authority"),
    ],
)
def test_critical_identifiers_are_refused_with_and_without_the_flag(extensions, kind):
    root = odd.certificate("ca", ROOT, extensions)
    leaf = odd.certificate("", LEAF, GOOD_LEAF, root, ROOT)
    assert strict.refusals(root) == [f"has a critical {kind} key identifier"]
    assert refused(root, leaf, flag=True)
    assert refused(root, leaf, flag=False)


@pytest.mark.parametrize(
    ("subject", "extensions", "reason"),
    [
        ("", GOOD_LEAF, None),
        ("leaf", [(NAMES, False), (AKI, False)], None),
        ("leaf", [(NAMES, False)], "no authority key identifier"),
        ("", [(NAMES, False), (AKI, False)], "alternative names that are not critical"),
        ("leaf", [(NAMES, False), (AKI, False), (odd.SIGNS, True)], "may sign certificates but is no authority"),
    ],
)
def test_openssl_agrees_about_end_entities(subject, extensions, reason):
    root = odd.certificate("ca", ROOT, GOOD_ROOT)
    leaf = odd.certificate(subject, LEAF, extensions, root, ROOT)
    found = strict.refusals(leaf)
    assert refused(root, leaf, flag=True) is bool(reason)
    assert len(found) == (1 if reason else 0)
    assert not reason or reason in found[0]


def test_nameless_certificates_are_refused():
    assert strict.refusals(odd.certificate("", ROOT, GOOD_ROOT)) == [
        "is an authority with an empty subject",
        "has an empty issuer",
    ]
    assert "has neither subject nor alternative names" in strict.refusals(odd.certificate("", LEAF, []))


def test_a_path_length_without_the_right_to_sign_is_refused():
    root = odd.certificate("ca", ROOT, [(SHORT, True), (odd.SIGNS_NOT, True), (SKI, False)])
    assert strict.refusals(root) == ["limits the path length but may not sign certificates"]
