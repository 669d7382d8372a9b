"""A kept body as it went over the wire: with its content codings on again, and the fields that then are so.

Owns the choice. Codings that are not known, and such that a client did not ask for, go with the field that names them.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.redact.decoding import codings
from outgate.redact.encoding import PACKERS, encode
from outgate.redact.exchange import Fields, Request, Response


def names_of(fields: Fields) -> tuple[str, ...]:
    """The content codings that fields name."""
    return codings(value for name, value in fields if name.lower() == b"content-encoding")


def on_the_wire(
    message: Request | Response, accepts: Callable[[str], bool] = lambda coding: True
) -> tuple[Fields, bytes | None]:
    """Fields and content to send; None: the content was not kept."""
    content, names = message.body.content, names_of(message.fields)
    if content is None or not message.body.decoded or not names:
        return message.fields, content
    if all(name in PACKERS and accepts(name) for name in names):
        return message.fields, encode(content, names)
    return tuple(pair for pair in message.fields if pair[0].lower() != b"content-encoding"), content
