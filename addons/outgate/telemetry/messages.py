"""Messages of gRPC in a body that passes: counted, and never kept.

Owns how such messages follow each other in a body. Knows neither HTTP nor what is in a message; pieces may be cut
anywhere.
"""

from __future__ import annotations

import struct

HEAD = struct.Struct(">xI")
"""Before each message: a byte that says whether it is compressed, and its length."""
TYPE = "application/grpc"


class Messages:
    """Of one direction of one call."""

    __slots__ = ("_begun", "_left", "count")

    def __init__(self) -> None:
        self.count = 0
        """Those whose length has come."""
        self._begun = b""
        """Of the next one's head, where not all of it has come."""
        self._left = 0
        """Bytes of the last one that are still to come."""

    def feed(self, piece: bytes) -> None:
        """The body goes on."""
        data, at = self._begun + piece, self._left
        last = len(data) - HEAD.size
        while at <= last:
            self.count += 1
            at += HEAD.size + HEAD.unpack_from(data, at)[0]
        self._begun, self._left = data[at:], max(0, at - len(data))


def messages_of(content_type: str) -> Messages | None:
    """What counts in a body of this type; None where it is not gRPC's own. gRPC-Web has trailers among its messages."""
    kind = content_type.partition(";")[0].strip().lower()
    return Messages() if kind == TYPE or kind.startswith(f"{TYPE}+") else None
