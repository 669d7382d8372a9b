"""How a place in an exchange is written: `request.query.token`, `response.body.$.items[0].card`, `message[3].$.card`.

Owns that writing. Whoever marks a place and whoever looks for the mark write it here, so nobody has to read it.

    request.header.NAME, .trailer.NAME, .cookie.NAME, .query.NAME    names of headers, trailers in lower case
    request.path[NUMBER]      a segment of the path; the first has number 0
    request.body.PATH         of a value, in the manner of RFC 9535, in whatever format; .body alone: all of it
    response...               the same
    message[NUMBER].PATH      of a WebSocket
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from outgate.redact.leaf import Path, Step

PLAIN = re.compile(r"[^\W\d][\w-]*")
STEP = re.compile(r"\.[^.\[]+|\['(?:[^'\\]|\\.)*'\]")


def written(path: Path) -> str:
    """`$.items[0].card`; names with other characters in them as `['a.b']`."""
    return "$" + "".join(map(step, path))


def step(of: Step) -> str:
    if isinstance(of, int):
        return f"[{of}]"
    if PLAIN.fullmatch(of.removeprefix("@")):
        return f".{of}"
    quoted = of.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"


def renamed(place: str, names: Mapping[str, str]) -> str:
    """A place in which some names became others; both are as `step` writes them."""
    return STEP.sub(lambda found: names.get(found[0], found[0]), place) if names else place


def named(side: str, carrier: str, name: str) -> str:
    """Of a header, trailer, cookie or parameter of the query. `side`: `request` or `response`."""
    return f"{side}.{carrier}.{name.lower() if carrier in ('header', 'trailer') else name}"


def segment(number: int) -> str:
    """Of the path of a request."""
    return f"request.path[{number}]"


def body(side: str, path: Path | None = None) -> str:
    """Of a value in a body; without a path, of the body."""
    return f"{side}.body" if path is None else f"{side}.body.{written(path)}"


def message(number: int, path: Path | None = None) -> str:
    """Of a value in a message of a WebSocket; without a path, of the message."""
    return f"message[{number}]" if path is None else f"message[{number}].{written(path)}"
