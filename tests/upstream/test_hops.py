"""A proxy on the way is asked for the verified place, and nothing that it adds passes for the server's."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from outgate.policy.addresses import PUBLIC_ONLY
from outgate.policy.model import Endpoint, NameKind, SubjectName, Tunnel, UpstreamTLS
from outgate.upstream.connect import connect, key_of
from outgate.upstream.environment import Timeouts
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.hops import MAX_HEAD, Hop, HopKind, basic
from outgate.upstream.secret import Secret
from upstream.building import LOOPBACK, Names, environment, finish, talk, target
from upstream.origins import echo, server_context, serving

OK = b"HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n"


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


class Proxy:
    """Answers CONNECT and joins the client with the server, whatever was asked for."""

    def __init__(self, port: int = 0, answer: bytes = OK) -> None:
        self.port, self.answer, self.heads = port, answer, []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode())
            writer.write(self.answer)
            await writer.drain()
            if not self.port:
                await reader.read()
                return
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
            finally:
                inner_writer.close()


@asynccontextmanager
async def hopping(proxy: Proxy, context=None, **given):
    async with serving(proxy, context) as port:
        yield Hop(HopKind.CONNECT_PROXY, ("127.0.0.1", port), **{"permit": LOOPBACK, **given})


async def failure(hop: Hop, given=None, gate=None) -> UpstreamError:
    with pytest.raises(UpstreamError) as error:
        await connect(given or target(443), gate or environment(), [hop])
    return error.value


async def test_the_proxy_is_asked_for_the_verified_host_and_port(good, ca):
    names = Names()
    async with serving(echo, server_context(good)) as port, hopping(Proxy(port)) as hop:
        connection = await connect(target(443, tls=UpstreamTLS(ca=ca.path)), environment(names), [hop])
        assert await talk(connection) == b"hi\n"
        assert connection.tls.chain == (good.der,)
        assert connection.peername == hop.address
        await finish(connection)
    assert names.asked == []  # the name is the proxy's to resolve


async def test_the_request_is_plain_and_complete():
    proxy = Proxy()
    async with hopping(proxy, authorization=basic(b"user", b"pass")) as hop:
        connection = await connect(target(8443), environment(), [hop])
        connection.abort()
    assert proxy.heads[0].splitlines() == [
        "CONNECT good.example:8443 HTTP/1.1",
        "Host: good.example:8443",
        "Proxy-Authorization: Basic dXNlcjpwYXNz",
        "",
    ]
    assert "dXNlcjpwYXNz" not in repr(hop)


async def test_a_plain_protocol_where_the_server_speaks_first_passes():
    """What came together with the proxy's answer is the server's."""
    async with hopping(Proxy(answer=OK + b"220 ready\n")) as hop:
        connection = await connect(target(25), environment(), [hop])
        assert await connection.reader.readline() == b"220 ready\n"
        connection.abort()


async def test_bytes_before_the_handshake_are_not_taken_for_the_servers(ca):
    async with hopping(Proxy(answer=OK + b"HTTP/1.1 200 OK\r\n\r\n")) as hop:
        error = await failure(hop, target(443, tls=UpstreamTLS(ca=ca.path)))
    assert error.code is Failure.TLS_FAILED
    assert "19 bytes before the handshake" in error.message


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "it answered 403"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "it wants credentials (407)"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "it answered 100"),
        (b"SSH-2.0-x\r\n\r\n", "its answer is not HTTP/1"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "its answer is not HTTP/1"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * (MAX_HEAD + 1), "its answer has no end"),
    ],
)
async def test_a_proxy_that_does_not_agree_is_told(answer, told):
    async with hopping(Proxy(answer=answer)) as hop:
        error = await failure(hop)
    assert (error.code, error.status) == (Failure.VIA_FAILED, 503)
    assert told in error.message
    assert "good.example:443" in error.message


async def test_a_proxy_that_hangs_up_is_told(descriptors):
    async def rude(reader, writer):
        await reader.readline()

    async with serving(rude) as port:
        error = await failure(Hop(HopKind.CONNECT_PROXY, ("127.0.0.1", port), permit=LOOPBACK))
        assert error.code is Failure.VIA_FAILED
        assert "it closed the connection" in error.message
    assert await descriptors.settle() <= 0


async def test_a_proxy_that_does_not_answer_is_given_up(descriptors):
    async def silent(reader, writer):
        await asyncio.sleep(60)

    async with serving(silent) as port:
        hop = Hop(HopKind.CONNECT_PROXY, ("127.0.0.1", port), permit=LOOPBACK)
        error = await failure(hop, gate=environment(timeouts=Timeouts(total=5, via=0.1)))
        assert (error.code, error.status) == (Failure.VIA_FAILED, 504)
    assert await descriptors.settle() <= 0


async def test_the_proxys_own_address_is_checked():
    async with hopping(Proxy(), permit=PUBLIC_ONLY) as hop:
        assert (await failure(hop)).code is Failure.ADDRESS_REFUSED


async def test_an_address_behind_the_proxy_is_still_the_targets_to_permit():
    proxy = Proxy()
    async with hopping(proxy) as hop:
        for given in (
            target(80, address="169.254.169.254"),
            target(80, "169.254.169.254"),
            target(80, endpoints=(Endpoint("169.254.169.254", 80),)),
        ):
            assert (await failure(hop, given)).code is Failure.ADDRESS_REFUSED
    assert proxy.heads == []


async def test_a_secured_proxy_is_judged_before_it_is_asked(good, evil, ca):
    tls = UpstreamTLS(ca=ca.path, names=(SubjectName(NameKind.DNS, "good.example"),))
    proxy = Proxy()
    async with hopping(proxy, server_context(evil), tls=tls, authorization=basic(b"user", b"pass")) as hop:
        assert (await failure(hop)).code is Failure.IDENTITY_FAILED
    assert proxy.heads == []


async def test_tls_inside_tls(good, ca):
    tls = UpstreamTLS(ca=ca.path, names=(SubjectName(NameKind.DNS, "good.example"),))
    gate, secured = environment(), server_context(good)
    async with serving(echo, secured) as port, hopping(Proxy(port), secured, tls=tls) as hop:
        for _ in range(2):
            connection = await connect(target(443, tls=UpstreamTLS(ca=ca.path)), gate, [hop])
            assert await talk(connection) == b"hi\n"
            connection.abort()


async def test_proxies_are_passed_in_their_order(good, ca):
    async with serving(echo, server_context(good)) as port, hopping(Proxy(port)) as last:
        first = Proxy(last.address[1])
        async with hopping(first) as hop:
            connection = await connect(target(443, tls=UpstreamTLS(ca=ca.path)), environment(), [hop, last])
            assert await talk(connection) == b"hi\n"
            connection.abort()
    assert first.heads[0].startswith(f"CONNECT 127.0.0.1:{last.address[1]} ")


async def test_a_way_is_part_of_the_key(good, ca):
    async with serving(echo, server_context(good)) as port, hopping(Proxy(port)) as hop:
        gate, given = environment(), target(port, tls=UpstreamTLS(ca=ca.path))
        direct, through = await connect(given, gate), await connect(given, gate, [hop])
        assert direct.key != through.key
        for connection in (direct, through):
            connection.abort()


async def test_an_origin_that_is_a_proxy_is_asked_behind_the_gates_own(good, ca):
    """What is behind both proves itself; whoever is asked for something else is another key."""
    async with serving(echo, server_context(good)) as port, serving(Proxy(port)) as inner:
        outer, gate = Proxy(inner), environment()
        given = target(inner, tls=UpstreamTLS(ca=ca.path), tunnel=Tunnel("good.example", 443))
        async with hopping(outer) as hop:
            connection = await connect(given, gate, [hop])
            assert await talk(connection) == b"hi\n"
            assert connection.tls.chain == (good.der,)
            connection.abort()
        other = replace(given, tunnel=Tunnel("good.example", 444))
        assert await key_of(given, gate) != await key_of(other, gate)
    assert outer.heads[0].startswith(f"CONNECT good.example:{inner} ")


async def test_an_origin_that_is_a_proxy_is_not_asked_at_an_address_that_its_entry_does_not_name():
    proxy = Proxy()
    async with serving(proxy) as port:
        for address in ("127.0.0.1", "169.254.169.254", "10.0.0.1"):
            given = target(port, permit=PUBLIC_ONLY, tunnel=Tunnel("far.example", 443))
            with pytest.raises(UpstreamError) as caught:
                await connect(given, environment(Names({"good.example": [address]})))
            assert caught.value.code is Failure.ADDRESS_REFUSED
    assert proxy.heads == []


async def test_an_authorization_cannot_add_lines():
    proxy = Proxy()
    async with hopping(proxy, authorization=Secret(b"Basic x\r\nX: y")) as hop:
        assert (await failure(hop)).code is Failure.VIA_FAILED
    assert proxy.heads == []


async def test_ipv6_is_asked_for_in_brackets():
    proxy = Proxy()
    async with hopping(proxy) as hop:
        connection = await connect(target(443, "::1", address="::1"), environment(), [hop])
        connection.abort()
    assert proxy.heads[0].startswith("CONNECT [::1]:443 ")
