"""A log that is sent over TCP, one line after the other.

Owns the connection: it is made when there is something to send, and made again when it is lost, after a pause that
grows. What could not be sent waits within the queue's bound. Knows no format.
"""

from __future__ import annotations

import socket
import time

from outgate.telemetry.sinks import Sink, within

CONNECTS, SENDS = 2.0, 5.0
"""Seconds that a connection and a write may take."""
SHORTEST, LONGEST = 0.1, 5.0
"""Seconds between two attempts."""


class TcpSink(Sink[bytes]):
    """Sends lines to `host:port`."""

    def __init__(self, host: str, port: int) -> None:
        self.address = host, port
        self.what = f"the access log to {host}:{port}"
        self._socket: socket.socket | None = None
        self._pause = SHORTEST
        super().__init__()

    def size(self, line: bytes) -> int:
        return len(line)

    def finish(self) -> None:
        self._hang_up()

    def send(self, lines: list[bytes]) -> Exception | None:
        first = 0
        while first < len(lines):
            try:
                first += self._send(lines[first:])
            except OSError as error:
                self._hang_up()
                if self.closing:
                    return error
                self._tell_of(error)
                self._wait()
        return None

    def _send(self, lines: list[bytes]) -> int:
        """Sends some lines, and returns how many. A line that was begun on a connection that broke is sent again:
        whoever receives has only part of it."""
        connection = self._connected()
        text, done = b"".join(lines), 0
        try:
            while done < len(text):
                done += connection.send(text[done:])
        except OSError:
            # What the kernel took whole is not sent twice.
            if not (count := within(lines, done)[0]):
                raise
            self._hang_up()
        else:
            self._pause, count = SHORTEST, len(lines)
        self.written += count
        return count

    def _connected(self) -> socket.socket:
        if self._socket is not None and _left(self._socket):
            self._hang_up()
        if self._socket is None:
            self._socket = socket.create_connection(self.address, CONNECTS)
            self._socket.settimeout(SENDS)
        return self._socket

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _wait(self) -> None:
        end, self._pause = time.monotonic() + self._pause, min(2 * self._pause, LONGEST)
        while not self.closing and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, SHORTEST))


def _left(connection: socket.socket) -> bool:
    """Whether the receiver has closed: what is written to it then is lost without a word."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
