"""What is taken down of an exchange while it passes, for a capture: bodies as they are on the wire, messages, the pace.

Owns the bounds: of one body, of the pieces whose time is kept, and of what all exchanges under way hold together.
Nothing waits for it, and nothing that passes is changed. Knows no flows and no files.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy
from outgate.redact.exchange import WebSocketMessage

CHUNKS = 256
"""Pieces of a body whose time is kept; what comes later is told as part of the last one."""
CHUNK_COST, MESSAGE_COST = 96, 256
"""Bytes that each takes beside its content, about."""
MESSAGES = 4096
TOO_LARGE = "too_large"


class Room:
    """Bytes that all exchanges under way may hold together."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    def take(self, size: int) -> bool:
        """Whether there is so much."""
        if self.held + size > self.most:
            return False
        self.held += size
        return True

    def give(self, size: int) -> None:
        self.held -= size


@dataclass(slots=True)
class Half:
    """A body on its way."""

    most: int
    room: Room
    started: float
    content: bytearray = field(default_factory=bytearray)
    chunks: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the exchange began, and bytes."""
    size: int = 0
    """Bytes that passed."""
    held: int = 0
    """Bytes of the room."""
    missing: str = ""
    """Why the content is not here."""
    lost: bool = False
    """There was no room for it."""
    ended: bool = False
    """It came to its end."""

    def take(self, piece: bytes) -> None:
        """A piece has passed."""
        size = len(piece)
        self.size += size
        cost = self._timed(size)
        if self.missing or self.lost:
            return
        if self.size > self.most:
            self.missing = TOO_LARGE
            self._forget()
        elif self.room.take(size + cost):
            self.held += size + cost
            self.content += piece
        else:
            self.lost = True
            self._forget()

    def _timed(self, size: int) -> int:
        if len(self.chunks) < CHUNKS:
            self.chunks.append((time.time() - self.started, size))
            return CHUNK_COST
        after, before = self.chunks[-1]
        self.chunks[-1] = after, before + size
        return 0

    def _forget(self) -> None:
        """The content; the times stay, of which there are few."""
        self.content = bytearray()
        self.give_back()

    def give_back(self) -> None:
        """The room: somebody else answers for what is here."""
        self.room.give(self.held)
        self.held = 0


@dataclass(slots=True)
class Tap:
    """Both directions of one exchange. `draw`: between 0 and 1, for what is sampled, the same from its beginning to its
    end."""

    started: float
    draw: float
    most: int
    room: Room
    takers: tuple[CapturePolicy, ...] = ()
    """Captures that could take it, as far as its head tells."""
    keeping: KeepingPolicy | None = None
    """What says so; None where nobody was asked."""
    request: Half = field(init=False)
    response: Half = field(init=False)
    messages: list[WebSocketMessage] = field(default_factory=list)
    held: int = 0
    """Bytes of the room, for messages."""
    cut: bool = False
    """There were more messages."""
    close_code: int = 0

    def __post_init__(self) -> None:
        self.request = Half(self.most, self.room, self.started)
        self.response = Half(self.most, self.room, self.started)

    def message(self, content: bytes, *, from_client: bool, text: bool) -> None:
        """A message of a WebSocket has passed."""
        size = len(content) + MESSAGE_COST
        fits = len(self.messages) < MESSAGES and self.held + size <= self.most
        if self.cut or not fits or not self.room.take(size):
            self.cut = True
            return
        self.held += size
        self.messages.append(WebSocketMessage(time.time() - self.started, from_client, text, content))

    def forget_response(self) -> None:
        """What was taken of it did not go on like that."""
        self.response.give_back()
        self.response = Half(self.most, self.room, self.started)

    @property
    def lost(self) -> bool:
        """There was no room for all of it."""
        return self.request.lost or self.response.lost

    @property
    def size(self) -> int:
        """Bytes that it holds on to."""
        return self.request.held + self.response.held + self.held

    def give_back(self) -> None:
        self.request.give_back()
        self.response.give_back()
        self.room.give(self.held)
        self.held = 0
