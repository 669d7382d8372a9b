"""Values and bodies inside a body: where their bytes lie, what they say, and how something else is written there.

Owns what codecs hand to the pipeline, and the splice. A codec reads a body once and never changes it: what is replaced
is replaced in the original bytes, so that all others stay as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

type Step = str | int
"""A key, a field number, the name of an element or part, `@` and the name of an attribute, or the place in a list."""
type Path = tuple[Step, ...]


class Kind(StrEnum):
    """What a value is, where the format tells."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"
    KEY = "key"
    """No value: a name that is none of a schema's, such as an address under which something is kept."""


class Leaf(NamedTuple):
    """A value that is text. `start` and `end` are where it is written, with its quotation where it has one."""

    start: int
    end: int
    text: str
    """What it says: without escapes, quotes, percent signs, entities."""
    write: Callable[[str], bytes]
    """The bytes that say another text in this place."""
    path: Path = ()
    name: str = ""
    """The nearest key, field or element: what it is called."""
    kind: Kind = Kind.STRING


class Part(NamedTuple):
    """A body inside the body: of a multipart part, an event, a frame, a message in a message."""

    start: int
    end: int
    body: bytes
    """Decoded."""
    write: Callable[[bytes], bytes]
    """The bytes that hold another body in this place, with its length and coding where it has these."""
    path: Path = ()
    name: str = ""
    media_type: str = ""
    """Empty: to be found out."""
    whole: tuple[int, int] | None = None
    """From where to where it stands with all that names it; None where it cannot be left out."""


type Found = Leaf | Part


class Unreadable(ValueError):
    """A body that is not in the format that it was read as. Says why, without a word of it."""


class Codec(Protocol):
    """Reads one format. Raises `Unreadable`, also after it has handed out something: then nothing of it counts."""

    def __call__(self, body: bytes, /) -> Iterator[Found]: ...


@dataclass(frozen=True, slots=True)
class Edit:
    """`body[start:end]` becomes `text`."""

    start: int
    end: int
    text: bytes


def object_of(path: Path) -> Path:
    """In which a value stands, also where it is in a list there."""
    end = next((at for at in range(len(path) - 1, -1, -1) if type(path[at]) is str), 0)
    return path[:end]


def splice(body: bytes, edits: Iterable[Edit]) -> bytes:
    """The body with all edits made. They must not overlap: raises `ValueError`."""
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            raise ValueError(f"two edits overlap at byte {edit.start}; make one of them")
        pieces += [body[at : edit.start], edit.text]
        at = edit.end
    return b"".join([*pieces, body[at:]]) if pieces else body
