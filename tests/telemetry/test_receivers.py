"""Lines over TCP: to a receiver that is there, comes late, leaves, or never reads."""

import contextlib
import socket
import threading
import time

import pytest

from outgate.telemetry import receivers, sinks
from outgate.telemetry.receivers import TcpSink

LIMIT = 10.0


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.001)


class Receiver:
    """Keeps what it is sent, and lets go of who sent it when it is told to."""

    def __init__(self, port=0):
        self.listening = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self.port = self.listening.getsockname()[1]
        self.text = b""
        self.connections = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connections.append(connection)
            with contextlib.suppress(OSError):
                while data := connection.recv(65536):
                    self.text += data

    def hang_up(self):
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.hang_up()
        self.thread.join(LIMIT)
        for connection in self.connections:
            connection.close()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def test_lines_arrive_in_order(receiver):
    sink = TcpSink("127.0.0.1", receiver.port)
    for number in range(500):
        sink.put(b"%d\n" % number)
    sink.close()
    until(lambda: receiver.text.count(b"\n") == 500)
    assert receiver.text == b"".join(b"%d\n" % number for number in range(500))
    assert (sink.written, sink.dropped, len(receiver.connections)) == (500, 0, 1)


def test_lines_wait_for_a_receiver_that_comes_late(monkeypatch, caplog):
    monkeypatch.setattr(receivers, "LONGEST", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    sink = TcpSink("127.0.0.1", port)
    sink.put(b"early\n")
    until(lambda: "cannot be written" in caplog.text)
    receiver = Receiver(port)
    until(lambda: receiver.text == b"early\n")
    sink.close()
    receiver.close()
    assert (sink.written, sink.dropped) == (1, 0)
    assert "is written again; 0 lines more were lost" in caplog.text


def test_a_receiver_that_left_is_noticed_before_the_next_line(receiver):
    sink = TcpSink("127.0.0.1", receiver.port)
    sink.put(b"one\n")
    until(lambda: receiver.text == b"one\n")
    receiver.hang_up()
    until(lambda: receivers._left(sink._socket))
    sink.put(b"two\n")
    until(lambda: receiver.text == b"one\ntwo\n")
    sink.close()
    assert (len(receiver.connections), sink.dropped) == (2, 0)


def test_a_receiver_that_is_not_there_stops_nobody_and_its_lines_are_counted(monkeypatch):
    monkeypatch.setattr(sinks, "MAX_WAITING", 1000)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    sink = TcpSink("127.0.0.1", port)
    for _ in range(1000):
        sink.put(b"x" * 99 + b"\n")
    assert sink.refused >= 980
    sink.close(LIMIT)
    assert not sink.thread.is_alive()
    assert (sink.written, sink.dropped) == (0, 1000)


def test_a_receiver_that_never_reads_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr(receivers, "SENDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sink = TcpSink("127.0.0.1", listening.getsockname()[1])
        line = b"x" * 10_000_000 + b"\n"  # more than the kernel keeps for a receiver
        for _ in range(3):
            sink.put(line)
        sink.close(LIMIT)
        assert not sink.thread.is_alive()
    assert (sink.written, sink.failed) == (0, 3)
