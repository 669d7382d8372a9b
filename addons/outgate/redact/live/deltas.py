"""Texts that go on from one piece of a stream to the next, as answers of language models do: what of a piece is one.

Owns which texts those are: of JSON the ones under names that such formats have, anything else whole. What belongs
together is told by the way to it, in which an index that an object gives itself stands for its place in a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from outgate.redact.codecs import sse
from outgate.redact.codecs.formats import Format, of_type
from outgate.redact.codecs.media_type import essence
from outgate.redact.leaf import Part, Path

CONTINUED = frozenset(
    {
        "answer", "arguments", "completion", "content", "delta", "generated_text", "partial_json", "reasoning",
        "reasoning_content", "refusal", "response", "text", "thinking", "transcript",
    }
)  # fmt: skip
"""Names of such texts."""
INDEXES = ("output_index", "content_index", "summary_index", "index")


class Delta(NamedTuple):
    place: Path
    name: str
    text: str


type Read = Callable[[bytes], Iterator[Delta]]


def reader(media_type: str) -> Read | None:
    """For pieces of a body. None: its pieces hold no such texts."""
    return _READERS.get(of_type(essence(media_type)))


def of_events(events: bytes) -> Iterator[Delta]:
    """Those of one type belong together."""
    kinds: dict[int, str] = {}
    bodies: list[tuple[int, bytes]] = []
    for found in sse.read(events):
        event = found.path[0]
        assert isinstance(event, int)
        if isinstance(found, Part):
            bodies.append((event, found.body))
        elif found.name == "event":
            kinds[event] = found.text
    for event, body in bodies:
        yield from _texts(body, (kinds.get(event, ""),))


def of_lines(lines: bytes) -> Iterator[Delta]:
    for line in lines.splitlines():
        yield from _texts(line, ())


def of_message(content: bytes) -> Iterator[Delta]:
    """Of a WebSocket."""
    return _texts(content, ())


def _texts(body: bytes, root: Path) -> Iterator[Delta]:
    try:
        document = orjson.loads(body)
    except ValueError:
        document = None
    if isinstance(document, dict | list):
        yield from _inside(document, root)
        return
    if text := document if isinstance(document, str) else _text(body):
        yield Delta(root, "", text)


def _text(body: bytes) -> str:
    """Empty where it is none."""
    try:
        return "" if b"\0" in body else body.decode()
    except UnicodeDecodeError:
        return ""


def _inside(document: Any, root: Path) -> Iterator[Delta]:
    """In the order in which they stand there, without recursion: a stream chooses how deep it goes."""
    left: list[tuple[Path, str, Any]] = [(root, "", document)]
    while left:
        path, name, found = left.pop()
        match found:
            case str() if found and name in CONTINUED:
                yield Delta(path, name, found)
            case dict():
                here = path + tuple(found[each] for each in INDEXES if isinstance(found.get(each), int))
                left += [((*here, key), key, value) for key, value in reversed(found.items())]
            case list():
                left += [(_item(path, at, each), name, each) for at, each in reversed([*enumerate(found)])]


def _item(path: Path, at: int, found: Any) -> Path:
    numbered = isinstance(found, dict) and isinstance(found.get("index"), int)
    return path if numbered else (*path, at)


_READERS: dict[Format | None, Read] = {Format.SSE: of_events, Format.NDJSON: of_lines}
