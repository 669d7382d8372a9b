"""Targets become connections: checked addresses only, within a deadline, and nothing left behind."""

import asyncio
import socket
import ssl
from ipaddress import ip_network

import pytest

from outgate.policy.addresses import PUBLIC_ONLY, Permit
from outgate.policy.model import Endpoint, UpstreamTLS
from outgate.upstream.connect import connect, key_of
from outgate.upstream.environment import Timeouts
from outgate.upstream.errors import Failure, UpstreamError
from upstream.building import Names, environment, finish, talk, target
from upstream.origins import echo, server_context, serving

BRIEF = Timeouts(total=0.3, tls=0.2, via=0.2, closing=0.5)


async def failure(*given, **more) -> UpstreamError:
    with pytest.raises(UpstreamError) as error:
        await connect(*given, **more)
    return error.value


@pytest.fixture
def hole():
    """A listener whose queue is full: what dials it gets no answer."""
    with socket.socket() as listener, socket.socket() as filler, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for one in (filler, second):
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.fixture
def refusing() -> int:
    """A port where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_a_plain_connection_says_where_it_goes():
    async with serving(echo) as port:
        connection = await connect(target(port), environment())
        assert await talk(connection) == b"hi\n"
        assert connection.peername == ("127.0.0.1", port)
        assert connection.sockname[0] == "127.0.0.1"
        assert (connection.tls, connection.alpn, connection.timings.tls) == (None, None, 0.0)
        assert connection.writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await finish(connection)


async def test_a_secured_connection_knows_its_server(good, ca, version):
    async with serving(echo, server_context(good, ssl.TLSVersion[version.replace(".", "_")])) as port:
        connection = await connect(target(port, tls=UpstreamTLS(ca=ca.path), alpn=("http/1.1",)), environment())
        facts = connection.tls
        assert (facts.version, facts.sni, facts.resumed) == (version, "good.example", False)
        assert facts.chain == (good.der,)
        assert facts.cipher
        assert connection.peername == ("127.0.0.1", port)
        assert connection.timings.tls > 0
        await finish(connection)


async def test_a_server_that_speaks_first_is_heard():
    async def banner(reader, writer):
        writer.write(b"220 ready\n")
        await writer.drain()
        await reader.read()

    async with serving(banner) as port:
        for _ in range(5):
            connection = await connect(target(port), environment())
            assert await asyncio.wait_for(connection.reader.readline(), 5) == b"220 ready\n"
            await finish(connection)


async def test_a_reader_that_waits_makes_the_server_wait(good, ca):
    """Back-pressure reaches the socket: an origin that sends without end fills two buffers and stops."""
    sent = 0

    async def flood(reader, writer):
        nonlocal sent
        while True:
            writer.write(bytes(65536))
            await writer.drain()
            sent += 65536

    for context, tls in ((None, None), (server_context(good), UpstreamTLS(ca=ca.path))):
        async with serving(flood, context) as port:
            sent = 0
            connection = await connect(target(port, tls=tls), environment())
            await asyncio.sleep(0.2)
            begun = sent
            await asyncio.sleep(0.2)
            assert sent == begun
            assert len(await connection.reader.readexactly(1024 * 1024)) == 1024 * 1024
            connection.abort()


async def test_only_permitted_addresses_are_dialled(refusing):
    """Nothing listens at the permitted one: the refused one, where something does, is not tried."""
    called = []

    async def note(reader, writer):
        called.append(writer.get_extra_info("peername"))

    async with serving(note) as port:
        names = Names({"mixed.example": ["127.0.0.1", "127.0.0.2"]})
        given = target(port, "mixed.example", permit=Permit((ip_network("127.0.0.2/32"),)))
        error = await failure(given, environment(names))
        assert error.code is Failure.CONNECT_FAILED
        assert "127.0.0.1" not in error.message
        inside = await failure(target(port, "mixed.example", permit=PUBLIC_ONLY), environment(names))
        assert (inside.code, inside.status) == (Failure.ADDRESS_REFUSED, 502)
        await asyncio.sleep(0.05)
    assert called == []


async def test_an_address_that_was_dialled_is_checked_too():
    async with serving(echo) as port:
        error = await failure(target(port, address="127.0.0.1", permit=PUBLIC_ONLY), environment())
        assert error.code is Failure.ADDRESS_REFUSED
        names = Names()
        connection = await connect(target(port, "any.example", address="127.0.0.1"), environment(names))
        assert names.asked == []
        await finish(connection)


async def test_the_next_address_is_tried_when_one_fails():
    async with serving(echo) as port:
        names = Names({"two.example": ["127.0.0.9", "127.0.0.1"]})
        connection = await connect(target(port, "two.example"), environment(names))
        assert connection.peername == ("127.0.0.1", port)
        await finish(connection)


async def test_the_next_family_is_tried_when_one_fails():
    async with serving(echo) as port:
        connection = await connect(
            target(port, "two.example"), environment(Names({"two.example": ["::1", "127.0.0.1"]}))
        )
        assert connection.peername == ("127.0.0.1", port)
        await finish(connection)


async def test_ipv6_is_dialled():
    async with serving(echo, host="::1") as port:
        connection = await connect(target(port), environment(Names({"good.example": ["::1"]})))
        assert connection.peername[0] == "::1"
        await finish(connection)


async def test_an_endpoint_that_fails_is_followed_by_another():
    async with serving(echo) as port:
        endpoints = (Endpoint("gone.example", port), Endpoint("127.0.0.9", port), Endpoint("127.0.0.1", port))
        for _ in range(5):
            connection = await connect(target(1, endpoints=endpoints), environment(Names()))
            assert connection.peername == ("127.0.0.1", port)
            await finish(connection)


async def test_a_name_that_is_not_known_is_told():
    error = await failure(target(443, "none.example"), environment(Names()))
    assert (error.code, error.status) == (Failure.RESOLVE_FAILED, 503)
    assert "none.example cannot be resolved: name or service not known" in error.message
    assert list(error.taken) == ["resolve"]


async def test_a_refused_connection_is_told(refusing):
    error = await failure(target(refusing), environment())
    assert (error.code, error.status) == (Failure.CONNECT_FAILED, 503)
    assert f"127.0.0.1:{refusing} cannot be connected to" in error.message
    assert list(error.taken) == ["resolve", "connect"]


async def test_a_server_that_does_not_answer_is_given_up(hole):
    error = await failure(target(hole, connect_timeout=0.1), environment())
    assert (error.code, error.status) == (Failure.CONNECT_TIMEOUT, 503)


async def test_the_whole_has_a_deadline_too(hole):
    error = await failure(target(hole, connect_timeout=60), environment(timeouts=BRIEF))
    assert (error.code, error.status) == (Failure.CONNECT_TIMEOUT, 503)
    assert "within 0.3 s" in error.message
    assert error.taken["connect"] >= 0.2


async def silent(reader, writer):
    await asyncio.sleep(60)


async def test_a_handshake_that_does_not_end_is_given_up(ca, descriptors):
    gate = environment(timeouts=BRIEF)
    await gate.identities.get(UpstreamTLS(ca=ca.path), ())
    async with serving(silent) as port:
        error = await failure(target(port, tls=UpstreamTLS(ca=ca.path)), gate)
        assert (error.code, error.status) == (Failure.CONNECT_TIMEOUT, 503)
        assert "TLS handshake" in error.message
        assert error.taken["tls"] >= 0.1
        assert not error.unproven


async def test_an_untrusted_server_is_told_from_one_that_shakes_no_hands(evil, ca):
    tls = UpstreamTLS(ca=ca.path)
    async with serving(echo, server_context(evil)) as port, serving(echo) as plain:
        untrusted, mute = (
            await failure(target(port, tls=tls), environment()),
            await failure(target(plain, tls=tls), environment(timeouts=BRIEF)),
        )
    assert (untrusted.unproven, mute.unproven) == (True, False)
    assert untrusted.peername == ("127.0.0.1", port)


async def opened(port: int, tls: UpstreamTLS | None, gate):
    connection = await connect(target(port, tls=tls, connect_timeout=60), gate)
    connection.abort()


@pytest.mark.parametrize("delay", [0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05])
@pytest.mark.parametrize("secured", [False, True])
async def test_cancelled_at_any_time_nothing_stays_open(good, ca, descriptors, delay, secured):
    gate = environment(Names({"good.example": ["::1", "127.0.0.1", "127.0.0.9"]}))
    tls = UpstreamTLS(ca=ca.path) if secured else None
    async with serving(echo, server_context(good) if secured else None) as port:
        await opened(port, tls, gate)
        descriptors.mark()
        for _ in range(5):
            task = asyncio.create_task(opened(port, tls, gate))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert await descriptors.settle() <= 0


async def test_cancelled_while_dialling_nothing_stays_open(hole, descriptors):
    gate = environment(Names({"good.example": ["127.0.0.1", "127.0.0.1"]}))
    for _ in range(5):
        task = asyncio.create_task(opened(hole, None, gate))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await descriptors.settle() <= 0


async def test_cancelled_in_the_handshake_nothing_stays_open(ca, descriptors):
    gate = environment()
    await gate.identities.get(UpstreamTLS(ca=ca.path), ())
    async with serving(silent) as port:
        descriptors.mark()
        task = asyncio.create_task(opened(port, UpstreamTLS(ca=ca.path), gate))
        await asyncio.sleep(0.05)
        assert descriptors.count() - descriptors.before == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await descriptors.settle(1) == 1  # the server's side, which sleeps on


async def test_failures_leave_nothing_open(evil, ca, refusing, descriptors):
    gate = environment()
    tls = UpstreamTLS(ca=ca.path)
    await gate.identities.get(tls, ())
    async with serving(echo, server_context(evil)) as port:
        descriptors.mark()
        for _ in range(3):
            await failure(target(port, tls=tls), gate)
            await failure(target(refusing, tls=tls), gate)
        assert await descriptors.settle() <= 0


async def test_the_gate_does_not_dial_itself():
    async with serving(echo) as port:
        for given in (target(port), target(port, address="127.0.0.1"), target(port, address="127.0.0.7")):
            error = await failure(given, environment(own_ports=frozenset({port})))
            assert error.code is Failure.ADDRESS_REFUSED
            assert "is the gate itself" in error.message
        connection = await connect(target(port), environment(own_ports=frozenset({port + 1})))
        await finish(connection)


async def test_the_key_is_the_one_that_a_pool_would_be_asked_for(good, ca, client):
    tls = UpstreamTLS(ca=ca.path, client_certificate=client.certificate, private_key=client.key)
    gate = environment()
    async with serving(echo, server_context(good)) as port:
        connection = await connect(target(port, tls=tls), gate)
        assert connection.key == await key_of(target(port, tls=tls), gate)
        await finish(connection)


async def test_whatever_says_who_is_who_is_part_of_the_key(ca, client):
    tls = UpstreamTLS(ca=ca.path)
    mutual = UpstreamTLS(ca=ca.path, client_certificate=client.certificate, private_key=client.key)
    gate = environment()
    base = {"port": 443, "tls": tls, "alpn": ("http/1.1",)}
    others = [
        {"key": "other"},
        {"host": "other.example"},
        {"port": 8443},
        {"tls": None},
        {"tls": mutual},
        {"tls": UpstreamTLS(ca=ca.path, sni="other.example")},
        {"tls": UpstreamTLS(ca=ca.path, pins=("00",))},
        {"tls": UpstreamTLS(ca=ca.path, minimum_version="TLSv1.3")},
        {"alpn": ("h2",)},
        {"generation": "g2"},
        {"address": "127.0.0.1"},
    ]
    keys = {await key_of(target(**{**base, **other}), gate) for other in [{}, *others]}
    assert len(keys) == len(others) + 1


async def test_without_descriptors_there_is_an_error_and_no_crash(monkeypatch):
    def none_left(*given):
        raise OSError(24, "Too many open files")

    gate = environment()
    await gate.resolver.addresses("good.example", target(1).permit)
    monkeypatch.setattr("outgate.upstream.dial.socket.socket", none_left)
    error = await failure(target(443), gate)
    assert error.code is Failure.CONNECT_FAILED
    assert "Too many open files" in error.message
