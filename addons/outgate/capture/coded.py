"""A kept body as it went over the wire: with its content codings on again, and the fields that then are so.

Owns the choice. Codings that are not known, and such that a client did not ask for, go with the field that names them.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.redact.decoding import Bounds, codings, decode
from outgate.redact.encoding import PACKERS, encode
from outgate.redact.exchange import Fields, Request, Response
from outgate.redact.unpacking import Undecodable

BOUNDS = Bounds(256 * 1024 * 1024)


def names_of(fields: Fields) -> tuple[str, ...]:
    """The content codings that fields name."""
    return codings(value for name, value in fields if name.lower() == b"content-encoding")


def on_the_wire(
    message: Request | Response, accepts: Callable[[str], bool] = lambda coding: True
) -> tuple[Fields, bytes | None]:
    """Fields and content to send; None: the content was not kept."""
    content, names = message.body.content, names_of(message.fields)
    if content is None or not names:
        return message.fields, content
    wanted = all(map(accepts, names))
    if message.body.decoded:
        if wanted and PACKERS.keys() >= set(names):
            return message.fields, encode(content, names)
    elif wanted:
        return message.fields, content
    else:
        try:
            content = decode(content, names, BOUNDS)
        except Undecodable:
            return message.fields, content
    return tuple(pair for pair in message.fields if pair[0].lower() != b"content-encoding"), content
