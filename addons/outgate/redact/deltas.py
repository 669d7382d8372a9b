"""Texts that go on from one piece of a stream to the next, as answers of language models do: what of a piece is one.

Owns which texts those are: of JSON the ones under names that such formats have, anything else whole. What belongs
together is told by the way to it, in which an index that an object gives itself stands for its place in a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from outgate.redact.codecs import ndjson, sse
from outgate.redact.codecs.formats import EVENTS, Format, of_type
from outgate.redact.codecs.media_type import essence
from outgate.redact.leaf import Part, Path

CONTINUED = frozenset(
    {
        "answer", "arguments", "completion", "content", "delta", "generated_text", "partial_json", "reasoning",
        "reasoning_content", "refusal", "response", "text", "thinking", "transcript",
    }
)  # fmt: skip
"""Names of such texts."""
LINES = re.compile(rb"}[ \t]*\r?\n[ \t]*{")
"""Between two documents; in one, a comma is."""
INDEXES = ("output_index", "content_index", "summary_index", "index")


class Delta(NamedTuple):
    place: Path
    name: str
    text: str


type Pieces = Iterator[tuple[Part, Path]]
"""Of a body, each with what its texts have in common."""
type Reader = Callable[[bytes], Pieces]


def reader(media_type: str, body: bytes = b"") -> Reader | None:
    """For a body, or some of it, by its type or else by how it looks. None: it has no pieces."""
    if (told := _READERS.get(of_type(essence(media_type)))) is not None:
        return told
    if EVENTS.match(body):
        return of_events
    return of_lines if LINES.search(body) else None


def of_events(events: bytes) -> Pieces:
    """Those of one type belong together."""
    kinds: dict[int, str] = {}
    parts: list[tuple[int, Part]] = []
    for found in sse.read(events):
        event = found.path[0]
        assert isinstance(event, int)
        if isinstance(found, Part):
            parts.append((event, found))
        elif found.name == "event":
            kinds[event] = found.text
    for event, part in parts:
        yield part, (kinds.get(event, ""),)


def of_lines(lines: bytes) -> Pieces:
    return ((part, ()) for part in ndjson.lines(lines))


def texts(body: bytes, root: Path = ()) -> Iterator[Delta]:
    """Of a piece, in the order in which they stand there."""
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
    """Without recursion: a stream chooses how deep it goes."""
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


_READERS: dict[Format | None, Reader] = {Format.SSE: of_events, Format.NDJSON: of_lines}
