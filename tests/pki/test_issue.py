import asyncio
import datetime
import os
import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from outgate.pki import issue as issuing
from outgate.pki import pem
from outgate.pki.authority import Authority, create_authority
from outgate.pki.issue import Issued, Kind, issue, save_issued
from outgate.pki.problem import CertificateProblem, Exists
from pki import odd
from pki.loopback import client, in_memory, serving, shake

SPIFFE = "spiffe://cluster.local/ns/prod/sa/web"


def context(authority, tmp_path, kind: Kind, names, side: int) -> ssl.SSLContext:
    """A context with an issued pair, loaded from the files as any program would."""
    made = ssl.SSLContext(side)
    made.load_cert_chain(*save_issued(issue(authority, kind, names, 30), tmp_path, f"{kind}-{side}", overwrite=True))
    made.load_verify_locations(cadata=pem.text(authority.certificate).decode())
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    made.verify_mode = ssl.CERT_REQUIRED
    return made


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)
async def test_issued_pairs_make_mutual_tls(authority, tmp_path, version):
    peers = []
    server = context(authority, tmp_path, Kind.SERVER, ["a.example"], ssl.PROTOCOL_TLS_SERVER)
    visitor = context(authority, tmp_path, Kind.CLIENT, ["web", SPIFFE], ssl.PROTOCOL_TLS_CLIENT)
    visitor.minimum_version = visitor.maximum_version = version

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peercert"))
        writer.write(b"hello")
        writer.close()

    async with asyncio.timeout(20), await asyncio.start_server(greet, "127.0.0.1", 0, ssl=server) as listener:
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=visitor, server_hostname="a.example")
        assert await reader.read() == b"hello"
        writer.close()
    assert peers[0]["subjectAltName"] == (("DNS", "web"), ("URI", SPIFFE))


async def test_a_client_certificate_is_no_servers(authority, tmp_path):
    pretender = context(authority, tmp_path, Kind.CLIENT, ["a.example"], ssl.PROTOCOL_TLS_SERVER)
    pretender.verify_mode = ssl.CERT_NONE
    async with serving(pretender) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="unsuitable certificate purpose"):
            await shake(port, "a.example", client(pem.text(authority.certificate)))


@pytest.mark.parametrize("name", ["a.example", "*.b.example", "192.0.2.1", "2001:db8::1"])
def test_a_name_of_any_kind_can_be_issued(authority, name):
    made = x509.load_pem_x509_certificate(issue(authority, Kind.SERVER, [name], 30).certificate)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(found.value) for found in names] == [name]


def test_names_are_kept_in_order_and_once(authority):
    made = x509.load_pem_x509_certificate(
        issue(authority, Kind.CLIENT, ["b.example", SPIFFE, "a.example", "b.example"], 30).certificate
    )
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [found.value for found in names] == ["b.example", SPIFFE, "a.example"]
    assert made.subject == odd.name("b.example")


@pytest.mark.parametrize("names", [[], ["a b"], ["spiffe://td/a", "spiffe://td/b"], ["A.example"]])
def test_names_no_certificate_can_have_are_refused(authority, names):
    with pytest.raises(ValueError, match=r"needs a name|no host name|one SPIFFE ID"):
        issue(authority, Kind.SERVER, names, 30)


def test_a_constrained_authority_issues_nothing_outside(constrained):
    for name in ("elsewhere.example", "192.0.2.1", "*.example"):
        with pytest.raises(CertificateProblem, match="do not permit"):
            issue(constrained, Kind.SERVER, ["partner.example", name], 30)
    assert issue(constrained, Kind.CLIENT, ["a.partner.example", SPIFFE], 30)


def test_a_subject_outside_the_constraints_is_left_out():
    key = odd.new_key()
    limits = x509.NameConstraints([x509.DirectoryName(odd.name("elsewhere"))], None)
    root = odd.certificate("root", key, [(odd.AUTHORITY, True), (odd.SIGNS, True), (limits, True)])
    issued = issue(Authority(root, key), Kind.SERVER, ["a.example"], 30)
    assert x509.load_pem_x509_certificate(issued.certificate).subject == odd.name("")
    trust = client(odd.pem(root), strict=False)
    server = odd.server(issued.certificate, load_pem_private_key(issued.key, None))
    assert in_memory(server, trust, "a.example").version()


def test_a_certificate_ends_with_its_authority(clock):
    authority = create_authority("short", 3, clock=clock)
    made = x509.load_pem_x509_certificate(issue(authority, Kind.SERVER, ["a"], 30, clock=clock).certificate)
    assert made.not_valid_after_utc == authority.certificate.not_valid_after_utc
    clock.pass_days(4)
    with pytest.raises(CertificateProblem, match="has expired"):
        issue(authority, Kind.SERVER, ["a"], 30, clock=clock)


def test_a_certificate_lives_as_long_as_asked(authority, clock):
    made = x509.load_pem_x509_certificate(issue(authority, Kind.SERVER, ["a"], 30, clock=clock).certificate)
    assert made.not_valid_after_utc - made.not_valid_before_utc == datetime.timedelta(days=30, hours=1)


def test_keys_differ_and_show_in_no_repr(authority):
    first, second = (issue(authority, Kind.SERVER, ["a"], 30) for _ in range(2))
    assert first.key != second.key
    assert "PRIVATE" not in repr(first)


def test_a_pair_is_written_with_its_modes(authority, tmp_path):
    old = os.umask(0)
    try:
        certificate, key = save_issued(issue(authority, Kind.SERVER, ["a"], 30), tmp_path / "out", "a")
    finally:
        os.umask(old)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(certificate.stat().st_mode) == 0o644
    assert b"PRIVATE" not in certificate.read_bytes()


@pytest.mark.parametrize("left", ["a.crt", "a.key"])
def test_half_a_pair_is_not_overwritten(tmp_path, left):
    odd.put(tmp_path / left, b"precious")
    with pytest.raises(Exists):
        save_issued(Issued(b"c", b"k"), tmp_path, "a")
    assert [path.name for path in tmp_path.iterdir()] == [left]
    save_issued(Issued(b"c", b"k"), tmp_path, "a", overwrite=True)
    assert (tmp_path / left).read_bytes() in {b"c", b"k"}


def test_the_authoritys_own_files_are_never_overwritten(tmp_path):
    with pytest.raises(CertificateProblem, match="is the authority's own file"):
        save_issued(Issued(b"c", b"k"), tmp_path, "outgate-ca", overwrite=True)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.example", "a.example"),
        ("*.a.example", "wildcard.a.example"),
        ("2001:db8::1", "2001-db8--1"),
        (SPIFFE, "web"),
        ("spiffe://td", "td"),
        ("https://a.example/..", "certificate"),
        ("https://a.example/x%2f..", "x-2f.."),
        ("https://a.example/.ssh", "ssh"),
    ],
)
def test_files_take_a_name_that_stays_in_its_directory(name, stem):
    assert issuing.stem(name) == stem
