"""The first bytes are looked at and left: in few segments or many, with an end or a stall behind, never busily."""

import asyncio
import socket

import pytest

from outgate.proxy.classify import Speech
from outgate.proxy.hello import MAX_HELLO, MalformedHello
from outgate.proxy.peek import MAX_PEEK, RETRY, Gone, first_bytes, peek_until
from proxy.openings import PREFACE, REQUEST, Hello, client_hello, recut
from proxy.wires import LIMIT, arrived, connected, drip, is_watched, reset, unread

TLS = client_hello(Hello("api.example", ("h2",)))
SHORT = 0.2
"""Seconds, for what is to run out."""


def start(given: bytes | Speech) -> str:
    """A test's name that is the same in every run: TLS is random from its twelfth byte on."""
    return ascii(given[:9]) if isinstance(given, bytes) else str(given)


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["v4", "v6"])
def ends(request):
    with connected(request.param) as pair:
        yield pair


@pytest.fixture
def pair():
    with connected() as made:
        yield made


def low_water(sock) -> int:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


@pytest.mark.parametrize(
    ("data", "speech"),
    [
        (REQUEST, Speech.HTTP1),
        (b"\r\n" + REQUEST, Speech.HTTP1),
        (b"PUT / HTTP/1.0\n\n", Speech.HTTP1),
        (PREFACE, Speech.HTTP2),
        (TLS, Speech.TLS),
        (recut(TLS, [1, 2, 40]), Speech.TLS),
        (b"EHLO mail.example\r\n", Speech.OTHER),
        (b"\x16\x02 is no TLS", Speech.OTHER),
    ],
    ids=start,
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_speech_is_told_however_it_is_cut_into_segments_and_nothing_is_read(ends, data, speech, size):
    client, sock = ends
    sending = asyncio.create_task(drip(client, data, size))
    opening = await first_bytes(sock, LIMIT)
    await sending
    assert opening.speech is speech
    await arrived(sock, len(data))
    assert sock.recv(len(data)) == data
    assert low_water(sock) == 1
    assert not is_watched(sock)


async def test_the_hello_comes_with_it(pair):
    client, sock = pair
    client.sendall(TLS)
    assert (await first_bytes(sock, LIMIT)).hello.sni == "api.example"


async def test_a_request_that_came_whole_and_then_an_end_is_served(pair):
    client, sock = pair
    client.sendall(REQUEST)
    client.shutdown(socket.SHUT_WR)
    assert (await first_bytes(sock, LIMIT)).speech is Speech.HTTP1
    assert sock.recv(1000) == REQUEST


@pytest.mark.parametrize("data", [b"", b"G", b"GET / HTTP/1.1", b"\r\n", PREFACE[:-1], TLS[:-1]], ids=start)
@pytest.mark.parametrize("end", ["end", "reset"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "while"])
async def test_who_leaves_before_saying_enough_is_gone_and_not_waited_for(ends, data, end, before):
    client, sock = ends

    async def leave() -> None:
        client.sendall(data)
        await arrived(sock, len(data))
        if not before:
            await asyncio.sleep(SHORT)  # the end has to come on its own, after the data was looked at
        reset(client) if end == "reset" else client.shutdown(socket.SHUT_WR)

    leaving = asyncio.create_task(leave())
    if before:
        await leaving
    with pytest.raises(Gone):
        await first_bytes(sock, LIMIT)
    await leaving
    assert sock.looks <= 4
    assert not is_watched(sock)


async def test_silence_is_other_without_one_look(pair):
    _, sock = pair
    assert (await first_bytes(sock, SHORT)).speech is Speech.OTHER
    assert sock.looks == 0
    assert not is_watched(sock)


@pytest.mark.parametrize("data", [b"G", b"\x16", b"P", b"\r", TLS[:-1], b"GET /" + b"a" * 5000], ids=start)
async def test_a_beginning_that_stalls_is_other_after_one_look(pair, data):
    client, sock = pair
    client.sendall(data)
    await arrived(sock, len(data))
    assert (await first_bytes(sock, SHORT)).speech is Speech.OTHER
    assert sock.looks == 1
    assert low_water(sock) == 1
    assert unread(sock) == len(data)


async def test_what_was_too_slow_can_be_looked_at_again(pair):
    client, sock = pair
    client.sendall(b"G")
    assert (await first_bytes(sock, SHORT)).speech is Speech.OTHER
    client.sendall(REQUEST[1:])
    assert (await first_bytes(sock, LIMIT)).speech is Speech.HTTP1


async def test_each_segment_costs_one_look(pair):
    client, sock = pair
    sending = asyncio.create_task(drip(client, REQUEST[:30], 3, pause=0.01))
    await first_bytes(sock, LIMIT)
    await sending
    assert sock.looks <= 10


async def test_a_kernel_that_cannot_hold_more_is_asked_seldom():
    """Where no more bytes fit, the kernel calls the socket readable all the time."""
    with connected(buffer=2048) as (client, sock):
        client.setblocking(False)
        line = b"GET /" + b"a" * 60_000
        sent = 0
        while sent < 50_000:
            try:
                sent += client.send(line[sent:])
            except BlockingIOError:
                break
            await asyncio.sleep(0.001)
        assert (await first_bytes(sock, SHORT)).speech is Speech.OTHER
        assert sock.looks <= SHORT / RETRY + 20


async def test_more_than_is_looked_at_is_judged_by_its_beginning():
    """A request whose body came with it is a request."""
    with connected(buffer=1 << 20) as (client, sock):
        body = bytes(4 * MAX_PEEK)
        client.sendall(REQUEST + body)
        await arrived(sock, MAX_PEEK + 1)
        assert (await first_bytes(sock, LIMIT)).speech is Speech.HTTP1


@pytest.mark.parametrize("length", [MAX_HELLO - 100, MAX_HELLO + 5000])
async def test_a_long_hello_is_waited_for_up_to_its_bound(pair, length):
    client, sock = pair
    message = b"\x01" + length.to_bytes(3, "big") + b"\x03\x03" + bytes(length - 2)
    records = b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part
        for part in (message[at : at + 16384] for at in range(0, len(message), 16384))
    )
    sending = asyncio.create_task(asyncio.to_thread(client.sendall, records))
    if length > MAX_HELLO:
        with pytest.raises(MalformedHello):
            await first_bytes(sock, LIMIT)
    else:
        # All zeros: a version, a random, an empty session, no ciphers, and then what contradicts itself.
        with pytest.raises(MalformedHello, match="contradicts"):
            await first_bytes(sock, LIMIT)
    await sending


async def test_tls_that_cannot_be_read_is_malformed(pair):
    client, sock = pair
    client.sendall(b"\x16\x03\x01\x00\x04\x01\xff\xff\xff")
    with pytest.raises(MalformedHello):
        await first_bytes(sock, LIMIT)
    assert low_water(sock) == 1


async def test_one_that_is_cancelled_leaves_the_loop_as_it_was(pair):
    client, sock = pair
    client.sendall(b"GE")
    looking = asyncio.create_task(first_bytes(sock, LIMIT))
    await arrived(sock, 2)
    await asyncio.sleep(0.01)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert not is_watched(sock)
    assert low_water(sock) == 1


async def test_an_end_is_noticed_where_the_kernel_tells_no_states():
    left, right = socket.socketpair()
    with left, right:
        right.setblocking(False)
        left.sendall(b"GE")
        left.shutdown(socket.SHUT_WR)
        with pytest.raises(Gone):
            await first_bytes(right, LIMIT)


HEAD = b"CONNECT a.example:443 HTTP/1.1\r\nhost: a.example\r\n\r\n"


@pytest.mark.parametrize("size", [1, 9, 1000])
async def test_a_head_is_found_and_left_unread_with_what_follows(pair, size):
    client, sock = pair
    sending = asyncio.create_task(drip(client, HEAD + b"rest", size))
    assert await peek_until(sock, b"\r\n\r\n", 1000, LIMIT) == HEAD
    await sending
    await arrived(sock, len(HEAD) + 4)
    assert sock.recv(1000) == HEAD + b"rest"
    assert low_water(sock) == 1


@pytest.mark.parametrize("most", [len(HEAD) - 1, 20, 1])
@pytest.mark.parametrize("size", [5, 1000])
async def test_a_head_past_its_bound_is_refused_however_it_is_cut(pair, most, size):
    client, sock = pair
    sending = asyncio.create_task(drip(client, HEAD, size))
    with pytest.raises(ValueError, match="within"):
        await peek_until(sock, b"\r\n\r\n", most, LIMIT)
    await sending
    assert low_water(sock) == 1


async def test_a_bound_above_what_is_ever_looked_at_ends_all_the_same():
    with connected(buffer=1 << 20) as (client, sock):
        client.sendall(bytes(2 * MAX_PEEK))
        await arrived(sock, MAX_PEEK)
        with pytest.raises(ValueError, match=str(MAX_PEEK)):
            await peek_until(sock, b"\r\n\r\n", 10 * MAX_PEEK, LIMIT)


async def test_a_head_that_stalls_runs_out_of_time(pair):
    client, sock = pair
    client.sendall(HEAD[:20])
    with pytest.raises(TimeoutError):
        await peek_until(sock, b"\r\n\r\n", 1000, SHORT)
    assert sock.looks <= 1
    assert low_water(sock) == 1


@pytest.mark.parametrize("data", [b"", HEAD[:20]], ids=ascii)
async def test_who_leaves_within_a_head_is_gone(pair, data):
    client, sock = pair
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)
    with pytest.raises(Gone):
        await peek_until(sock, b"\r\n\r\n", 1000, LIMIT)
