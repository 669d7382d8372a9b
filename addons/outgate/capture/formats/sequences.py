"""How often the same request is answered in a capture, and the how manieth answer this is.

Owns the counting, which takes the same memory for any number of exchanges: what is too much of it is in a temporary
file, which has no name.
"""

from __future__ import annotations

import hashlib
import sqlite3


class Sequences:
    """All requests are counted first; then each is asked for its number, in the same order."""

    def __init__(self) -> None:
        self._table = sqlite3.connect("")
        self._table.execute("PRAGMA journal_mode = OFF")
        self._table.execute("CREATE TABLE asked (key BLOB PRIMARY KEY, total INT, given INT) WITHOUT ROWID")

    def count(self, request: bytes) -> None:
        """`request` is what a stub would be found by."""
        self._table.execute(
            "INSERT INTO asked VALUES (?, 1, 0) ON CONFLICT (key) DO UPDATE SET total = total + 1", (_key(request),)
        )

    def next(self, request: bytes) -> tuple[str, int, int]:
        """A name for the request, the number of this answer from 1, and how many there are."""
        key = _key(request)
        row = self._table.execute(
            "INSERT INTO asked VALUES (?, 1, 1) ON CONFLICT (key) DO UPDATE SET given = given + 1"
            " RETURNING given, max(given, total)",
            (key,),
        ).fetchone()
        return key.hex(), row[0], row[1]

    def close(self) -> None:
        self._table.close()


def _key(request: bytes) -> bytes:
    return hashlib.sha256(request).digest()[:12]
