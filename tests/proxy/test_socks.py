"""SOCKS5 with the workload: what it asks for is read exactly, and what is not offered is refused."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.proxy.socks import SocksError, accept
from proxy.wires import LIMIT, connected, drip, is_watched

HELLO = b"\x05\x01\x00"
WELCOME = b"\x05\x00"
GRANTED = b"\x05\x00\x00\x01" + bytes(6)


def named(host: bytes, port: int = 443) -> bytes:
    return b"\x05\x01\x00\x03" + bytes([len(host)]) + host + port.to_bytes(2, "big")


REQUESTS = [
    (named(b"api.example"), ("api.example", 443)),
    (named(b"API.example.", 8080), ("API.example.", 8080)),
    (named(b""), ("", 443)),
    (named(b"\xff\x00:]"), ("\udcff\x00:]", 443)),
    (named("b\u00fccher.example".encode()), ("b\u00fccher.example", 443)),
    (named(b"a" * 255, 65535), ("a" * 255, 65535)),
    (b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50", ("192.0.2.1", 80)),
    (b"\x05\x01\x00\x04" + bytes.fromhex("20010db8") + bytes(11) + b"\x01\x00\x00", ("2001:db8::1", 0)),
]


@pytest.fixture
def pair():
    with connected() as made:
        yield made


def anything(host: str, port: int) -> bool:
    return True


async def told(client: socket.socket, count: int) -> bytes:
    """So many bytes, or what comes before the end."""
    return await asyncio.to_thread(take, client, count)


def take(client: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count and (data := client.recv(count - len(got))):
        got += data
    return got


@pytest.mark.parametrize(("request_", "target"), REQUESTS, ids=lambda one: ascii(one)[:30])
@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_a_target_is_read_as_it_was_sent_and_what_follows_is_left(pair, request_, target, size):
    client, sock = pair
    accepting = asyncio.create_task(accept(sock, anything, LIMIT))
    await drip(client, HELLO, size)
    assert await told(client, 2) == WELCOME
    await drip(client, request_ + b"GET / HTTP/1.1\r\n", size)
    assert await accepting == target
    assert await told(client, 10) == GRANTED
    assert sock.recv(100).startswith(b"G")
    assert not is_watched(sock)


async def test_a_client_that_does_not_wait_for_answers_is_served(pair):
    client, sock = pair
    client.sendall(HELLO + REQUESTS[0][0] + b"rest")
    assert await accept(sock, anything, LIMIT) == REQUESTS[0][1]
    assert await told(client, 12) == WELCOME + GRANTED
    assert sock.recv(100) == b"rest"


async def test_one_of_several_methods_is_enough(pair):
    client, sock = pair
    client.sendall(b"\x05\x03\x02\x00\x01" + REQUESTS[0][0])
    assert await accept(sock, anything, LIMIT) == REQUESTS[0][1]


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"\x04\x01\x00\x50\xc0\x00\x02\x01\x00", b""),
        (b"GET / HTTP/1.1\r\n\r\n", b""),
        (b"\x16\x03\x01\x02\x00", b""),
        (b"\x05\x00", b"\x05\xff"),
        (b"\x05\x02\x01\x02", b"\x05\xff"),
        (HELLO + b"\x05\x02\x00\x01" + bytes(6), WELCOME + b"\x05\x07\x00\x01" + bytes(6)),
        (HELLO + b"\x05\x03\x00\x01" + bytes(6), WELCOME + b"\x05\x07\x00\x01" + bytes(6)),
        (HELLO + b"\x04\x01\x00\x01" + bytes(6), WELCOME + b"\x05\x07\x00\x01" + bytes(6)),
        (HELLO + b"\x05\x01\x00\x02" + bytes(6), WELCOME + b"\x05\x08\x00\x01" + bytes(6)),
    ],
    ids=ascii,
)
async def test_what_is_not_offered_is_refused_with_its_answer(pair, sent, answer):
    client, sock = pair
    client.sendall(sent)
    with pytest.raises(SocksError):
        await accept(sock, anything, LIMIT)
    sock.shutdown(socket.SHUT_WR)
    assert await told(client, 100) == answer


async def test_a_target_that_may_not_be_reached_is_refused_and_asked_about_once(pair):
    client, sock = pair
    asked = []

    def forbidden(host, port):
        asked.append((host, port))
        return False

    client.sendall(HELLO + REQUESTS[0][0])
    with pytest.raises(SocksError, match="not registered"):
        await accept(sock, forbidden, LIMIT)
    sock.shutdown(socket.SHUT_WR)
    assert await told(client, 100) == WELCOME + b"\x05\x02\x00\x01" + bytes(6)
    assert asked == [("api.example", 443)]


async def test_whatever_the_asked_raises_grants_nothing(pair):
    client, sock = pair

    def fails(host, port):
        raise RuntimeError("deliberate")

    client.sendall(HELLO + REQUESTS[0][0])
    with pytest.raises(RuntimeError, match="deliberate"):
        await accept(sock, fails, LIMIT)
    sock.shutdown(socket.SHUT_WR)
    assert await told(client, 100) == WELCOME


@pytest.mark.parametrize("cut", range(len(HELLO + REQUESTS[0][0])))
async def test_one_who_leaves_during_the_handshake_is_told_from_one_who_stays(pair, cut):
    client, sock = pair
    client.sendall((HELLO + REQUESTS[0][0])[:cut])
    client.shutdown(socket.SHUT_WR)
    with pytest.raises(SocksError, match="left"):
        await accept(sock, anything, LIMIT)


@pytest.mark.parametrize("cut", [0, 1, 5, 12])
async def test_a_stall_runs_out_of_time(pair, cut):
    client, sock = pair
    client.sendall((HELLO + REQUESTS[0][0])[:cut])
    with pytest.raises(TimeoutError):
        await accept(sock, anything, 0.05)
    assert not is_watched(sock)


async def handshake(data: bytes) -> tuple[str, int] | None:
    """The target that some bytes ask for; None where they are refused."""
    left, right = socket.socketpair()
    with left, right:
        right.setblocking(False)
        left.sendall(data)
        left.shutdown(socket.SHUT_WR)
        try:
            return await accept(right, anything, LIMIT)
        except SocksError:
            return None


@given(
    st.one_of(
        st.binary(max_size=40),
        st.binary(max_size=40).map(lambda rest: HELLO + rest),
        st.binary(max_size=40).map(lambda rest: HELLO + b"\x05\x01\x00" + rest),
    )
)
def test_any_bytes_are_a_target_or_refused(data):
    target = asyncio.run(handshake(data))
    assert target is None or (isinstance(target[0], str) and 0 <= target[1] <= 65535)


@given(st.sampled_from(REQUESTS), st.data())
def test_a_part_of_a_handshake_is_never_a_target(request, data):
    whole = HELLO + request[0]
    assert asyncio.run(handshake(whole)) == request[1]
    assert asyncio.run(handshake(whole[: data.draw(st.integers(0, len(whole) - 1))])) is None
