"""What is taken down is bounded: a body, its times, messages, and all of it together."""

import pytest

from outgate.proxy import taps
from outgate.proxy.taps import CHUNK_COST, CHUNKS, MESSAGE_COST, MESSAGES, Half, Room, Tap


@pytest.fixture
def clock(monkeypatch):
    """One second later each time it is asked."""
    now = iter(range(10_000))
    monkeypatch.setattr(taps.time, "time", lambda: float(next(now)))


def test_a_body_with_its_times(clock):
    half = Half(100, Room(1000), 0.0)
    for piece in (b"ab", b"c"):
        half.take(piece)
    assert (bytes(half.content), half.size, half.chunks) == (b"abc", 3, [(0.0, 2), (1.0, 1)])
    assert half.room.held == half.held == 3 + 2 * CHUNK_COST


def test_what_is_too_large_is_counted_and_frees_its_room():
    half = Half(3, Room(1000), 0.0)
    for _ in range(3):
        half.take(b"ab")
    assert (half.missing, half.size, bytes(half.content), half.room.held) == ("too_large", 6, b"", 0)


def test_what_there_is_no_room_for_is_lost_whole_and_others_have_theirs():
    room = Room(2 * CHUNK_COST + 10)
    first, second = (Half(1000, room, 0.0) for _ in range(2))
    first.take(b"a" * 8)
    second.take(b"a" * 8)
    assert (first.lost, second.lost) == (False, True)
    assert (second.missing, room.held) == ("", CHUNK_COST + 8)


def test_late_pieces_count_as_part_of_the_last_one(clock):
    half = Half(10_000, Room(10**9), 0.0)
    for _ in range(CHUNKS + 10):
        half.take(b"ab")
    assert len(half.chunks) == CHUNKS
    assert half.chunks[-1] == (CHUNKS - 1.0, 22)
    assert sum(size for _, size in half.chunks) == half.size == len(half.content)


@pytest.mark.parametrize(("most", "kept"), [(10**9, MESSAGES), (5 * MESSAGE_COST + 5, 5)])
def test_so_many_messages_and_so_many_bytes_of_them(most, kept):
    tap = Tap(0.0, 0.5, most, Room(10**9))
    for _ in range(MESSAGES + 1):
        tap.message(b"a", from_client=True, text=True)
    assert len(tap.messages) == kept
    assert tap.cut


def test_all_room_is_given_back():
    tap = Tap(0.0, 0.5, 10_000, Room(10_000))
    tap.request.take(b"abc")
    tap.response.take(b"abc")
    tap.message(b"a", from_client=True, text=True)
    assert tap.room.held == tap.size > 0
    tap.give_back()
    tap.give_back()
    assert (tap.room.held, tap.size) == (0, 0)
