"""What a workload or an origin can use up has a bound that can be set, and each time that it holds is counted."""

import asyncio
import socket

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes

from e2e.http2_client import Client, request
from outgate.proxy.http2 import SPELL, Resets
from proxy.gates import gate, origin, to
from proxy.wires import LIMIT, until

HEAD = b"GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\n"
POST = b"POST http://api.example/ HTTP/1.1\r\nHost: api.example\r\nContent-Length: 10\r\n\r\n12345"


async def said(running, data: bytes) -> bytes:
    """Everything that comes back for some bytes until the gate ends the connection."""
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write(data)
    try:
        async with asyncio.timeout(LIMIT):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def speaking(running, work):
    """What `work` gives, which is done with an HTTP/2 client in a thread."""

    def run():
        with socket.create_connection(running.address, LIMIT) as made:
            return work(Client(made))

    return await asyncio.to_thread(run)


def fields(count: int) -> bytes:
    return b"".join(b"x-%d: 1\r\n" % number for number in range(count))


# Heads.


async def test_fields_of_a_request_are_bounded_in_number(authority):
    async with origin() as far, gate(authority, to("api.example", 80, far.port), header_fields=20) as running:
        assert b" 200 " in await said(running, HEAD + fields(18) + b"Connection: close\r\n\r\n")
        assert (await said(running, HEAD + fields(20) + b"\r\n")).startswith(b"HTTP/1.1 431")
        assert running.counts["header_fields"] == 1
        assert far.connections == 1
        line = (await running.lines(2))[1]
        assert (line["code"], line["status"]) == ("request_malformed", 431)


async def test_fields_of_a_stream_are_bounded_in_number_and_the_others_go_on(authority):
    many = request("api.example") + [(f"x-{number}", "1") for number in range(21)]
    async with origin() as far, gate(authority, to("api.example", 80, far.port), header_fields=20) as running:
        answers = await speaking(running, lambda client: [client.ask(many), client.ask(request("api.example"))])
        assert [answer.status for answer in answers] == [431, 200]
        assert running.counts["header_fields"] == 1


async def test_fields_of_an_answer_are_bounded_in_number(authority):
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n" + fields(20) + b"\r\nok"
    async with origin(answer) as far, gate(authority, to("api.example", 80, far.port), header_fields=20) as running:
        assert (await said(running, HEAD + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 502")
        assert running.counts["header_fields"] == 1


async def test_bytes_of_a_head_are_bounded_and_counted(authority):
    async with gate(authority, header_bytes=1000) as running:
        assert (await said(running, HEAD + b"x: " + b"y" * 1000 + b"\r\n\r\n")).startswith(b"HTTP/1.1 431")
        assert running.counts["header_bytes"] == 1


async def test_bytes_of_an_http2_head_are_bounded(authority):
    async with gate(authority, header_bytes=1000) as running:

        def work(client):
            client.ask([*request("api.example"), ("x", "y" * 2000)])
            return client.gone

        assert await speaking(running, work)


# Time.


async def test_a_body_that_does_not_go_on_is_broken_off(authority):
    async with origin() as far, gate(authority, to("api.example", 80, far.port), body_timeout=0.2) as running:
        assert b" 200 " not in await said(running, POST) or running.counts["body_timeout"]
        await until(lambda: running.counts["body_timeout"] == 1)
        assert "did not go on" in (await running.lines())[0]["failure"]


async def test_a_body_that_goes_on_is_not(authority):
    async with origin() as far, gate(authority, to("api.example", 80, far.port), body_timeout=1.0) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(POST)
        for _ in range(5):
            await asyncio.sleep(0.3)
            writer.write(b"x")
        async with asyncio.timeout(LIMIT):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert running.counts["body_timeout"] == 0
        writer.close()


async def test_silence_between_requests_is_none_of_a_body(authority):
    async with origin() as far, gate(authority, to("api.example", 80, far.port), body_timeout=0.1) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        for _ in range(2):
            writer.write(POST + b"67890")
            async with asyncio.timeout(LIMIT):
                assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.3)
        assert running.counts["body_timeout"] == 0
        writer.close()


async def test_a_connection_that_is_idle_too_long_is_counted(authority):
    async with gate(authority, idle_timeout=0.2, head_timeout=LIMIT) as running:
        assert await said(running, HEAD) == b""
        assert running.counts["idle_timeout"] == 1


# HTTP/2.


async def test_as_many_streams_as_are_set_are_announced_and_served(authority):
    async with gate(authority, streams=3) as running:

        def work(client):
            client.ask(request("other.example"))  # by then the settings have come
            announced = client._h2.remote_settings.max_concurrent_streams
            client._h2.remote_settings.max_concurrent_streams = 100
            client._h2.remote_settings.acknowledge()
            numbers = [client.send(request("other.example", method="POST"), end=False) for _ in range(5)]
            return announced, [client.answer(number).reset for number in numbers]

        announced, resets = await speaking(running, work)
        assert announced == 3
        assert resets.count(int(ErrorCodes.REFUSED_STREAM)) == running.counts["streams_refused"]


@pytest.mark.parametrize("window", [0, 1000, 65535])
async def test_a_connection_window_below_the_protocols_own_is_that(authority, window):
    async with origin() as far, gate(authority, to("api.example", 80, far.port), connection_window=window) as running:
        assert await speaking(running, lambda client: client.ask(request("api.example")).status) == 200


async def test_who_resets_stream_after_stream_is_sent_away(authority):
    async with origin() as far, gate(authority, to("api.example", 80, far.port), stream_resets=20) as running:
        ended = await asyncio.to_thread(rapid_resets, running.address, 40)
        assert ended == int(ErrorCodes.ENHANCE_YOUR_CALM)
        assert running.counts["stream_resets"] == 1
        assert far.connections <= 21


async def test_some_resets_are_nobodys_attack(authority):
    async with origin() as far, gate(authority, to("api.example", 80, far.port), stream_resets=20) as running:
        assert await asyncio.to_thread(rapid_resets, running.address, 20) is None
        assert running.counts["stream_resets"] == 0


def rapid_resets(address: tuple[str, int], count: int) -> int | None:
    """Open and reset so many streams, then ask once more: the error of the goodbye that comes instead of an answer."""
    speaking = H2Connection(H2Configuration())
    speaking.initiate_connection()
    for number in range(1, 2 * count + 1, 2):
        speaking.send_headers(number, request("api.example"), end_stream=True)
        speaking.reset_stream(number, ErrorCodes.CANCEL)
    speaking.send_headers(2 * count + 1, request("other.example"), end_stream=True)
    with socket.create_connection(address, LIMIT) as made:
        made.sendall(speaking.data_to_send())
        while data := made.recv(65536):
            for event in speaking.receive_data(data):
                if hasattr(event, "last_stream_id"):
                    return int(event.error_code)
                if getattr(event, "stream_id", 0) == 2 * count + 1:
                    return None
    raise AssertionError("neither a goodbye nor an answer")


async def test_who_gives_up_what_is_answered_already_floods_nobody(authority):
    async with gate(authority, stream_resets=3) as running:

        def work(client):
            for _ in range(10):
                number = client.send(request("other.example", method="POST"), b"some", end=False)
                assert client.answer(number).status == 502
                client._h2.reset_stream(number, ErrorCodes.CANCEL)
            return client.ask(request("other.example")).status

        assert await speaking(running, work) == 502
        assert running.counts["stream_resets"] == 0


def test_resets_count_within_a_spell_only():
    resets = Resets(2)
    assert [resets.too_many(now) for now in (100, 101, 102)] == [False, False, True]
    assert [resets.too_many(103 + SPELL + step) for step in (0, 1, 2)] == [False, False, True]


# Connections.


@pytest.fixture
async def few(authority):
    """A gate that takes no more than two connections that have not said what they are, and four of one source."""
    async with (
        origin() as far,
        gate(
            authority,
            to("api.example", 80, far.port),
            pending_connections=2,
            source_connections=4,
            head_timeout=LIMIT,
        ) as running,
    ):
        yield running


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether a connection is over before it says anything."""
    async with asyncio.timeout(LIMIT):
        try:
            return await reader.read(1) == b""
        except ConnectionResetError:
            return True


async def test_who_has_been_silent_longest_gives_way(few):
    silent = [await asyncio.open_connection(*few.address) for _ in range(2)]
    await until(lambda: len(few.listener.pending) == 2)
    reader, writer = await asyncio.open_connection(*few.address)
    assert await ended(silent[0][0])
    assert few.counts["pending_dropped"] == 1
    writer.write(HEAD + b"\r\n")
    async with asyncio.timeout(LIMIT):
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert len(few.listener.pending) == 1
    for _, each in [*silent, (None, writer)]:
        each.close()
    await until(lambda: not few.listener.open and not few.listener.pending and not few.listener.sources)


async def test_what_has_spoken_gives_way_to_nobody(few):
    known = [await served(few) for _ in range(4)]
    assert few.counts["pending_dropped"] == 0
    for writer in known:
        writer.close()


async def served(running, **how) -> asyncio.StreamWriter:
    """A connection that has had an answer."""
    reader, writer = await asyncio.open_connection(*running.address, **how)
    writer.write(HEAD + b"\r\n")
    async with asyncio.timeout(LIMIT):
        assert await reader.readuntil(b"ok")
    return writer


async def test_one_source_has_no_more_connections_than_are_set(few):
    known = [await served(few) for _ in range(4)]
    reader, writer = await asyncio.open_connection(*few.address)
    assert await ended(reader)
    assert few.counts["source_refused"] == 1
    other = await served(few, local_addr=("127.0.0.2", 0))
    for each in [*known, writer, other]:
        each.close()


# Caches.


async def test_certificates_are_kept_for_so_many_hosts(authority):
    async with gate(authority, leaf_cache=2) as running:
        for host in ("a.example", "b.example", "c.example"):
            running.engine.plane.leaves.context(host, ())
        assert len(running.engine.plane.leaves) == 2
        assert running.counts["leaves_dropped"] == 1


async def test_addresses_are_kept_for_so_many_names(authority):
    names = ("127.0.0.1.example", "localhost", "nobody.invalid")
    async with gate(authority, dns_cache=1, lookups=1) as running:
        resolver = running.engine.plane.environment.resolver
        flights = [asyncio.create_task(resolver._answer(name)) for name in names[:2]]
        refused = await asyncio.gather(*flights, return_exceptions=True)
        assert [type(one).__name__ for one in refused].count("UpstreamError") == 1
        assert running.counts["lookups_refused"] == 1
        await resolver._answer(names[1])
        assert running.counts["dns_dropped"] == 1
        assert len(resolver._answers) == 1
