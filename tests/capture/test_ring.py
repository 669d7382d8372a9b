"""A ring gives back what was written to it, in order and whole, or refuses it; what is torn is never a frame."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from outgate.capture import ring as rings
from outgate.capture.ring import HEAD, STEP, TAIL, WORDS, Ring, Torn

SIZE = 16 * STEP


def made(size=SIZE):
    return Ring(memoryview(bytearray(8 * WORDS)).cast("Q"), memoryview(bytearray(size)))


def drained(ring):
    at, found = ring.tail, []
    while (frame := ring.read(at)) is not None:
        found.append((frame.kind, bytes(frame.payload)))
        at = frame.end
    ring.leave(ring.head)
    return found


class Model(RuleBasedStateMachine):
    """Against a queue: what fits is there, in order; what is refused changes nothing."""

    def __init__(self):
        super().__init__()
        self.ring, self.queue = made(), deque()

    @rule(kind=st.integers(1, 2**32 - 1), payload=st.binary(max_size=SIZE + STEP))
    def write(self, kind, payload):
        head, tail = self.ring.head, self.ring.tail
        if self.ring.write(kind, payload):
            self.queue.append((kind, payload))
        else:
            assert self.ring.head == head
            assert len(payload) + 2 * STEP > SIZE // 2 - (head - tail) or head != tail

    @precondition(lambda self: self.queue)
    @rule()
    def take(self):
        frame = self.ring.read(self.ring.tail)
        assert (frame.kind, bytes(frame.payload)) == self.queue.popleft()
        self.ring.leave(frame.end)

    @rule()
    def look_ahead(self):
        at = self.ring.tail
        for expected in self.queue:
            frame = self.ring.read(at)
            assert (frame.kind, bytes(frame.payload)) == expected
            at = frame.end
        assert self.ring.read(at) is None

    @invariant()
    def no_more_than_there_is(self):
        assert 0 <= self.ring.head - self.ring.tail <= SIZE


Model.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestModel = Model.TestCase


def test_all_of_an_empty_ring_can_be_taken_and_no_byte_more():
    assert not made().write(1, bytes(SIZE - STEP + 1))
    ring = made()
    assert ring.write(1, bytes(SIZE - STEP))
    assert not ring.write(1, b"")
    assert drained(ring) == [(1, bytes(SIZE - STEP))]
    assert ring.write(1, b"")


def test_what_does_not_fit_at_the_end_begins_at_the_front():
    ring = made()
    for _ in range(3):
        assert ring.write(1, b"a" * 5 * STEP)
        drained(ring)
    assert ring.head > SIZE
    assert ring.write(2, b"b" * 9 * STEP)
    assert drained(ring) == [(2, b"b" * 9 * STEP)]


def test_an_empty_ring_begins_at_its_front_again(monkeypatch):
    """So that it takes no more memory than ever waited."""
    monkeypatch.setattr(rings, "FRONT", 4 * STEP)
    ring = made()
    for number in range(20):
        assert ring.write(1, b"%d" % number * STEP)
        assert ring.head % SIZE <= 7 * STEP
        assert drained(ring) == [(1, b"%d" % number * STEP)]


@given(st.integers(0, 3 * STEP - 1), st.integers(1, 255), st.binary(min_size=STEP, max_size=2 * STEP))
@settings(max_examples=150, deadline=None)
def test_a_changed_byte_is_no_frame(place, change, payload):
    ring = made()
    assert ring.write(7, payload)
    ring.data[place] ^= change
    try:
        frame = ring.read(0)
    except Torn:
        return
    assert place >= STEP + len(payload) or 12 <= place < STEP, "only what no frame uses"
    assert bytes(frame.payload) == payload


def test_what_an_earlier_frame_left_is_none():
    """A position that is seen before the frame it leads past."""
    ring = made(4 * STEP)
    for _ in range(2):
        ring.write(1, b"x")
        ring.leave(ring.head)
    ring.words[HEAD] += 2 * STEP
    with pytest.raises(Torn):
        ring.read(ring.words[TAIL])
