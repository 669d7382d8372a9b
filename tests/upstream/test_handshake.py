"""The client certificate leaves only after the server's name is judged, whatever the TLS version and the session."""

import ssl
from contextlib import suppress

import pytest
from OpenSSL import SSL

from outgate.policy.model import NameKind, SubjectName, UpstreamTLS, Verification
from outgate.upstream.connect import connect
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.handshake import client_context
from outgate.upstream.sessions import Sessions
from upstream.authorities import Authority
from upstream.building import environment, finish, talk, target
from upstream.origins import Demanding


@pytest.fixture
def mutual(ca, client) -> UpstreamTLS:
    return UpstreamTLS(ca=ca.path, client_certificate=client.certificate, private_key=client.key)


async def test_the_certificate_reaches_the_server_that_is_named(demanding, good, mutual):
    server, gate = demanding(good, required=True), environment()
    connection = await connect(target(server.port, tls=mutual), gate)
    assert await talk(connection) == b"hello\n"
    await finish(connection)
    seen = server.next()
    assert (seen.certificates, seen.sni, seen.data) == (["client"], "good.example", b"hi\n")


async def test_a_server_of_another_name_that_asks_is_shown_no_certificate(demanding, evil, mutual):
    server = demanding(evil)
    with pytest.raises(UpstreamError) as refused:
        await connect(target(server.port, tls=mutual), environment())
    assert refused.value.code is Failure.IDENTITY_FAILED
    assert "DNS:evil.example" in refused.value.message
    assert "DNS:good.example" in refused.value.message
    seen = server.next()
    assert (seen.certificates, seen.shaken, seen.data) == ([], False, b"")


async def test_a_sni_that_is_no_accepted_name_is_sent_and_the_certificate_withheld(demanding, good, mutual):
    """The SNI is in the server's certificate, and the accepted name is not: only the latter counts."""
    tls = UpstreamTLS(
        ca=mutual.ca,
        client_certificate=mutual.client_certificate,
        private_key=mutual.private_key,
        sni="good.example",
        names=(SubjectName(NameKind.DNS, "other.example"),),
    )
    server = demanding(good)
    with pytest.raises(UpstreamError) as refused:
        await connect(target(server.port, tls=tls), environment())
    assert refused.value.code is Failure.IDENTITY_FAILED
    seen = server.next()
    assert (seen.certificates, seen.sni) == ([], "good.example")


async def test_a_key_that_is_not_pinned_is_shown_no_certificate(demanding, good, evil, mutual):
    tls = UpstreamTLS(
        ca=mutual.ca,
        client_certificate=mutual.client_certificate,
        private_key=mutual.private_key,
        pins=(evil.pin,),
        verification=Verification.SKIP_ALL,
    )
    server = demanding(good)
    with pytest.raises(UpstreamError) as refused:
        await connect(target(server.port, tls=tls), environment())
    assert refused.value.code is Failure.IDENTITY_FAILED
    assert server.next().certificates == []


async def test_a_session_is_resumed_under_its_own_name(demanding, good, mutual):
    server, gate = demanding(good), environment()
    first = await connect(target(server.port, tls=mutual), gate)
    await talk(first)
    await finish(first)
    second = await connect(target(server.port, tls=mutual), gate)
    assert (first.tls.resumed, second.tls.resumed) == (False, True)
    assert second.tls.chain == first.tls.chain
    assert first.tls.chain[0] == good.der
    assert await talk(second) == b"hello\n"
    await finish(second)


async def test_a_session_is_not_offered_under_another_name(demanding, good, mutual):
    server, gate = demanding(good), environment()
    first = await connect(target(server.port, tls=mutual), gate)
    await talk(first)
    await finish(first)
    server.next()
    with pytest.raises(UpstreamError) as refused:
        await connect(target(server.port, "other.example", tls=mutual), gate)
    assert refused.value.code is Failure.IDENTITY_FAILED
    seen = server.next()
    assert (seen.certificates, seen.sni, seen.data) == ([], "other.example", b"")


class Careless(Sessions):
    """Gives any session for any name, as a cache with too small a key would."""

    def take(self, key):
        kept = next(iter(self._tickets), None)
        return super().take(kept) if kept else None


async def test_a_session_that_is_resumed_under_another_name_is_judged_all_the_same(demanding, good, mutual):
    """Two bolts: even if the cache is wrong, the certificate behind the session is looked at again."""
    server, gate = demanding(good), environment(sessions=Careless())
    first = await connect(target(server.port, tls=mutual), gate)
    await talk(first)
    await finish(first)
    server.next()
    assert len(gate.sessions) == 1
    with pytest.raises(UpstreamError) as refused:
        await connect(target(server.port, "other.example", tls=mutual), gate)
    assert refused.value.code is Failure.IDENTITY_FAILED
    seen = server.next()
    assert (seen.certificates, seen.data) == ([], b"")


async def test_a_server_that_declines_a_session_is_judged_by_its_new_certificate(demanding, good, evil, mutual):
    server, gate = demanding(good), environment()
    first = await connect(target(server.port, tls=mutual), gate)
    await talk(first)
    await finish(first)
    assert server.next().certificates == ["client"]
    server.certify(evil)
    with pytest.raises(UpstreamError) as refused:
        await connect(target(server.port, tls=mutual), gate)
    assert refused.value.code is Failure.IDENTITY_FAILED
    assert server.next().certificates == []


async def test_a_chain_that_is_not_trusted_is_shown_no_certificate(demanding, good, mutual, tmp_path):
    other = Authority(tmp_path, "other-ca")
    tls = UpstreamTLS(ca=other.path, client_certificate=mutual.client_certificate, private_key=mutual.private_key)
    server = demanding(good)
    with pytest.raises(UpstreamError) as refused:
        await connect(target(server.port, tls=tls), environment())
    assert refused.value.code is Failure.TLS_FAILED
    assert server.next().certificates == []


async def test_a_certificate_is_bound_to_its_destination(demanding, good, mutual, ca):
    """Another destination on the same server, without a client certificate of its own, shows none."""
    server, gate = demanding(good), environment()
    first = await connect(target(server.port, tls=mutual), gate)
    await talk(first)
    await finish(first)
    assert server.next().certificates == ["client"]
    second = await connect(target(server.port, tls=UpstreamTLS(ca=ca.path), key="other"), gate)
    await talk(second)
    await finish(second)
    assert not second.tls.resumed
    assert server.next().certificates == []


class Insisting(Demanding):
    """Asks for nothing in the handshake, and for a certificate in a second one on the same connection."""

    def _answer(self, raw, seen) -> None:
        connection = SSL.Connection(self.context, raw)
        connection.set_verify(SSL.VERIFY_NONE)
        connection.set_accept_state()
        connection.do_handshake()
        seen.data = connection.recv(1024)
        connection.set_verify(SSL.VERIFY_PEER, self._arrived)
        connection.renegotiate()
        connection.do_handshake()
        connection.sendall(b"hello\n")
        while data := connection.recv(1024):
            seen.data += data
            connection.sendall(b"hello\n")


async def test_no_certificate_is_shown_in_a_second_handshake(good, mutual, ca):
    """TLS 1.2 alone has it, and no one would judge the server again."""
    server = Insisting(good, ca.path, "TLSv1.2")
    try:
        connection = await connect(target(server.port, tls=mutual), environment())
        with suppress(OSError):
            for _ in range(5):
                await talk(connection)
        connection.abort()
        seen = server.next()
    finally:
        server.close()
    assert (seen.certificates, seen.data[:3]) == ([], b"hi\n")


def test_a_context_makes_no_connection_without_terms():
    with pytest.raises(LookupError):
        client_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="good.example")
    with pytest.raises(TypeError, match="wrap_bio"):
        client_context().wrap_socket(None)
