"""Formats of lines: text, or JSON objects, with Envoy's command operators in them.

Owns the grammar (`%NAME(ARGUMENT):LENGTH%`, `%%`), what stands for a value that is not set, and that a line is one line
whatever is in it. Compiles once; knows no operator and no sink.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from outgate.telemetry.event import Event
from outgate.telemetry.operators import compiled
from outgate.telemetry.operators.kinds import Read, Value
from outgate.telemetry.showing import Showing
from outgate.telemetry.text import MAX_VALUE, is_plain, plain, quoted

OPERATOR = re.compile(r"%(?P<name>[A-Z0-9_]+)(?:\((?P<argument>[^)]*)\))?(?::(?P<length>\d{1,6}))?%")
UNSET = "-"
DEEPEST = 16

type Text = Callable[[Event], str]
type Part = Callable[[Event], object]


class FormatError(ValueError):
    """A format that is not understood: where in it, what is wrong, and what to write instead."""


class _Omitted:
    """Stands for a key that is left out."""


OMITTED = _Omitted()


@dataclass(frozen=True, slots=True)
class Piece:
    """Literal text, or an operator."""

    literal: str = ""
    read: Read | None = None


def parse(text: str, showing: Showing) -> list[Piece]:
    """The pieces of a text. Raises `FormatError`."""
    pieces: list[Piece] = []
    at = 0
    while at < len(text):
        sign = text.find("%", at)
        literal = text[at:] if sign < 0 else text[at:sign]
        if literal:
            pieces.append(Piece(literal))
        if sign < 0:
            break
        if text.startswith("%%", sign):
            pieces.append(Piece("%"))
            at = sign + 2
            continue
        found = OPERATOR.match(text, sign)
        if found is None:
            raise FormatError(_misspelt(text, sign))
        pieces.append(Piece(read=_read(found, showing)))
        at = found.end()
    return pieces


def _read(found: re.Match[str], showing: Showing) -> Read:
    length = found["length"]
    try:
        return compiled(found["name"], found["argument"], int(length) if length else None, showing)
    except FormatError:
        raise
    except ValueError as error:
        raise FormatError(f"column {found.start() + 1}: %{found['name']}% {error}") from error


def _misspelt(text: str, sign: int) -> str:
    begun = re.compile(r"%[A-Za-z0-9_]*").match(text, sign)
    name = begun[0] if begun is not None and len(begun[0]) > 1 else ""
    where = f"column {sign + 1}: "
    if name and name.upper() != name:
        return f"{where}{name}% is not in capitals; write {name.upper()}%"
    if name:
        return f"{where}{name} does not end; write {name}%, {name}(ARGUMENT)% or {name}(ARGUMENT):LENGTH%"
    return f"{where}a percent sign begins no operator; write %% for the sign itself"


def text(form: str, showing: Showing, omit_empty: bool = False) -> Text:
    """Renders a line, without its end. Raises `FormatError`."""
    return _template(parse(form.rstrip("\r\n"), showing), "" if omit_empty else UNSET, quoted)


def json(fields: Mapping[str, object], showing: Showing, *, typed: bool, omit_empty: bool = False) -> Text:
    """Renders an object, without a line end. Raises `FormatError`."""
    make = _object(fields, _Writing(showing, typed, omit_empty), "", DEEPEST)
    return lambda event: orjson.dumps(make(event)).decode()


@dataclass(frozen=True, slots=True)
class _Writing:
    showing: Showing
    typed: bool
    omits: bool


def _object(fields: Mapping[str, object], writing: _Writing, path: str, left: int) -> Part:
    if left == 0:
        raise FormatError(f"{path}: more than {DEEPEST} objects in each other; write fewer")
    makers = [
        (plain(str(name)), _node(value, writing, f"{path}.{name}" if path else str(name), left))
        for name, value in fields.items()
    ]

    def make(event: Event) -> object:
        made = ((name, maker(event)) for name, maker in makers)
        return {name: value for name, value in made if value is not OMITTED}

    return make


def _node(value: object, writing: _Writing, path: str, left: int) -> Part:
    match value:
        case str():
            return _leaf(value, writing, path)
        case Mapping():
            return _object(value, writing, path, left - 1)
        case list() | tuple():
            if left == 1:
                raise FormatError(f"{path}: more than {DEEPEST} objects in each other; write fewer")
            items = [_node(item, writing, f"{path}[{at}]", left - 1) for at, item in enumerate(value)]
            return lambda event: [made for item in items if (made := item(event)) is not OMITTED]
        case None | bool() | int() | float():
            shown: object = value if writing.typed else _literal(value)
            return lambda event: shown
    raise FormatError(f"{path}: {type(value).__name__} is no value of a line; write a text or an object")


def _literal(value: object) -> str:
    return orjson.dumps(value).decode()


def _leaf(value: str, writing: _Writing, path: str) -> Part:
    try:
        pieces = parse(value, writing.showing)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    if len(pieces) != 1 or (read := pieces[0].read) is None:
        return _template(pieces, "" if writing.omits else UNSET, plain)
    unset: object = OMITTED if writing.omits else None if writing.typed else UNSET

    def make(event: Event) -> object:
        found = read(event)
        if found is None or (found == "" and not writing.typed):
            return unset
        return _typed(found) if writing.typed else plain(_shown(found))

    return make


def _template(pieces: list[Piece], unset: str, escape: Callable[[str], str]) -> Text:
    """What stands in the format itself is put together once, with a place for each value."""
    whole = "".join("%s" if piece.read else escape_literal(piece.literal).replace("%", "%%") for piece in pieces)
    reads = [piece.read for piece in pieces if piece.read is not None]

    def render(event: Event) -> str:
        # Most values are texts: a call for each would cost as much as reading it.
        shown = tuple(
            [
                (value[:MAX_VALUE] or unset) if (value := read(event)).__class__ is str else _shown(value, unset)
                for read in reads
            ]
        )
        # One look at all of them: values that have to be escaped are rare.
        return whole % (shown if is_plain("".join(shown)) else tuple(map(escape, shown)))

    return render


def escape_literal(text: str) -> str:
    """What stands in the format itself: quotes are meant, tabs and line ends too."""
    return "".join(char if char in "\t\n" else plain(char) for char in text)


def _shown(value: Value, unset: str = UNSET) -> str:
    """As text, not yet escaped."""
    if isinstance(value, str):
        return value[:MAX_VALUE] or unset
    if value is None:
        return unset
    if isinstance(value, int | float):
        return str(value)
    return orjson.dumps(_typed(value)).decode()


def _typed(value: Value) -> object:
    if isinstance(value, str):
        return plain(value[:MAX_VALUE])
    if isinstance(value, Mapping):
        return {plain(str(name)): plain(each) if isinstance(each, str) else each for name, each in value.items()}
    return value
