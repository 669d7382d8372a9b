import asyncio
import datetime
import os
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from outgate.pki import leaf as leafs
from outgate.pki import pem, profile
from outgate.pki.authority import Authority, create_authority, load_authority
from outgate.pki.leaf import LeafCache
from outgate.pki.problem import CertificateProblem
from pki import odd
from pki.loopback import client, in_memory, serving, shake

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)
WATCHED = """
import os, sys
from outgate.pki.authority import create_authority
from outgate.pki.leaf import LeafCache

writes = []
sys.addaudithook(lambda event, args: event == "open" and args[2] & os.O_ACCMODE and writes.append(args))
LeafCache(create_authority("x", 1)).context("a.example", ())
assert not writes, writes
open("/dev/null", "w").close()
assert len(writes) == 1, "the hook sees nothing"
"""
HOUR = datetime.timedelta(hours=1)


def trusted(authority: Authority) -> bytes:
    return pem.text(authority.certificate)


def parsed(cache: LeafCache, host: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(cache.certificate(host)[0])


@VERSIONS
@pytest.mark.parametrize("host", ["api.partner.example", "partner", "xn--bcher-kva.example", "127.0.0.1", "::1"])
async def test_a_strict_client_accepts_the_leaf(authority, version, host):
    cache = LeafCache(authority)
    async with serving(cache.context(host, ("h2", "http/1.1"))) as port:
        seen = await shake(port, host, client(trusted(authority), version=version))
    assert seen.version == version.name.replace("_", ".")
    assert len(seen.peer["subjectAltName"]) == 1


@VERSIONS
async def test_a_client_refuses_the_leaf_of_another_host(authority, version):
    async with serving(LeafCache(authority).context("a.example", ())) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"b\.example"):
            await shake(port, "b.example", client(trusted(authority), version=version))


@VERSIONS
async def test_a_client_refuses_the_leaf_of_another_authority(authority, version):
    async with serving(LeafCache(create_authority("test CA", 2)).context("a.example", ())) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await shake(port, "a.example", client(trusted(authority), version=version))


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        (("h2", "http/1.1"), ["http/1.1", "h2"], "h2"),
        (("http/1.1",), ["h2", "http/1.1"], "http/1.1"),
        (("http/1.1",), ["h2"], None),
        ((), ["h2"], None),
    ],
)
async def test_alpn_follows_the_order_of_the_gate(authority, offered, wanted, chosen):
    context = client(trusted(authority))
    context.set_alpn_protocols(wanted)
    async with serving(LeafCache(authority).context("a.example", offered)) as port:
        assert (await shake(port, "a.example", context)).alpn == chosen


@VERSIONS
async def test_intermediates_are_presented_and_the_root_is_not(tmp_path, version):
    keys = [odd.new_key() for _ in range(3)]
    root = odd.authority("root", keys[0])
    middle = odd.authority("middle", keys[1], root, keys[0])
    issuing = odd.authority("issuing", keys[2], middle, keys[1])
    certificate = odd.put(tmp_path / "ca.crt", odd.pem(issuing, middle, root))
    authority = load_authority(certificate, odd.put(tmp_path / "ca.key", odd.key_pem(keys[2])))
    cache = LeafCache(authority)
    assert x509.load_pem_x509_certificates(cache.certificate("a.example")[0])[1:] == [issuing, middle]
    async with serving(cache.context("a.example", ())) as port:
        await shake(port, "a.example", client(odd.pem(root), version=version))


async def test_an_rsa_authority_signs_leafs_with_ec_keys(tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    root = odd.authority("rsa", key)
    certificate = odd.put(tmp_path / "ca.crt", odd.pem(root))
    cache = LeafCache(load_authority(certificate, odd.put(tmp_path / "ca.key", odd.key_pem(key))))
    async with serving(cache.context("a.example", ())) as port:
        seen = await shake(port, "a.example", client(odd.pem(root)))
    public = x509.load_der_x509_certificate(seen.leaf).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp256r1"


@pytest.mark.parametrize("name", [x509.DNSName("elsewhere.example"), x509.IPAddress(ip_address("127.0.0.1"))], ids=str)
async def test_a_client_of_a_constrained_authority_refuses_what_is_outside(constrained, name):
    """The constraint bites at the client, even for a leaf that was signed past our own check."""
    key = odd.new_key()
    valid = profile.window(odd.NOW, datetime.timedelta(days=1))
    draft = profile.end_entity(x509.Name([]), [name], key.public_key(), profile.SERVER, constrained.certificate, valid)
    async with serving(odd.server(odd.pem(constrained.sign(draft)), key)) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
            await shake(port, str(name.value), client(trusted(constrained)))


@VERSIONS
@pytest.mark.parametrize("host", ["partner.example", "api.partner.example"])
async def test_a_client_of_a_constrained_authority_accepts_what_is_inside(constrained, version, host):
    async with serving(LeafCache(constrained).context(host, ())) as port:
        await shake(port, host, client(trusted(constrained), version=version))


@pytest.mark.parametrize("host", ["elsewhere.example", "notpartner.example", "example", "127.0.0.1", "::1"])
def test_a_constrained_authority_mints_nothing_outside(constrained, host):
    cache = LeafCache(constrained)
    with pytest.raises(CertificateProblem, match="do not permit"):
        cache.context(host, ())
    assert len(cache) == 0


@pytest.mark.parametrize(
    "host",
    ["", ".", "*.a.example", "A.example", "a.example.", "a_b.example", "-a.example", "a..example", "1.2.3", "0x7f.1",
     "a:443", "fe80::1%lo", "b\u00fccher.example", "a\n.example", "x" * 64 + ".example", "a." * 127 + "a",
     "[::1]", "a@b.example", "a.example/", "a\x00.example"],
)  # fmt: skip
def test_what_is_no_canonical_host_gets_no_leaf(authority, host):
    cache = LeafCache(authority)
    with pytest.raises(ValueError, match="is no host name"):
        cache.context(host, ())
    with pytest.raises(ValueError, match="is no host name"):
        cache.certificate(host)
    assert len(cache) == 0


def test_a_leaf_lives_seven_days_from_an_hour_ago(authority, clock):
    made = parsed(LeafCache(authority, clock=clock), "a.example")
    now = datetime.datetime.fromtimestamp(int(clock.now), datetime.UTC)
    assert made.not_valid_before_utc == now - HOUR
    assert made.not_valid_after_utc == now + datetime.timedelta(days=7)


def test_a_leaf_ends_with_its_authority(clock):
    authority = create_authority("short", 2, clock=clock)
    made = parsed(LeafCache(authority, clock=clock), "a.example")
    assert made.not_valid_after_utc == authority.certificate.not_valid_after_utc


def test_a_leaf_ends_with_the_first_certificate_above_it(tmp_path):
    keys = [odd.new_key() for _ in range(2)]
    root = odd.authority("root", keys[0], end=odd.NOW + odd.DAY)
    issuing = odd.authority("issuing", keys[1], root, keys[0])
    certificate = odd.put(tmp_path / "ca.crt", odd.pem(issuing, root))
    authority = load_authority(certificate, odd.put(tmp_path / "ca.key", odd.key_pem(keys[1])))
    assert parsed(LeafCache(authority), "a.example").not_valid_after_utc == root.not_valid_after_utc


def test_an_expired_authority_mints_nothing(clock):
    authority = create_authority("short", 2, clock=clock)
    cache = LeafCache(authority, clock=clock)
    cache.context("a.example", ())
    clock.pass_days(2.1)
    with pytest.raises(CertificateProblem, match="has expired"):
        cache.context("a.example", ())
    with pytest.raises(CertificateProblem, match="has expired"):
        LeafCache(authority, clock=clock)


def test_a_context_is_kept_for_two_thirds_of_its_life(authority, clock):
    cache = LeafCache(authority, clock=clock)
    first = cache.context("a.example", ())
    clock.pass_days(4.6)
    assert cache.context("a.example", ()) is first
    clock.pass_days(0.1)
    second = cache.context("a.example", ())
    assert second is not first
    assert cache.context("a.example", ()) is second
    assert len(cache) == 1


async def test_a_renewed_context_presents_a_later_leaf(authority, clock):
    cache = LeafCache(authority, clock=clock)
    ends = []
    for _ in range(2):
        async with serving(cache.context("a.example", ())) as port:
            context = client(trusted(authority))
            context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME: the client's clock is not ours to move
            seen = await shake(port, "a.example", context)
        ends.append(ssl.cert_time_to_seconds(seen.peer["notAfter"]))
        clock.pass_days(5)
    assert ends[1] - ends[0] == 5 * 86400


def test_the_last_leaf_of_an_authority_is_not_renewed_in_vain(clock):
    cache = LeafCache(create_authority("short", 6, clock=clock), clock=clock)
    first = cache.context("a.example", ())
    clock.pass_days(5.9)
    assert cache.context("a.example", ()) is first


def test_a_clock_set_back_past_the_start_mints_again(authority, clock):
    cache = LeafCache(authority, clock=clock)
    first = cache.context("a.example", ())
    clock.pass_days(-1 / 48)
    assert cache.context("a.example", ()) is first
    clock.pass_days(-1)
    assert cache.context("a.example", ()) is not first


def test_the_least_recently_used_context_goes_first(authority):
    cache = LeafCache(authority, limit=3)
    contexts = {host: cache.context(host, ()) for host in ("a.example", "b.example", "c.example")}
    assert cache.context("a.example", ()) is contexts["a.example"]
    cache.context("d.example", ())
    assert len(cache) == 3
    assert cache.context("a.example", ()) is contexts["a.example"]
    assert cache.context("c.example", ()) is contexts["c.example"]
    assert cache.context("b.example", ()) is not contexts["b.example"]


def test_any_number_of_hosts_leaves_the_cache_within_its_limit(authority):
    cache = LeafCache(authority, limit=8)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        cache.context(f"h{number}.example", ())
    assert len(cache) == 8
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("limit", [0, -1])
def test_a_cache_that_holds_nothing_is_refused(authority, limit):
    with pytest.raises(ValueError, match="holds nothing"):
        LeafCache(authority, limit=limit)


def test_contexts_differ_by_alpn(authority):
    cache = LeafCache(authority)
    assert cache.context("a.example", ("h2",)) is not cache.context("a.example", ("http/1.1",))
    assert cache.context("a.example", ("h2",)) is cache.context("a.example", ("h2",))


def test_threads_share_one_context_a_host(authority):
    cache = LeafCache(authority, limit=4)
    hosts = [f"h{number % 3}.example" for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda host: (host, cache.context(host, ())), hosts))
    assert len({id(context) for _, context in found}) == 3
    assert len(cache) == 3


async def test_connections_survive_the_eviction_of_their_context(authority):
    cache, trust = LeafCache(authority, limit=2), client(trusted(authority))

    async def one(host: str) -> None:
        async with serving(cache.context(host, ())) as port:
            await asyncio.gather(*(shake(port, host, trust) for _ in range(4)))

    await asyncio.gather(*(one(f"h{number}.example") for number in range(8)))
    assert len(cache) == 2


@VERSIONS
def test_a_session_resumes_on_its_own_host_and_on_no_other(authority, version):
    cache, trust = LeafCache(authority), client(trusted(authority), version=version)
    trust.check_hostname = False  # as a careless client would: the server is what must refuse
    session = in_memory(cache.context("a.example", ()), trust, "a.example").session
    assert session.has_ticket
    assert in_memory(cache.context("a.example", ()), trust, "a.example", session).session_reused
    assert not in_memory(cache.context("b.example", ()), trust, "b.example", session).session_reused


def test_clients_without_tickets_cannot_fill_the_memory_with_sessions(authority, monkeypatch):
    monkeypatch.setattr(leafs, "_SESSION_LIMIT", 16)
    cache, trust = LeafCache(authority), client(trusted(authority), version=ssl.TLSVersion.TLSv1_2)
    trust.options |= ssl.OP_NO_TICKET
    seen = []
    for _ in range(40):
        context = cache.context("a.example", ())
        in_memory(context, trust, "a.example")
        seen.append(context)
    assert max(context.session_stats()["number"] for context in seen) == 16
    assert len({id(context) for context in seen}) == 3


def test_versions_below_tls_1_2_are_refused(authority):
    old = client(trusted(authority))
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol"):
        in_memory(LeafCache(authority).context("a.example", ()), old, "a.example")


def test_session_keys_are_logged_nowhere(authority, monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    in_memory(LeafCache(authority).context("a.example", ()), client(trusted(authority)), "a.example")
    assert not (tmp_path / "keys").exists()


def test_minting_opens_no_file_for_writing():
    """In a process of its own, because an audit hook stays for ever."""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", WATCHED], check=True, timeout=30, env=environment)


def test_a_machine_without_proc_is_found_at_the_start(authority, monkeypatch):
    def absent(*_: object) -> int:
        raise FileNotFoundError(2, "No such file or directory", "/proc/self/fd/9")

    monkeypatch.setattr(os, "memfd_create", absent)
    with pytest.raises(CertificateProblem, match="check that /proc is mounted"):
        LeafCache(authority)


def test_all_leafs_of_a_cache_share_its_key_and_no_other_cache_has_it(authority):
    first, second = LeafCache(authority), LeafCache(authority)
    assert first.certificate("a.example")[1] is first.certificate("b.example")[1]
    assert first.certificate("a.example")[1].public_key() != second.certificate("a.example")[1].public_key()
    assert parsed(first, "a.example").public_key() == first.certificate("b.example")[1].public_key()


def test_serial_numbers_never_repeat(authority):
    cache = LeafCache(authority)
    assert len({parsed(cache, "a.example").serial_number for _ in range(50)}) == 50
