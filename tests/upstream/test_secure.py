"""Which servers are trusted, on both TLS versions, and what a failure is called."""

import asyncio
import ssl

import pytest

from outgate.policy.model import NameKind, SubjectName, UpstreamTLS, Verification
from outgate.upstream.connect import connect
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.identity import Identities
from outgate.upstream.secure import explained
from outgate.upstream.trust import Trust
from upstream.authorities import Authority
from upstream.building import environment, finish, talk, target
from upstream.origins import echo, server_context, serving

TLS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


async def accepted(
    pair, version: str, tls: UpstreamTLS, host: str = "good.example", trust: Trust | None = None
) -> None:
    """Connects and talks. Raises `UpstreamError`."""
    gate = environment(identities=Identities(trust, environ={}))
    async with serving(echo, server_context(pair, TLS[version])) as port:
        connection = await connect(target(port, host, tls), gate)
        assert connection.tls.version == version
        assert await talk(connection) == b"hi\n"
        await finish(connection)


async def refused(*given, **more) -> UpstreamError:
    with pytest.raises(UpstreamError) as error:
        await accepted(*given, **more)
    return error.value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (NameKind.DNS, "good.example"),
        (NameKind.DNS, "a.wild.example"),
        (NameKind.URI, "spiffe://partner/ns/a/sa/b"),
        (NameKind.PREFIX, "spiffe://partner/ns/a/"),
        (NameKind.EXACT, "good.example"),
    ],
)
async def test_any_accepted_name_will_do(good, ca, version, kind, value):
    names = (SubjectName(NameKind.DNS, "not.example"), SubjectName(kind, value))
    await accepted(good, version, UpstreamTLS(ca=ca.path, names=names), "anything.example")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (NameKind.DNS, "deep.a.wild.example"),
        (NameKind.URI, "spiffe://partner/ns/a"),
        (NameKind.PREFIX, "spiffe://other/"),
        (NameKind.EXACT, "spiffe://partner"),
    ],
)
async def test_without_an_accepted_name_there_is_no_connection(good, ca, version, kind, value):
    tls = UpstreamTLS(ca=ca.path, names=(SubjectName(kind, value),))
    error = await refused(good, version, tls)
    assert (error.code, error.status) == (Failure.IDENTITY_FAILED, 502)
    assert f"{kind}:{value}" in error.message


async def test_an_address_is_verified_as_an_address(ca, version):
    pair = ca.issue("by-address", ips=("127.0.0.1",))
    await accepted(pair, version, UpstreamTLS(ca=ca.path), "127.0.0.1")
    named = ca.issue("by-name", dns=("127.0.0.1",))
    assert (await refused(named, version, UpstreamTLS(ca=ca.path), "127.0.0.1")).code is Failure.IDENTITY_FAILED


async def test_an_expired_certificate_is_refused(ca, version):
    error = await refused(ca.issue("expired", dns=("good.example",), days=-1), version, UpstreamTLS(ca=ca.path))
    assert error.code is Failure.TLS_FAILED
    assert "certificate has expired" in error.message


async def test_an_unknown_authority_is_refused_and_named(good, version, tmp_path):
    other = Authority(tmp_path, "other-ca")
    error = await refused(good, version, UpstreamTLS(ca=other.path))
    assert error.code is Failure.TLS_FAILED
    assert other.path in error.message
    assert "unable to get local issuer certificate; name its CA in the destination" in error.message


async def test_the_systems_roots_do_not_know_a_private_authority(good, version):
    error = await refused(good, version, UpstreamTLS())
    assert "the system's roots" in error.message


async def test_extra_roots_are_trusted_beside_the_systems(good, ca, version):
    await accepted(good, version, UpstreamTLS(), trust=Trust(roots=(ca.path,)))


async def test_a_destinations_own_authority_replaces_the_extra_roots(good, ca, version, tmp_path):
    other = Authority(tmp_path, "other-ca")
    error = await refused(good, version, UpstreamTLS(ca=other.path), trust=Trust(roots=(ca.path,)))
    assert error.code is Failure.TLS_FAILED


async def test_without_the_authority_the_name_is_judged_all_the_same(good, version):
    await accepted(good, version, UpstreamTLS(verification=Verification.SKIP_CA))
    error = await refused(good, version, UpstreamTLS(verification=Verification.SKIP_CA), "other.example")
    assert error.code is Failure.IDENTITY_FAILED


async def test_without_the_name_the_authority_is_judged_all_the_same(good, ca, version, tmp_path):
    await accepted(good, version, UpstreamTLS(ca=ca.path, verification=Verification.SKIP_SAN), "other.example")
    other = Authority(tmp_path, "other-ca")
    tls = UpstreamTLS(ca=other.path, verification=Verification.SKIP_SAN)
    assert (await refused(good, version, tls, "other.example")).code is Failure.TLS_FAILED


async def test_with_nothing_judged_a_pin_still_holds(good, evil, version):
    tls = UpstreamTLS(verification=Verification.SKIP_ALL, pins=(good.pin.upper(),))
    await accepted(good, version, tls, "other.example")
    assert (await refused(evil, version, tls, "other.example")).code is Failure.IDENTITY_FAILED


async def test_an_authority_without_key_usage_is_trusted_unless_verification_is_strict(version, tmp_path):
    bare = Authority(tmp_path, "bare-ca", usage=False)
    pair = bare.issue("bare", dns=("good.example",))
    await accepted(pair, version, UpstreamTLS(ca=bare.path))
    error = await refused(pair, version, UpstreamTLS(ca=bare.path), trust=Trust(strict=True))
    assert error.code is Failure.TLS_FAILED
    assert "does not include key usage" in error.message
    assert "issued with key usage keyCertSign, or strict verification turned off" in error.message


async def test_a_named_intermediate_is_an_anchor_unless_that_is_turned_off(tmp_path, version):
    root = Authority(tmp_path, "root-ca")
    middle = Authority(tmp_path, "middle-ca", parent=root)
    pair = middle.issue("below", dns=("good.example",))
    await accepted(pair, version, UpstreamTLS(ca=middle.path))
    error = await refused(pair, version, UpstreamTLS(ca=middle.path), trust=Trust(partial_chain=False))
    assert error.code is Failure.TLS_FAILED
    await accepted(middle.issue("chained", dns=("good.example",), with_issuer=True), version, UpstreamTLS(ca=root.path))


async def test_a_revoked_certificate_is_refused(version, tmp_path):
    authority = Authority(tmp_path, "revoking-ca")
    pair, other = authority.issue("revoked", dns=("good.example",)), authority.issue("other", dns=("good.example",))
    crl = authority.revoke(pair)
    error = await refused(pair, version, UpstreamTLS(ca=authority.path, crl=crl))
    assert error.code is Failure.TLS_FAILED
    assert "certificate revoked" in error.message
    await accepted(other, version, UpstreamTLS(ca=authority.path, crl=crl))


async def test_a_list_of_revocations_that_is_out_of_date_accepts_nothing(version, tmp_path):
    authority = Authority(tmp_path, "late-ca")
    pair = authority.issue("fine", dns=("good.example",))
    error = await refused(pair, version, UpstreamTLS(ca=authority.path, crl=authority.revoke(days=-1)))
    assert "CRL has expired; the CRL file has to be renewed" in error.message


async def test_a_list_of_another_authority_accepts_nothing(good, ca, version, tmp_path):
    other = Authority(tmp_path, "unrelated-ca")
    error = await refused(good, version, UpstreamTLS(ca=ca.path, crl=other.revoke()))
    assert "unable to get certificate CRL" in error.message


async def test_versions_are_bounded(good, ca):
    old = await refused(good, "TLSv1.2", UpstreamTLS(ca=ca.path, minimum_version="TLSv1.3"))
    assert old.code is Failure.TLS_FAILED
    new = await refused(good, "TLSv1.3", UpstreamTLS(ca=ca.path, maximum_version="TLSv1.2"))
    assert new.code is Failure.TLS_FAILED


async def test_the_preferred_protocol_is_negotiated(good, ca):
    async with serving(echo, server_context(good, alpn=("h2", "http/1.1"))) as port:
        gate = environment()
        for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"), ((), None)):
            connection = await connect(target(port, tls=UpstreamTLS(ca=ca.path), alpn=offered), gate)
            assert connection.alpn == chosen
            await finish(connection)


async def test_what_does_not_speak_tls_is_a_failed_handshake(ca):
    async def chatty(reader, writer):
        writer.write(b"SSH-2.0-server\r\n")
        await writer.drain()
        await reader.read()

    async def silent(reader, writer):
        await reader.read(1)

    for server in (chatty, silent):
        async with serving(server) as port:
            with pytest.raises(UpstreamError) as error:
                await connect(target(port, tls=UpstreamTLS(ca=ca.path)), environment())
            assert error.value.code is Failure.TLS_FAILED


async def test_a_server_that_wants_a_certificate_says_so(demanding, good, ca):
    """Under TLS 1.3 it refuses only after the handshake, so the reader of the answer is told."""
    server = demanding(good, required=True)
    try:
        connection = await connect(target(server.port, tls=UpstreamTLS(ca=ca.path)), environment())
    except UpstreamError as error:
        told = error
    else:
        with pytest.raises(ssl.SSLError) as raised:
            await asyncio.wait_for(connection.reader.read(1), 5)
        connection.abort()
        told = explained(raised.value, "good.example:443")
    # TLS 1.2 has no alert of its own for this.
    assert told.code is Failure.IDENTITY_FAILED or "HANDSHAKE_FAILURE" in told.message
    assert server.next().certificates == []


async def test_a_certificate_that_the_server_does_not_trust_is_told(demanding, good, ca, tmp_path):
    stranger = Authority(tmp_path, "stranger-ca").issue("stranger")
    tls = UpstreamTLS(ca=ca.path, client_certificate=stranger.certificate, private_key=stranger.key)
    server = demanding(good, required=True)
    try:
        connection = await connect(target(server.port, tls=tls), environment())
    except UpstreamError as error:
        told = error
    else:
        with pytest.raises(ssl.SSLError) as raised:
            await asyncio.wait_for(connection.reader.read(1), 5)
        connection.abort()
        told = explained(raised.value, "good.example:443")
    assert told.code is Failure.IDENTITY_FAILED
    assert "UNKNOWN_CA" in told.message


async def test_the_key_of_a_context_holds_for_files_that_serve_twice(good, ca):
    """One file as CA and as certificate of another destination are two identities."""
    identities = Identities(environ={})
    one = await identities.get(UpstreamTLS(ca=ca.path), ())
    two = await identities.get(UpstreamTLS(ca=ca.path, minimum_version="TLSv1.3"), ())
    three = await identities.get(UpstreamTLS(ca=ca.path), ("h2",))
    same = await identities.get(UpstreamTLS(ca=ca.path, sni="other", pins=("00",)), ())
    assert len({one.digest, two.digest, three.digest}) == 3
    assert same is one
