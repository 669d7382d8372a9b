"""The gate's side of a confined command: it is forked, its sockets arrive, it starts, it ends.

Owns the child process and the talk with it. `confinement` is what the child does.
"""

from __future__ import annotations

import array
import asyncio
import json
import os
import signal
import socket
from contextlib import suppress

from outgate.sandbox import users
from outgate.sandbox.confinement import MAPPED, SERVED, START, Order, become
from outgate.sandbox.network import Sockets

PATIENCE = 60.0
"""Seconds for the namespaces to be made; a machine without the modules loads them first."""
MOST = 8
"""Descriptors in one message."""
LONGEST = 1 << 16


class Refused(Exception):
    """The command was not started. `code` is the exit code that says whose fault it is."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Child:
    """A process of ours, held by a descriptor: what is sent to it never reaches another that has its number by then."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.descriptor = os.pidfd_open(pid)

    def signal(self, number: int) -> None:
        """Send a signal, if it has not ended."""
        with suppress(OSError):
            signal.pidfd_send_signal(self.descriptor, number)

    async def ended(self) -> int:
        """Wait for it; its exit code, or 128 and the signal that ended it."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.descriptor, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(self.descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])  # noqa: ASYNC222 - it has ended
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


class Confined:
    """A command in its own network. Make it before the process has threads: it forks."""

    def __init__(self, order: Order) -> None:
        """Fork, and wait for the sockets. Raises Refused."""
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            self.line.close()
            become(order, theirs)
        self.child = Child(pid)
        theirs.close()
        self.line.settimeout(PATIENCE)
        try:
            self.sockets = self._confined()
        except BaseException:
            self.kill()
            raise

    def start(self) -> None:
        """Let the command run; everything it needs is served. Raises Refused if it cannot be run."""
        self._send(START)
        self._told(expected=b"")

    def signal(self, number: int) -> None:
        self.child.signal(number)

    async def ended(self) -> int:
        return await self.child.ended()

    def kill(self) -> None:
        """End it if it has not ended."""
        self.line.close()
        self.child.kill()

    def _confined(self) -> Sockets:
        sockets = self._receive()
        try:
            while (word := self._read()) == MAPPED:
                users.map_all(self.child.pid)
                self._send(MAPPED)
            if word != SERVED:
                self._fail(word)
        except BaseException:
            for sock in sockets.all():
                sock.close()
            raise
        return sockets

    def _receive(self) -> Sockets:
        size = MOST * array.array("i").itemsize
        word, carried, _, _ = self.line.recvmsg(LONGEST, socket.CMSG_SPACE(size), socket.MSG_CMSG_CLOEXEC)
        numbers = array.array("i")
        for _, _, content in carried:
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
        if word != SERVED:
            self._fail(word)
        queries, calls, *gates = (_nonblocking(number) for number in numbers)
        return Sockets(tuple(gates), queries, calls)

    def _told(self, expected: bytes) -> None:
        word = self._read()
        if word != expected:
            self._fail(word)

    def _read(self) -> bytes:
        try:
            return self.line.recv(LONGEST)
        except TimeoutError:
            raise Refused(125, f"the namespaces were not made within {PATIENCE:g} s") from None

    def _send(self, word: bytes) -> None:
        try:
            self.line.send(word)
        except OSError as error:
            raise Refused(125, f"the command's process has ended: {error.strerror}") from error

    def _fail(self, word: bytes) -> None:
        told = json.loads(word) if word else {}
        raise Refused(told.get("code", 125), told.get("error", "its process ended before it began"))


def _nonblocking(number: int) -> socket.socket:
    made = socket.socket(fileno=number)
    made.setblocking(False)
    return made
