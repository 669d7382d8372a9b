"""A worker's seat: its number, and the descriptors that its supervisor hands over.

Owns how it is handed over and taken. What is done with the descriptors is `worker`'s and `app`'s.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from typing import Self

NUMBERS = struct.Struct("!II")
MOST = 16
"""Descriptors: a socket, three files, and a listener for each family."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Number `index` of `of` workers, counted from 1."""

    index: int
    of: int
    control: socket.socket
    """The worker's end of a socket to the supervisor; where it ends, the other side has."""
    turn: int
    """A file that says whose turn it is to write to standard output."""
    policy: int
    """A file with the policy in force, for when the policy files are not usable any more."""
    documents: int
    """A file with the documents of the cluster, kept of now; empty where none are policy."""
    listeners: tuple[int, ...]

    def hand(self, to: socket.socket) -> None:
        """To whoever waits at the other end, with copies of the descriptors. Raises `OSError`: nobody does any more."""
        handed = [self.control.fileno(), self.turn, self.policy, self.documents, *self.listeners]
        socket.send_fds(to, [NUMBERS.pack(self.index, self.of)], handed)

    @classmethod
    def take(cls, where: socket.socket) -> Self | None:
        """Waits for one; None where the supervisor is gone instead."""
        try:
            numbers, handed, _, _ = socket.recv_fds(where, NUMBERS.size, MOST)
        except ConnectionError:
            return None
        if not numbers:
            return None
        for descriptor in handed:  # what an addon starts gets none of them
            os.set_inheritable(descriptor, False)
        (index, of), (control, turn, policy, documents, *listeners) = NUMBERS.unpack(numbers), handed
        return cls(index, of, socket.socket(fileno=control), turn, policy, documents, tuple(listeners))

    def close(self) -> None:
        """Leave it to whoever has it, too."""
        self.control.close()
        for descriptor in (self.turn, self.policy, self.documents, *self.listeners):
            os.close(descriptor)
