"""One direction of a WebSocket: each message by itself, and what they say together."""

from __future__ import annotations

from outgate.redact.deltas import texts
from outgate.redact.live.joints import Joints
from outgate.redact.live.look import Look
from outgate.redact.live.verdict import Looked


class Talk:
    """Under the rules of a look."""

    def __init__(self, look: Look) -> None:
        self._look, self._joints = look, Joints(look.rules)

    def message(self, content: bytes) -> Looked[bytes]:
        """The next one. Raises `Refused`."""
        looked = self._look.message(0, content)
        if self._look.rules.joins:
            self._joints.pass_on(texts(looked.message))
        return looked
