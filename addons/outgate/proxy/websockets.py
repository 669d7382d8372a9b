"""WebSocket messages within bounds.

mitmproxy gathers a message before it passes it on, however long it is and into however many pieces it was cut, inflates
what comes compressed without end, and keeps every message. It passes pings, pongs and a close on without a hook, and
cuts what was changed inside characters. Owns these bounds, the masking of what no hook is called for, and the frames of
what was changed. What else passes and what is said of it is mitmproxy's.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Any

from mitmproxy.proxy import commands
from mitmproxy.proxy.layers import websocket as stock
from mitmproxy.proxy.layers.websocket import WebsocketConnection, WebsocketLayer
from mitmproxy.websocket import WebSocketMessage
from wsproto.events import CloseConnection, Event, Message, Ping, Pong
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason

PIECES = 16 * 1024
"""Fragments of one message; each costs more than its bytes."""


class BoundedDeflate(PerMessageDeflate):
    """Inflates no more at once than a message may hold."""

    most: int

    def frame_inbound_payload_data(self, proto: Any, data: bytes) -> bytes | CloseReason:
        if not self._inbound_compressed or not self._inbound_is_compressible or self._decompressor is None:
            return super().frame_inbound_payload_data(proto, data)
        try:
            inflated = self._decompressor.decompress(bytes(data), self.most + 1)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        return CloseReason.MESSAGE_TOO_BIG if len(inflated) > self.most else inflated


class MaskedSide(WebsocketConnection):
    """Masks what the frames that are no message say to one side."""

    masks: list[Callable[[bytes], bytes]]

    def send2(self, event: Event) -> commands.SendData:
        if isinstance(event, Ping | Pong):
            event = replace(event, payload=self._masked(bytes(event.payload)))
        elif isinstance(event, CloseConnection) and event.reason:
            event = replace(event, reason=self._masked(event.reason.encode()).decode(errors="replace"))
        return super().send2(event)

    def _masked(self, text: bytes) -> bytes:
        for mask in self.masks:
            text = mask(text)
        return text


class Fragments(stock.Fragmentizer):
    """A message that was changed goes on in one frame: cut anywhere, it could be cut inside a character."""

    def __call__(self, content: bytes) -> Iterator[Message[Any]]:
        if len(content) == sum(self.fragment_lengths) and (
            content.isascii() or not self.is_text or self._fits(content)
        ):
            yield from super().__call__(content)
        else:
            yield self.msg(content, True)

    def _fits(self, content: bytes) -> bool:
        """Whether each frame would begin with a character."""
        begins = accumulate(self.fragment_lengths[:-1])
        return all(at >= len(content) or content[at] & 0xC0 != 0x80 for at in begins)


stock.Fragmentizer = Fragments  # type: ignore[misc]


def mask(side: WebsocketConnection, masked: Callable[[bytes], bytes]) -> None:
    """Mask pings, pongs and a close on their way to one side, after what masks them already."""
    if not isinstance(side, MaskedSide):
        side.__class__ = MaskedSide
        side.masks = []
    side.masks.append(masked)


def bound(layer: WebsocketLayer, most: int) -> None:
    """Put the bound on what a WebSocket inflates, once it has begun."""
    for side in (layer.client_ws, layer.server_ws):
        for extension in side._proto.extensions:
            if isinstance(extension, PerMessageDeflate):
                extension.__class__ = BoundedDeflate
                extension.most = most  # type: ignore[attr-defined]


def trim(messages: list[WebSocketMessage], most: int, size: int) -> None:
    """Forget the oldest messages, so that no more than `most` are left, and no more than `size` bytes."""
    kept = 0
    for message in reversed(messages[max(0, len(messages) - most) :]):
        size -= len(message.content)
        if size < 0:
            break
        kept += 1
    del messages[: len(messages) - kept]


def overflows(layer: WebsocketLayer, most: int) -> bool:
    """Whether either side has sent more of a message than a message may hold."""
    return any(_overflows(side, most) for side in (layer.client_ws, layer.server_ws))


def _overflows(side: WebsocketConnection, most: int) -> bool:
    pieces = side.frame_buf
    if len(pieces) > PIECES:
        return True
    if pieces[-1] and isinstance(pieces[-1], bytes):
        pieces[-1] = bytearray(pieces[-1])  # type: ignore[call-overload]  # grows in place, not by a copy each time
    return sum(map(len, pieces)) > most
