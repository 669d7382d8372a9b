"""Records go to an exporter one by one, and one that it does not take loses no other."""

import threading
import time

from outgate.telemetry import sinks
from outgate.telemetry.sinks import LogRecord, RecordSink, StreamSink

LIMIT = 10.0


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.001)


def record(body):
    return LogRecord("otel", 1.0, body, {"a": "b"})


def test_records_are_exported_in_order_and_before_it_is_closed():
    taken = []
    sink = RecordSink(taken.append)
    for number in range(100):
        sink.put(record(str(number)))
    sink.close()
    assert [each.body for each in taken] == [str(number) for number in range(100)]
    assert (sink.written, sink.dropped) == (100, 0)


def test_a_record_that_is_not_taken_costs_no_other(caplog):
    taken = []

    def export(each):
        if each.body == "bad":
            raise RuntimeError("not this one")
        taken.append(each.body)

    sink = RecordSink(export)
    for body in ("a", "bad", "b"):
        sink.put(record(body))
    sink.close()
    assert taken == ["a", "b"]
    assert (sink.written, sink.failed) == (2, 1)
    assert "the access log by OTLP cannot be written" in caplog.text


def test_an_exporter_that_stalls_stops_nobody_and_its_queue_is_bounded(monkeypatch):
    monkeypatch.setattr(sinks, "MAX_WAITING", 10_000)
    go = threading.Event()
    sink = RecordSink(lambda each: go.wait(LIMIT) and None)
    for _ in range(1000):
        sink.put(record("x" * 100))
    assert sink.refused > 900
    go.set()
    sink.close(LIMIT)
    assert sink.written + sink.refused == 1000


def test_a_sink_without_a_stream_takes_nothing():
    sink = StreamSink(None)
    sink.put(b"line\n")
    sink.close()
    assert (sink.taken, sink.dropped) == (0, 0)


def test_closing_without_a_wait_still_writes_what_waits():
    taken = []
    sink = RecordSink(taken.append)
    sink.put(record("a"))
    sink.close(0)
    until(lambda: taken)
    sink.thread.join(LIMIT)
    sink.put(record("b"))
    assert (len(taken), sink.refused) == (1, 1)
