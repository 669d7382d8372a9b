"""Lines are written in order by a thread, whoever stalls or fails stops nobody, and what is lost is counted."""

import errno
import os
import threading
import time

import pytest

from outgate.telemetry import sinks
from outgate.telemetry.sinks import StreamSink, within
from outgate.telemetry.turn import Turn

LIMIT = 10.0


def line(number):
    return b"%60d\n" % number


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.001)


class Stalled:
    """A stream that takes nothing before it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = threading.Event()
        self.text = b""

    def write(self, data: bytes) -> int:
        self.entered.set()
        self.go.wait(LIMIT)
        self.text += data
        return len(data)

    def flush(self) -> None:
        pass


def test_lines_are_written_in_order_and_before_it_is_closed():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as out, os.fdopen(writing, "wb") as into:
        log = StreamSink(into)
        for port in range(1, 301):
            log.put(line(port))
        log.close()
        into.close()
        assert [int(line) for line in out] == list(range(1, 301))
        assert (log.written, log.dropped) == (300, 0)
        assert not log.thread.is_alive()


def test_a_line_is_written_without_waiting_for_another():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as out, os.fdopen(writing, "wb") as into:
        log = StreamSink(into)
        for port in (1, 2, 3):
            log.put(line(port))
            assert int(out.readline()) == port
        log.close()


def test_a_reader_that_stalls_stops_nobody_and_what_is_too_much_is_counted(monkeypatch):
    monkeypatch.setattr(sinks, "MAX_WAITING", 4096)
    stream = Stalled()
    log = StreamSink(stream)
    for port in range(1, 1001):
        log.put(line(port))
    assert log.refused > 900
    assert log.taken - log.done < 4096 + 200
    stream.go.set()
    until(lambda: log.written + log.refused == 1000)
    log.put(line(1001))
    log.close()
    lines = [int(line) for line in stream.text.splitlines(keepends=True)]
    assert lines == [*range(1, log.written), 1001]
    assert log.dropped == 1000 - len(lines) + 1


def test_closing_does_not_wait_for_ever():
    stream = Stalled()
    log = StreamSink(stream)
    log.put(line(1))
    stream.entered.wait(LIMIT)
    log.close(timeout=0.05)
    assert log.thread.is_alive()
    log.put(line(1))
    assert log.dropped == 1
    stream.go.set()
    log.thread.join(LIMIT)


@pytest.mark.parametrize("error", [OSError("no space left"), ValueError("closed")], ids=repr)
def test_what_cannot_be_written_is_counted_and_the_next_line_tried(error):
    class Failing(Stalled):
        failing = True

        def write(self, data):
            if self.failing:
                raise error
            return super().write(data)

    stream = Failing()
    stream.go.set()
    log = StreamSink(stream)
    log.put(line(1))
    until(lambda: log.failed == 1)
    stream.failing = False
    log.put(line(2))
    log.close()
    assert int(stream.text) == 2
    assert (log.dropped, log.written) == (1, 1)


class Disk(Stalled):
    """A disk with so much room, written to without a buffer in between."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data):
        if not (taken := min(self.room, len(data))):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= taken
        self.text += data[:taken]
        return taken


@pytest.mark.parametrize("alone", [True, False])
def test_a_line_that_a_full_disk_has_cut_off_spoils_no_other(alone, caplog):
    size = len(line(1))
    turn = None if alone else Turn(os.memfd_create("turn"))
    disk = Disk(room=size + 10)
    log = StreamSink(disk, turn)
    log.put(line(1))
    until(lambda: log.written == 1)
    log.put(line(2))
    until(lambda: log.failed == 1)
    log.put(line(3))
    until(lambda: log.failed == 2)
    disk.room = 100 * size
    log.put(line(4))
    log.put(line(5))
    log.close()
    first, cut, *after = disk.text.splitlines(keepends=True)
    assert int(first) == 1
    assert cut == line(2)[:10] + b"\n"
    assert [int(text) for text in after] == [4, 5]
    assert (log.written, log.dropped) == (3, 2)
    assert [entry.levelname for entry in caplog.records] == ["ERROR", "WARNING"]
    assert "No space left on device" in caplog.text
    assert "1 lines more were lost" in caplog.text


def test_lines_that_a_full_disk_has_still_taken_are_not_counted_as_lost(monkeypatch):
    monkeypatch.setattr(sinks, "GATHER", 0.2)
    size = len(line(1))
    disk = Disk(room=2 * size)
    log = StreamSink(disk)
    for port in (1, 2, 3, 4):
        log.put(line(port))
    until(lambda: log.dropped)
    disk.room = size
    log.put(line(5))
    log.close()
    assert [int(text) for text in disk.text.splitlines(keepends=True)] == [1, 2, 5]
    assert (log.written, log.failed) == (3, 2)


def test_a_disk_that_takes_some_lines_and_others_not_is_told_of_once(caplog):
    disk = Disk(room=0)
    log = StreamSink(disk)
    for port in range(1, 6):
        disk.room = 0
        log.put(line(port))
        until(lambda port=port: log.failed == port)
        disk.room = 1000
        log.put(line(port))
        until(lambda port=port: log.written == port)
    log.close()
    assert [entry.levelname for entry in caplog.records] == ["ERROR", "WARNING"]


def test_a_reader_that_left_is_no_error_of_ours():
    reading, writing = os.pipe()
    os.close(reading)
    into = os.fdopen(writing, "wb", buffering=0)
    log = StreamSink(into)
    log.put(line(1))
    until(lambda: log.failed == 1)
    log.close()
    into.close()


def test_a_line_that_goes_over_several_is_one(caplog):
    disk = Disk(room=10)
    log = StreamSink(disk)
    log.put(b"a\nb\n")
    log.put(b"c\nd\ne\nf\n")
    until(lambda: log.failed == 1)
    log.close()
    assert (log.written, log.dropped) == (1, 1)
    assert disk.text == b"a\nb\nc\nd\ne\n"


@pytest.mark.parametrize(
    ("size", "found"), [(-1, (0, 0)), (3, (0, 0)), (4, (1, 4)), (5, (1, 4)), (6, (2, 6)), (9, (2, 6))]
)
def test_lines_that_lie_whole_within_some_bytes(size, found):
    assert within([b"a\nb\n", b"c\n"], size) == found


def test_a_sink_without_a_stream_takes_nothing():
    sink = StreamSink(None)
    sink.put(b"line\n")
    sink.close()
    assert (sink.taken, sink.written, sink.dropped) == (0, 0, 0)


def test_closing_without_a_wait_still_writes_what_waits():
    disk = Disk(room=1000)
    sink = StreamSink(disk)
    sink.put(line(1))
    sink.close(0)
    sink.thread.join(LIMIT)
    sink.put(line(2))
    assert (disk.text, sink.refused) == (line(1), 1)
