"""Handing over never waits, what waits is bounded, what is lost is counted, and an end comes in time."""

import logging
import threading
import time

import pytest

from outgate.telemetry.outbox import TOLD, Bounds, Outbox, Telling
from outgate.telemetry.pulse import Pulse
from telemetry.receiver import until


class Sender:
    """Takes what it is given, unless it is held or told to fail."""

    def __init__(self) -> None:
        self.batches, self.closed = [], threading.Event()
        self.free = threading.Event()
        self.free.set()
        self.failing = False

    def send(self, batch):
        self.free.wait(30)
        if self.failing:
            raise OSError("nobody there")
        self.batches.append(list(batch))

    def close(self) -> None:
        self.closed.set()
        self.free.set()

    @property
    def items(self):
        return [item for batch in self.batches for item in batch]


@pytest.fixture
def sender():
    made = Sender()
    yield made
    made.close()


def outbox(sender, **bounds) -> Outbox:
    made = Outbox("things", lambda: sender, Bounds(**({"delay": 0.01} | bounds)))
    made.start()
    return made


def end(box, timeout=5.0) -> None:
    box.close()
    box.join(timeout)


def test_everything_arrives_in_order_and_in_batches(sender):
    box = outbox(sender, batch=10)
    assert all(box.put(number) for number in range(95))
    until(lambda: box.sent == 95)
    end(box)
    assert sender.items == list(range(95))
    assert max(map(len, sender.batches)) <= 10
    assert (box.dropped, len(box)) == (0, 0)
    assert sender.closed.is_set()


def test_what_waits_is_sent_at_the_end(sender):
    box = outbox(sender, delay=3600)
    box.put("late")
    end(box)
    assert sender.items == ["late"]


def test_a_full_batch_does_not_wait_for_company(sender):
    box = outbox(sender, delay=3600, batch=5)
    for number in range(5):
        box.put(number)
    until(lambda: box.sent == 5)
    end(box)


def test_what_makes_no_full_batch_waits_for_company_while_others_leave(sender):
    box = outbox(sender, delay=3600, batch=5)
    for number in range(12):
        box.put(number)
    until(lambda: box.sent == 10)
    assert list(map(len, sender.batches)) == [5, 5]
    end(box)
    assert sender.items == list(range(12))


def test_what_is_too_much_is_dropped_and_counted(sender):
    sender.free.clear()
    box = outbox(sender, waiting=50, batch=10)
    taken = sum(box.put(number) for number in range(1000))
    assert len(box) <= 50
    assert box.dropped == 1000 - taken
    sender.free.set()
    end(box)
    assert box.sent == taken


def test_bytes_are_bounded_as_well(sender):
    sender.free.clear()
    box = outbox(sender, bytes=1000, batch=1)
    assert sum(box.put("x", 300) for _ in range(20)) <= 4
    sender.free.set()
    until(lambda: len(box) == 0)
    assert box.put("y", 300)
    end(box)


def test_something_larger_than_all_room_is_dropped(sender):
    box = outbox(sender, bytes=1000)
    assert not box.put("x", 1001)
    end(box)
    assert box.dropped == 1


def test_what_cannot_be_sent_is_counted_and_what_comes_later_is_sent(sender):
    sender.failing = True
    box = outbox(sender)
    box.put("lost")
    until(lambda: box.failed == 1)
    sender.failing = False
    box.put("kept")
    until(lambda: box.sent == 1)
    end(box)
    assert (sender.items, box.dropped) == (["kept"], 1)


def test_a_sender_that_cannot_be_made_loses_everything_and_ends(caplog):
    def connect():
        raise OSError("no such certificate")

    box = Outbox("things", connect, Bounds(delay=0.01))
    box.start()
    box.put("lost")
    until(lambda: box.failed == 1)
    end(box)
    assert "no such certificate" in caplog.text


def test_the_end_does_not_wait_for_a_sender_that_hangs(sender):
    sender.free.clear()
    box = outbox(sender, batch=2)
    for number in range(10):
        box.put(number)
    until(lambda: len(box) == 8)
    box.close()
    box.join(0.05)
    assert box.dropped + box.sent >= 8
    assert sender.closed.is_set()
    until(lambda: not box._thread.is_alive())
    assert box.dropped + box.sent == 10


def test_at_the_end_a_sender_that_fails_is_not_asked_twice(sender):
    sender.failing = True
    box = outbox(sender, batch=1, delay=3600)
    box._waiting.extend((number, 0) for number in range(10))
    end(box)
    assert (box.failed, box.dropped) == (1, 10)


def test_after_the_end_nothing_is_taken(sender):
    box = outbox(sender)
    end(box)
    assert not box.put("late")
    assert box.dropped == 1


def test_an_outbox_that_was_never_started_ends_and_counts(sender):
    box = Outbox("things", lambda: sender)
    box.put("x")
    end(box)
    assert box.dropped == 1


def test_it_is_told_once_that_sending_fails_and_once_that_it_works(caplog):
    now = [0.0]
    telling = Telling("spans", lambda: now[0])
    for _ in range(5):
        telling.failed(OSError("nobody there"))
        now[0] += 1
    telling.worked()
    telling.worked()
    telling.failed(OSError("again"))
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    now[0] += TOLD
    telling.failed(OSError("again"))
    assert caplog.records[-1].getMessage() == "spans cannot be exported, they are dropped and counted: again"


# At intervals.


def test_a_pulse_sends_what_stands_and_once_more_at_the_end(sender):
    number = iter(range(1000))
    pulse = Pulse("metrics", lambda: sender, lambda: next(number), 0.01)
    pulse.start()
    until(lambda: pulse.sent >= 3)
    before = pulse.sent
    pulse.close()
    pulse.join(5)
    assert pulse.sent > before
    assert sender.items == list(range(pulse.sent))
    assert sender.closed.is_set()


def test_a_pulse_outlives_what_fails(sender):
    sender.failing = True
    tries = []

    def connect():
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not yet")
        return sender

    pulse = Pulse("metrics", connect, lambda: "data", 0.01)
    pulse.start()
    until(lambda: pulse.failed >= 3)
    sender.failing = False
    until(lambda: pulse.sent)
    pulse.close()
    pulse.join(5)


def test_a_pulse_is_connected_before_it_has_anything_to_send(sender):
    made = []
    pulse = Pulse("metrics", lambda: made.append(1) or sender, lambda: "data", 3600)
    pulse.start()
    until(lambda: made)
    pulse.close()
    pulse.join(5)
    assert (made, pulse.sent) == ([1], 1)


def test_a_pulse_that_hangs_ends_in_time(sender):
    sender.free.clear()
    pulse = Pulse("metrics", lambda: sender, lambda: "data", 0.01)
    pulse.start()
    until(lambda: pulse._sender is not None)
    pulse.close()
    began = time.monotonic()
    pulse.join(0.1)
    assert time.monotonic() - began < 5
    assert sender.closed.is_set()


def test_a_pulse_that_was_never_started_ends():
    pulse = Pulse("metrics", Sender, lambda: "data", 1)
    pulse.close()
    pulse.join(1)
