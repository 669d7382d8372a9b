"""One JSON line for each record, whatever it holds, and a reader that stalls stops nobody."""

import errno
import json
import os
import threading
import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.telemetry import accesslog, sinks
from outgate.telemetry.accesslog import AccessLog, Record, render
from outgate.telemetry.escaping import MAX_TEXT
from outgate.telemetry.turn import Turn

LIMIT = 10.0


def record(kind="http", **more) -> Record:
    return Record(1_700_000_000.1234, kind, "deny", "unregistered", **more)


def parsed(line: bytes) -> dict:
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return json.loads(line)


def until(condition) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.001)


# Lines.


def test_what_is_empty_is_left_out():
    assert parsed(render(record("tcp"))) == {
        "time": "2023-11-14T22:13:20.123+00:00",
        "kind": "tcp",
        "verdict": "deny",
        "code": "unregistered",
    }


def test_status_and_sizes_of_http_are_always_there():
    line = parsed(render(record(host="api.example")))
    assert (line["status"], line["sent"], line["received"], line["host"]) == (0, 0, 0, "api.example")


def test_every_field_has_its_name_and_the_order_is_fixed():
    values = {"client_certificate": True, "reused": True, "port": 443, "status": 502, "duration_ms": 1.5}
    full = record(
        **{name: values.get(name, 7 if name in ("sent", "received") else "x") for name in accesslog.NAMES[4:]}
    )
    assert tuple(parsed(render(full))) == accesslog.NAMES


def test_the_time_is_rfc_3339_in_utc():
    assert datetime.fromisoformat(parsed(render(record()))["time"]).utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("api.example", "api.example"),
        ("b\u00fccher \u65e5\u672c", "b\u00fccher \u65e5\u672c"),
        ('"}\n{"verdict": "allow"', '"}\\n{"verdict": "allow"'),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil", "\\u202eevil"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff", "\\udcff"),
        ("\r\x00\x7f", "\\r\\x00\\x7f"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text, shown):
    assert parsed(render(record(path=text)))["path"] == shown


@settings(deadline=None)
@given(st.text(), st.binary(), st.text(max_size=3).map(lambda text: text * 1000))
def test_any_text_makes_one_bounded_line_of_plain_characters(text, raw, long):
    line = render(record(host=text, path=raw.decode("utf-8", "surrogateescape"), reason=long))
    assert line[:-1].decode().isprintable()
    said = parsed(line)
    assert len(said.get("reason", "")) <= 10 * MAX_TEXT
    assert len(line) <= 4 * 12 * MAX_TEXT


# Writing.


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
        log = AccessLog(into)
        for port in range(1, 301):
            log.write(record(port=port))
        log.close()
        into.close()
        assert [parsed(line)["port"] for line in out] == list(range(1, 301))
        assert (log.written, log.dropped) == (300, 0)
        assert not log.thread.is_alive()


def test_a_line_is_written_without_waiting_for_another():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as out, os.fdopen(writing, "wb") as into:
        log = AccessLog(into)
        for port in (1, 2, 3):
            log.write(record(port=port))
            assert parsed(out.readline())["port"] == port
        log.close()


def test_a_reader_that_stalls_stops_nobody_and_what_is_too_much_is_counted(monkeypatch):
    monkeypatch.setattr(sinks, "MAX_WAITING", 4096)
    stream = Stalled()
    log = AccessLog(stream)
    for port in range(1, 1001):
        log.write(record(port=port))
    assert log.refused > 900
    assert log.taken - log.done < 4096 + 200
    stream.go.set()
    until(lambda: log.written + log.refused == 1000)
    log.write(record(port=1001))
    log.close()
    lines = [parsed(line)["port"] for line in stream.text.splitlines(keepends=True)]
    assert lines == [*range(1, log.written), 1001]
    assert log.dropped == 1000 - len(lines) + 1


def test_closing_does_not_wait_for_ever():
    stream = Stalled()
    log = AccessLog(stream)
    log.write(record())
    stream.entered.wait(LIMIT)
    log.close(timeout=0.05)
    assert log.thread.is_alive()
    log.write(record())
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
    log = AccessLog(stream)
    log.write(record(port=1))
    until(lambda: log.failed == 1)
    stream.failing = False
    log.write(record(port=2))
    log.close()
    assert parsed(stream.text)["port"] == 2
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
    line = len(render(record(port=1)))
    turn = None if alone else Turn(os.memfd_create("turn"))
    disk = Disk(room=line + 10)
    log = AccessLog(disk, turn)
    log.write(record(port=1))
    until(lambda: log.written == 1)
    log.write(record(port=2))
    until(lambda: log.failed == 1)
    log.write(record(port=3))
    until(lambda: log.failed == 2)
    disk.room = 100 * line
    log.write(record(port=4))
    log.write(record(port=5))
    log.close()
    first, cut, *after = disk.text.splitlines(keepends=True)
    assert parsed(first)["port"] == 1
    assert cut == render(record(port=2))[:10] + b"\n"
    assert [parsed(text)["port"] for text in after] == [4, 5]
    assert (log.written, log.dropped) == (3, 2)
    assert [entry.levelname for entry in caplog.records] == ["ERROR", "WARNING"]
    assert "No space left on device" in caplog.text
    assert "1 lines more were lost" in caplog.text


def test_lines_that_a_full_disk_has_still_taken_are_not_counted_as_lost(monkeypatch):
    monkeypatch.setattr(sinks, "GATHER", 0.2)
    line = len(render(record(port=1)))
    disk = Disk(room=2 * line)
    log = AccessLog(disk)
    for port in (1, 2, 3, 4):
        log.write(record(port=port))
    until(lambda: log.dropped)
    disk.room = line
    log.write(record(port=5))
    log.close()
    assert [parsed(text)["port"] for text in disk.text.splitlines(keepends=True)] == [1, 2, 5]
    assert (log.written, log.failed) == (3, 2)


def test_a_disk_that_takes_some_lines_and_others_not_is_told_of_once(caplog):
    disk = Disk(room=0)
    log = AccessLog(disk)
    for port in range(1, 6):
        disk.room = 0
        log.write(record(port=port))
        until(lambda port=port: log.failed == port)
        disk.room = 1000
        log.write(record(port=port))
        until(lambda port=port: log.written == port)
    log.close()
    assert [entry.levelname for entry in caplog.records] == ["ERROR", "WARNING"]


def test_a_reader_that_left_is_no_error_of_ours():
    reading, writing = os.pipe()
    os.close(reading)
    into = os.fdopen(writing, "wb", buffering=0)
    log = AccessLog(into)
    log.write(record())
    until(lambda: log.failed == 1)
    log.close()
    into.close()


def test_without_a_stream_nothing_is_kept():
    log = AccessLog(None)
    log.write(record())
    log.close()
    assert (log.written, log.dropped, len(log.waiting)) == (0, 0, 0)
