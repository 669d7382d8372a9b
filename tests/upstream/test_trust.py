"""What a context is made of is explicit, comes from the bytes that were digested, and is said when it is wrong."""

import os
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from outgate.policy.model import UpstreamTLS, Verification
from outgate.upstream.trust import Trust, identity, paths
from outgate.upstream.watch import contents
from upstream.authorities import key_pem

TRUST = Trust(system=None)


def made(tls: UpstreamTLS, trust: Trust = TRUST, alpn=(), **files: bytes):
    found = contents(path for path in paths(tls, trust) if path not in files)
    return identity(tls, alpn, trust, {**found, **files})


def wrong(tls: UpstreamTLS, **files: bytes) -> str:
    with pytest.raises(ValueError, match=" ") as error:
        made(tls, **files)
    return str(error.value)


def test_verification_is_the_same_on_every_python(ca):
    context = made(UpstreamTLS(ca=ca.path)).context
    flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    assert context.verify_flags == flags
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, False)
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.keylog_filename is None
    assert made(UpstreamTLS(), Trust()).context.verify_flags == ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
    assert made(UpstreamTLS(ca=ca.path), Trust(strict=True)).context.verify_flags & ssl.VERIFY_X509_STRICT


def test_tls_1_2_is_the_oldest_unless_told(ca):
    context = made(UpstreamTLS(ca=ca.path)).context
    assert (context.minimum_version, context.maximum_version) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    assert "minimum version TLSv1.3 is above" in wrong(
        UpstreamTLS(ca=ca.path, minimum_version="TLSv1.3", maximum_version="TLSv1.2")
    )
    assert "'TLSv1.0' is not a TLS version" in wrong(UpstreamTLS(ca=ca.path, minimum_version="TLSv1.0"))


def test_an_own_authority_is_trusted_alone(ca, tmp_path):
    assert made(UpstreamTLS(ca=ca.path)).context.cert_store_stats()["x509_ca"] == 1
    extra = Trust(roots=(ca.path,), system=None)
    assert paths(UpstreamTLS(), extra) == (ca.path,)
    assert paths(UpstreamTLS(ca="own.pem"), extra) == ("own.pem",)
    assert paths(UpstreamTLS(verification=Verification.SKIP_CA), extra) == ()


def test_every_file_is_read_once(ca, client):
    tls = UpstreamTLS(ca=ca.path, crl="x.crl", client_certificate=client.certificate, private_key=client.certificate)
    assert paths(tls, TRUST) == (ca.path, "x.crl", client.certificate)


def test_the_bytes_that_are_given_are_the_bytes_that_are_loaded(client, evil):
    """The files on disk may have changed since: they are not looked at again."""
    tls = UpstreamTLS(client_certificate="a.pem", private_key="b.pem", verification=Verification.SKIP_ALL)
    own = {"a.pem": Path(client.certificate).read_bytes(), "b.pem": Path(client.key).read_bytes()}
    one = identity(tls, (), TRUST, own)
    other = {"a.pem": Path(evil.certificate).read_bytes(), "b.pem": Path(evil.key).read_bytes()}
    assert identity(tls, (), TRUST, other).digest != one.digest
    assert identity(tls, (), TRUST, own).digest == one.digest


def test_a_pair_in_one_file_is_enough(client, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(Path(client.certificate).read_bytes() + Path(client.key).read_bytes())
    assert made(UpstreamTLS(client_certificate=str(both))).digest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ca": "BAD"}, "BAD holds no certificate; use a PEM file"),
        ({"crl": "BAD"}, "BAD is not a list of revoked certificates"),
        ({"client_certificate": "BAD"}, "cannot be used"),
        ({"private_key": "BAD"}, "cannot be used"),
        ({"client_certificate": None}, "has no client certificate; name both or neither"),
    ],
)
def test_a_file_that_is_something_else_is_named(ca, client, change, told):
    given = {"ca": ca.path, "client_certificate": client.certificate, "private_key": client.key, **change}
    assert told in wrong(UpstreamTLS(**given), BAD=b"something else")


def test_a_pair_that_is_none_is_told(client, evil):
    tls = UpstreamTLS(client_certificate=client.certificate, private_key=evil.key)
    assert "they do not belong together" in wrong(tls)


def test_an_encrypted_key_is_refused_and_not_asked_about(client):
    locked = key_pem(ec.generate_private_key(ec.SECP256R1()), b"secret")
    tls = UpstreamTLS(client_certificate=client.certificate, private_key="KEY")
    assert "the private key is encrypted" in wrong(tls, KEY=locked)


def test_a_certificate_among_the_revocations_would_be_trusted_and_is_refused(ca):
    crl = Path(ca.revoke()).read_bytes()
    assert "and nothing else" in wrong(UpstreamTLS(ca=ca.path, crl="CRL"), CRL=crl + ca.pem)


def test_what_is_cut_off_is_told(ca):
    assert "CUT cannot be read" in wrong(UpstreamTLS(ca="CUT"), CUT=ca.pem[:200])


def test_nothing_stays_open(ca, client, good):
    before = len(os.listdir("/proc/self/fd"))
    tls = UpstreamTLS(ca=ca.path, crl=ca.revoke(), client_certificate=client.certificate, private_key=client.key)
    for _ in range(3):
        made(tls)
        wrong(UpstreamTLS(client_certificate=client.certificate, private_key=good.key))
    assert len(os.listdir("/proc/self/fd")) == before
