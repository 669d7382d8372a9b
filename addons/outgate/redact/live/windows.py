"""Long texts in pieces that end where nothing that rules look for goes on.

Owns the cut. A text is cut only where the two sides, each looked at by itself, say what they say together; on either
side stands as much as the longest thing that is looked for has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from outgate.redact.live.verdict import Looked, Refused, Why

SIZE = 64 * 1024
"""Bytes that are looked at together, beside what overlaps."""
LEAST = 1024
CUTS = 6
"""Places that are tried."""

type Look = Callable[[bytes], Looked[bytes]]
"""A text to what goes on of it. Raises `Refused`."""


class Windows:
    """`longest`: characters of the longest thing that is looked for."""

    def __init__(self, longest: int, look: Look) -> None:
        self._overlap = max(LEAST, 4 * longest)  # in UTF-8
        self._look = look
        self._held = b""

    def feed(self, data: bytes) -> Iterator[Looked[bytes]]:
        """What may go on by now. Raises `Refused`. To be taken to its end."""
        self._held += data
        while len(self._held) >= SIZE + 2 * self._overlap:
            size = SIZE + 2 * self._overlap
            made, end = self._cut(_whole(self._held[:size]))
            self._held = self._held[end:]
            yield made

    def finish(self) -> Looked[bytes]:
        """The rest. Raises `Refused`."""
        held, self._held = self._held, b""
        return self._look(_text(held))

    def _cut(self, window: bytes) -> tuple[Looked[bytes], int]:
        """What goes on of a window's beginning, and where that ends."""
        together = self._look(_text(window))
        for end in _ends(window, self._overlap):
            before, after = self._look(window[:end]), self._look(window[end:])
            if before.message + after.message == together.message:
                return before, end
        raise Refused(Why.TOO_LARGE, "a long text cannot be looked at in pieces")


def _ends(window: bytes, overlap: int) -> Iterator[int]:
    """Where a window may be cut: behind lines, else behind words, with enough on either side."""
    least, end = overlap, len(window) - overlap
    for _ in range(CUTS):
        cut = max(window.rfind(b"\n", least, end), 0) or max(window.rfind(b" ", least, end), 0)
        if not cut:
            break
        yield cut + 1
        end = cut
    at = len(window) - overlap
    while window[at] & 0xC0 == 0x80:  # inside of a character
        at -= 1
    yield at


def _whole(window: bytes) -> bytes:
    """Without a character at the end that is not all there."""
    for back in range(1, 4):
        byte = window[-back]
        if byte & 0xC0 == 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return window[:-back] if size > back else window
        if byte < 0x80:
            break
    return window


def _text(window: bytes) -> bytes:
    """The same, where it is a text in UTF-8."""
    try:
        window.decode()
    except UnicodeDecodeError:
        raise Refused(Why.UNREADABLE, "a long text is not in UTF-8") from None
    if b"\0" in window:
        raise Refused(Why.UNREADABLE, "a long text holds bytes of no text")
    return window
