"""One connected socket out of several places, and none left open."""

import asyncio
import errno
import socket
import time

import pytest

from outgate.upstream import dial as dial_module
from outgate.upstream.dial import dial, is_own, shown
from outgate.upstream.errors import Failure, UpstreamError
from upstream.origins import echo, serving


async def test_a_socket_is_connected_at_once_and_does_not_block():
    async with serving(echo) as port:
        with await dial([("127.0.0.1", port)], 2) as made:
            assert made.getpeername() == ("127.0.0.1", port)
            assert made.getblocking() is False
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class Slow:
    """Stands in for connecting: each address takes its time, or fails after it."""

    def __init__(self, monkeypatch, times: dict[str, float], failing: tuple[str, ...] = ()) -> None:
        self.times, self.failing, self.begun, self.made = times, failing, [], []
        monkeypatch.setattr("outgate.upstream.dial._attempt", self)

    async def __call__(self, place, limit):
        self.begun.append(place[0])
        await asyncio.sleep(self.times[place[0]])
        if place[0] in self.failing:
            raise UpstreamError(Failure.CONNECT_FAILED, place[0])
        made = socket.socket()
        self.made.append((place[0], made))
        return made


async def test_an_address_that_takes_long_is_given_company(monkeypatch):
    slow = Slow(monkeypatch, {"a": 5, "b": 0.01, "c": 0})
    with await dial([("a", 1), ("b", 1), ("c", 1)], 10, stagger=0.05) as made:
        assert slow.begun == ["a", "b"]
        assert slow.made == [("b", made)]


async def test_an_address_that_fails_is_followed_at_once(monkeypatch):
    slow = Slow(monkeypatch, {"a": 0, "b": 0}, failing=("a",))
    async with asyncio.timeout(5):
        with await dial([("a", 1), ("b", 1)], 10, stagger=60):
            assert slow.begun == ["a", "b"]


async def test_of_two_that_arrive_together_one_is_closed(monkeypatch):
    slow = Slow(monkeypatch, {"a": 0.1, "b": 0.05})
    loop = asyncio.get_running_loop()
    task = loop.create_task(dial([("a", 1), ("b", 1)], 10, stagger=0.05))
    await asyncio.sleep(0.06)
    time.sleep(0.1)  # noqa: ASYNC251 - both timers are due before the loop looks again
    with await task as kept:
        await asyncio.sleep(0)
        assert len(slow.made) == 2
        assert [made.fileno() for _, made in slow.made if made is not kept] == [-1]


@pytest.mark.parametrize("code", [errno.ENOPROTOOPT, errno.EACCES])
async def test_where_the_port_is_what_is_refused_another_is_tried(monkeypatch, code):
    """The rules of the redirect say so; the network says something else of what is nowhere."""
    loop, tried = asyncio.get_running_loop(), []

    async def connect(made, place):
        tried.append(place)
        if len(tried) < dial_module.PORTS:
            raise OSError(code if place[0] == "127.0.0.1" else errno.EHOSTUNREACH, "refused")

    monkeypatch.setattr(loop, "sock_connect", connect)
    (await dial([("127.0.0.1", 1)], 2)).close()
    assert len(tried) == dial_module.PORTS
    tried.clear()
    with pytest.raises(UpstreamError):
        await dial([("127.0.0.2", 1)], 2)
    assert len(tried) == 1


async def test_every_failure_is_told(monkeypatch):
    Slow(monkeypatch, dict.fromkeys("abcdef", 0), failing=tuple("abcdef"))
    with pytest.raises(UpstreamError, match="a; b; c; d and 2 more") as error:
        await dial([(name, 1) for name in "abcdef"], 1)
    assert error.value.code is Failure.CONNECT_FAILED


async def test_no_place_is_a_failure():
    with pytest.raises(UpstreamError, match="no address to dial"):
        await dial([], 1)


def test_the_machines_own_addresses_are_known():
    ports = frozenset({15001})
    assert is_own(("127.0.0.1", 15001), ports)
    assert is_own(("127.0.0.77", 15001), ports)
    assert is_own(("::1", 15001), ports)
    assert is_own(("::ffff:127.0.0.1", 15001), ports)
    assert not is_own(("127.0.0.1", 15002), ports)
    assert not is_own(("203.0.113.9", 15001), ports)


def test_places_are_written_as_in_a_url():
    assert (shown(("127.0.0.1", 80)), shown(("::1", 80))) == ("127.0.0.1:80", "[::1]:80")
