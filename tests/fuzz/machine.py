"""Files and listings of the machine, and the gate's own: certificates, the kernel's tables, what a program prints."""

from __future__ import annotations

import math
import ssl
import tempfile
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import h11
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fuzz.target import given, target
from outgate.doctor import network
from outgate.netfilter import installation, surroundings
from outgate.netfilter.options import Family, Options
from outgate.netfilter.rules import tables
from outgate.pki import inspect, pem, strict
from outgate.pki.files import Held
from outgate.pki.problem import CertificateProblem
from outgate.policy.model import NameKind, SubjectName, UpstreamTLS
from outgate.telemetry import usage
from outgate.upstream import judge
from outgate.upstream.errors import UpstreamError
from outgate.upstream.headers import header_value
from outgate.upstream.trust import Trust, identity
from pki.odd import AUTHORITY, SIGNS, certificate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def file(data: bytes) -> Path:
    """A file with these bytes, the same one each time."""
    path = folder() / "input"
    path.write_bytes(data)
    return path


@cache
def material() -> tuple[x509.Certificate, bytes]:
    """An authority with names of every kind, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([
        x509.DNSName("*.a.example"), x509.IPAddress(ip_address("192.0.2.1")), x509.UniformResourceIdentifier("spiffe://a/b"),
    ])  # fmt: skip
    made = certificate("CA", key, [(AUTHORITY, True), (SIGNS, True), (names, False)])
    return made, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def bundles() -> list[bytes]:
    made, key = material()
    text = pem.text(made)
    return [
        text,
        key,
        text + key,
        b"# a comment\n" + text * 2,
        text.replace(b"\n", b"\r\n"),
        text.replace(b"CERT", b"X509 CERT"),
    ]


PEM = (
    b"-----BEGIN CERTIFICATE-----\n",
    b"-----END CERTIFICATE-----\n",
    b"-----BEGIN PRIVATE KEY-----\n",
    b"-----BEGIN X509 CRL-----",
    b"=",
    b"\r",
)


@target("pem", bundles, *PEM)
def bundle(data: bytes) -> None:
    """A file is certificates and keys, or a problem with a line; `cryptography` finds each of them too.

    It also finds some in the middle of a line, which OpenSSL does not.
    """
    held = Held("f.pem", data)
    report = inspect.examine([held], now=NOW)
    assert all(problem.what for problem in report.problems)
    for found in pem.readable(held):
        assert isinstance(strict.refusals(found), list)
    with suppress(CertificateProblem):
        pem.key(held)
    with suppress(CertificateProblem):
        mine = {found.public_bytes(Encoding.DER) for found in pem.certificates(held)}
        assert {
            each.public_bytes(Encoding.DER) for each in pem.certificates(Held("g", pem.text(*pem.certificates(held))))
        } == mine
        with suppress(ValueError):
            theirs = {found.public_bytes(Encoding.DER) for found in x509.load_pem_x509_certificates(data)}
            assert mine <= theirs or b"X509 CERTIFICATE" in data


@target(
    "certificate", lambda: [material()[0].public_bytes(Encoding.DER)], b"\x82", b"*.", b"\x16", b"\x30", b"\x55\x1d\x11"
)
def presented(data: bytes) -> None:
    """What a server presents is judged, or is a `ValueError`: whoever asks takes any other for a refusal too."""
    names = tuple(
        SubjectName(kind, value) for kind in NameKind for value in ("b.a.example", "192.0.2.1", "spiffe://a/b", "")
    )
    for wanted in (judge.Criteria(names), judge.Criteria(None, ("00",))):
        with suppress(ValueError):
            assert isinstance(judge.refusal(data, wanted), str)
    lines = b64encode(data)
    bundle(b"-----BEGIN CERTIFICATE-----\n" + lines + b"\n-----END CERTIFICATE-----\n")


@target("trust", bundles, *PEM)
def trust(data: bytes) -> None:
    """Files of a destination become an identity, or a `ValueError` in one line."""
    cut = len(data) // 2
    files = {"ca": data, "crl": data[cut:], "own": data, "key": data[:cut]}
    for tls in (
        UpstreamTLS(ca="ca"),
        UpstreamTLS(ca="ca", crl="crl"),
        UpstreamTLS(client_certificate="own", private_key="key"),
    ):
        with suppress(ValueError):
            assert isinstance(identity(tls, (), Trust(system=None), files).context, ssl.SSLContext)


@target("credential", given(b"Bearer abc\n", b"a", b"a\tb\r\n"), b"\r", b"\n", b"\0", b"\x0b", b"\x7f", b"\xff", b" ")
def credential(data: bytes) -> None:
    """A header's value from a file is one line to h11, or refused."""
    with suppress(UpstreamError):
        value = header_value(data, "f").reveal()
        h11.Request(method=b"GET", target=b"/", headers=[(b"host", b"a"), (b"x-key", value.strip(b" \t"))])


RESOLV = b"# c\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nsearch a.example\n"
STATUS = b"Name:\tx\nCapEff:\t000001ffffffffff\n"
SOCKETS = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    b"   0: 0100007F:3A98 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 12345 1\n"
)
UIDS = b"         0       1000          1\n         1     100000      65536\n"


@target(
    "proc", given(RESOLV, STATUS, SOCKETS, UIDS), b"0A", b"nameserver ", b"CapEff:\t", b"4294967295", b"\n", b"\xd9\xa1"
)
def kernels_tables(data: bytes) -> None:
    """Tables of the kernel and the resolver's file are read as far as they go; a map of uids, whole or an `OSError`."""
    path = file(data)
    assert all(each.version in (4, 6) for each in surroundings.resolvers(path))
    assert network.capabilities(path) >= 0
    assert isinstance(surroundings.has_ipv6(path), bool)
    (folder() / "tcp").write_bytes(data)
    assert all(uid >= 0 for uid in network.listeners(15000, folder()))
    with suppress(OSError):
        assert all(first <= last for first, last in surroundings.uids(path))


LISTING = b"-P OUTPUT ACCEPT\n-N OUTGATE_OUTPUT\n-N KUMA_X\n-A OUTPUT -p tcp -j OUTGATE_OUTPUT\n"


def listings() -> list[bytes]:
    lines = [line for table in tables(Options(), Family.IPV4) for line in installation.chains(table)]
    return [LISTING, "\n".join(lines).encode()]


@target(
    "iptables",
    listings,
    b"-N ",
    b"-A OUTPUT ",
    b"-j OUTGATE_OUTPUT",
    b"--uid-owner 1337 -j RETURN",
    b"-j REDIRECT --to-ports ",
    b"\xd9\xa1",
)
def listing(data: bytes) -> None:
    """Listings of iptables and nft are read; the batch that takes our rules out names no other chain."""
    lines = data.decode("utf-8", "replace").splitlines()
    found = network.redirect(lines)
    assert found is None or found.uid is None or found.uid >= 0
    assert isinstance(surroundings.chains(lines), list)
    assert isinstance(surroundings.tables(lines), list)
    first, *batch, last = installation.unhooked("nat", lines)
    assert (first, last) == ("*nat", "COMMIT")
    assert all("OUTGATE" in line for line in batch)


@target(
    "last-use", given(b'{"version":1,"since":1.5,"used":{"a":2.0}}', b"{}"), b"null", b"1e999", b"[]", b'"used"', b"nan"
)
def last_use(data: bytes) -> None:
    """The record of last use is read, or begun anew."""
    since, used = usage.recorded(file(data))
    assert not math.isnan(since)
    assert not any(map(math.isnan, used.values()))
