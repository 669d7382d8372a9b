import datetime
import os
import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from outgate.pki import strict
from outgate.pki.authority import create_authority, load_authority, save_authority
from outgate.pki.leaf import LeafCache
from outgate.pki.problem import CertificateProblem, Exists, Unreadable
from outgate.problems import Severity
from pki import odd
from pki.loopback import client, serving, shake


def pair(directory, certificates, key, mode=0o600):
    """Write an authority; the two paths."""
    certificate = odd.put(directory / "ca.crt", odd.pem(*certificates), 0o644)
    return certificate, odd.put(directory / "ca.key", odd.key_pem(key), mode)


def faulty(directory, extensions, **dates):
    """Write an authority with the given extensions; the two paths."""
    key = odd.new_key()
    return pair(directory, [odd.certificate("odd", key, extensions, **dates)], key)


def test_a_new_authority_is_p256_and_passes_strict_verification(authority):
    public = authority.certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp256r1"
    assert strict.refusals(authority.certificate) == []
    assert not authority.constrained
    assert authority.may_sign("anything.example")
    assert authority.may_sign("192.0.2.1")


def test_a_new_authority_signs_end_entities_only(authority):
    basic = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = authority.certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert (basic.critical, basic.value.path_length) == (True, 0)
    assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (True, True, False)


def test_constraints_are_critical_and_cover_addresses(constrained):
    found = constrained.certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert found.critical
    assert [str(name.value) for name in found.value.excluded_subtrees] == ["0.0.0.0/0", "::/0"]


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("partner.example", True),
        ("a.b.partner.example", True),
        ("localhost", True),
        ("notpartner.example", False),
        ("partner.example.org", False),
        ("example", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("*.partner.example", False),
        ("PARTNER.example", False),
        ("partner.example.", False),
        ("", False),
    ],
)
def test_may_sign_follows_the_constraints(constrained, host, allowed):
    assert constrained.constrained
    assert constrained.may_sign(host) is allowed


@pytest.mark.parametrize("name", ["*.partner.example", ".partner.example"])
def test_a_pattern_to_permit_is_answered_with_the_name(name):
    with pytest.raises(ValueError, match=r"use 'partner\.example', which covers all below it"):
        create_authority("x", 1, [name])


@pytest.mark.parametrize("name", ["192.0.2.1", "Partner.example", "a b", ""])
def test_what_is_no_dns_name_cannot_be_permitted(name):
    with pytest.raises(ValueError, match=r"address|no host name"):
        create_authority("x", 1, [name])


@pytest.mark.parametrize(("name", "days"), [("", 1), ("x" * 65, 1), ("a\x1bb", 1), ("x", 0), ("x", -1), ("x", 3651)])
def test_names_and_lives_no_certificate_can_have_are_refused(name, days):
    with pytest.raises(ValueError, match=r"common name|life"):
        create_authority(name, days)


def test_the_key_shows_in_no_repr(authority):
    assert "key=" not in repr(authority)


def test_a_saved_authority_loads_as_it_was(tmp_path, constrained):
    old = os.umask(0)
    try:
        certificate, key = save_authority(constrained, tmp_path / "new" / "certs")
    finally:
        os.umask(old)
    assert (certificate.name, key.name) == ("outgate-ca.crt", "outgate-ca.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(certificate.stat().st_mode) == 0o644
    loaded = load_authority(certificate, key)
    assert loaded.certificate == constrained.certificate
    assert loaded.constrained
    assert loaded.warnings == ()
    assert sorted(path.name for path in certificate.parent.iterdir()) == ["outgate-ca.crt", "outgate-ca.key"]


@pytest.mark.parametrize("left", ["outgate-ca.crt", "outgate-ca.key"])
def test_half_an_authority_is_not_overwritten(tmp_path, authority, left):
    odd.put(tmp_path / left, b"precious")
    with pytest.raises(Exists, match=f"{left}.*exists already; .*--force"):
        save_authority(authority, tmp_path)
    assert (tmp_path / left).read_bytes() == b"precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_authority_is_overwritten_when_told_to(tmp_path, authority):
    save_authority(create_authority("before", 1), tmp_path)
    paths = save_authority(authority, tmp_path, overwrite=True)
    assert load_authority(*paths).certificate == authority.certificate


def test_a_key_of_another_certificate_is_refused(tmp_path):
    keys = [odd.new_key() for _ in range(2)]
    paths = pair(tmp_path, [odd.authority("ca", keys[0])], keys[1])
    with pytest.raises(CertificateProblem, match=r"ca\.key: does not belong to .*ca\.crt"):
        load_authority(*paths)


def test_a_key_open_to_everyone_is_refused_with_the_command_to_run(tmp_path):
    key = odd.new_key()
    for mode in (0o644, 0o604, 0o602, 0o601):
        paths = pair(tmp_path, [odd.authority("ca", key)], key, mode)
        with pytest.raises(CertificateProblem, match=rf"\(mode {mode:04o}\); run chmod 600 {paths[1]}"):
            load_authority(*paths)


def test_a_key_open_to_its_group_is_a_warning_with_the_command_to_run(tmp_path):
    key = odd.new_key()
    paths = pair(tmp_path, [odd.authority("ca", key)], key, 0o640)
    (warning,) = load_authority(*paths).warnings
    assert warning.severity is Severity.WARNING
    assert warning.hint == f"run chmod 600 {paths[1]}"


def test_a_directory_open_to_everyone_is_a_warning(tmp_path):
    key = odd.new_key()
    paths = pair(tmp_path, [odd.authority("ca", key)], key)
    tmp_path.chmod(0o777)
    (warning,) = load_authority(*paths).warnings
    assert "every user may write here" in warning.what
    tmp_path.chmod(0o1777)
    assert load_authority(*paths).warnings == ()


def test_an_expired_authority_is_refused(tmp_path, clock):
    paths = save_authority(create_authority("short", 3, clock=clock), tmp_path)
    clock.pass_days(3.1)
    with pytest.raises(CertificateProblem, match=r"'CN=short' expired on \d{4}-\d\d-\d\d"):
        load_authority(*paths, clock=clock)


def test_an_authority_of_tomorrow_is_refused(tmp_path, clock):
    paths = save_authority(create_authority("early", 3, clock=clock), tmp_path)
    clock.pass_days(-1)
    with pytest.raises(CertificateProblem, match=r"is not valid before .*check this machine's clock"):
        load_authority(*paths, clock=clock)


def test_an_expired_issuer_above_is_refused(tmp_path):
    keys = [odd.new_key() for _ in range(2)]
    root = odd.authority("old root", keys[0], end=odd.NOW - datetime.timedelta(hours=1))
    paths = pair(tmp_path, [odd.authority("ca", keys[1], root, keys[0]), root], keys[1])
    with pytest.raises(CertificateProblem, match="'CN=old root' expired"):
        load_authority(*paths)


def test_the_end_is_announced_two_weeks_before(tmp_path, clock):
    paths = save_authority(create_authority("short", 20, clock=clock), tmp_path)
    clock.pass_days(5)
    assert load_authority(*paths, clock=clock).warnings == ()
    clock.pass_days(2)
    (warning,) = load_authority(*paths, clock=clock).warnings
    assert warning.what == "the authority expires in 12 days"


def test_what_is_no_authority_is_refused(tmp_path):
    for extensions in ([], [(x509.BasicConstraints(ca=False, path_length=None), True)]):
        with pytest.raises(CertificateProblem, match="is not a certificate authority"):
            load_authority(*faulty(tmp_path, extensions))


def test_an_authority_whose_key_usage_forbids_signing_is_refused(tmp_path):
    with pytest.raises(
        CertificateProblem, match="may not sign certificates; reissue it with the key usage keyCertSign"
    ):
        load_authority(*faulty(tmp_path, [(odd.AUTHORITY, True), (odd.SIGNS_NOT, True)]))


def test_an_authority_without_key_usage_is_a_warning_about_python(tmp_path):
    (warning,) = load_authority(*faulty(tmp_path, [(odd.AUTHORITY, True)])).warnings
    assert "'CN=odd' has no key usage, which Python 3.13 and later refuse" in warning.what


def test_a_chain_out_of_order_is_refused(tmp_path):
    keys = [odd.new_key() for _ in range(3)]
    root = odd.authority("root", keys[0])
    middle = odd.authority("middle", keys[1], root, keys[0])
    issuing = odd.authority("issuing", keys[2], middle, keys[1])
    paths = pair(tmp_path, [issuing, root, middle], keys[2])
    with pytest.raises(CertificateProblem, match="certificate 2 did not issue the one before it"):
        load_authority(*paths)


def test_an_issuer_of_the_same_name_with_another_key_is_refused(tmp_path):
    keys = [odd.new_key() for _ in range(3)]
    root, impostor = odd.authority("root", keys[0]), odd.authority("root", keys[1])
    paths = pair(tmp_path, [odd.authority("ca", keys[2], root, keys[0]), impostor], keys[2])
    with pytest.raises(CertificateProblem, match="certificate 2 did not issue"):
        load_authority(*paths)


def test_keys_that_cannot_be_used_are_named(tmp_path):
    key = odd.new_key()
    certificate, path = pair(tmp_path, [odd.authority("ca", key)], key)
    cases = {
        odd.key_pem(key, "secret"): r"ca\.key:1:1: holds an encrypted private key; decrypt it",
        odd.key_pem(key) * 2: "holds 2 private keys",
        b"": "holds 0 private keys",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": "cannot be parsed",
        odd.key_pem(ed25519.Ed25519PrivateKey.generate()): "is neither an EC nor an RSA key",
    }
    for data, message in cases.items():
        odd.put(path, data)
        with pytest.raises(CertificateProblem, match=message):
            load_authority(certificate, path)


@pytest.mark.parametrize(
    "data", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff" * 100]
)
def test_certificates_that_cannot_be_used_are_named(tmp_path, data):
    key = odd.new_key()
    _, path = pair(tmp_path, [odd.authority("ca", key)], key)
    with pytest.raises(Unreadable, match=r"ca\.crt"):
        load_authority(odd.put(tmp_path / "ca.crt", data), path)


def test_absent_files_are_named(tmp_path):
    with pytest.raises(Unreadable, match=r"ca\.key: cannot be read \(no such file or directory\)"):
        load_authority(tmp_path / "ca.crt", tmp_path / "ca.key")


async def test_an_authority_made_elsewhere_signs_leafs_a_strict_client_accepts(tmp_path):
    """RSA, with a subject key identifier that is not the hash of its key."""
    key = rsa.generate_private_key(65537, 2048)
    own = x509.SubjectKeyIdentifier(b"\x01\x02\x03\x04")
    root = odd.certificate("rsa", key, [(odd.AUTHORITY, True), (odd.SIGNS, True), (own, False)])
    cache = LeafCache(load_authority(*pair(tmp_path, [root], key)))
    leaf = x509.load_pem_x509_certificate(cache.certificate("a.example")[0])
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own.digest
    async with serving(cache.context("a.example", ())) as port:
        seen = await shake(port, "a.example", client(odd.pem(root), version=ssl.TLSVersion.TLSv1_3))
    assert seen.version == "TLSv1.3"


def test_constraints_above_the_authority_bind_it_too(tmp_path):
    keys = [odd.new_key() for _ in range(2)]
    limits = x509.NameConstraints([x509.DNSName("partner.example")], None)
    root = odd.certificate("root", keys[0], [(odd.AUTHORITY, True), (odd.SIGNS, True), (limits, True)])
    authority = load_authority(*pair(tmp_path, [odd.authority("ca", keys[1], root, keys[0]), root], keys[1]))
    assert authority.constrained
    assert authority.may_sign("api.partner.example")
    assert not authority.may_sign("elsewhere.example")
