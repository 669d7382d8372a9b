"""JSON (RFC 8259): strings, numbers, booleans and nulls, each with its path.

Owns a reader that gives the place of each value in the bytes, and takes what parsers take: keys that occur twice, large
numbers, NaN, control characters, bytes that are no UTF-8, and a comma too many or too few.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator

import orjson

from outgate.redact.codecs.names import DEEPEST, telling
from outgate.redact.codecs.utf8 import encoded, said, seen
from outgate.redact.leaf import Found, Kind, Leaf, Path, Unreadable

BOM = b"\xef\xbb\xbf"
_BLANK = r"[ \t\r\n]*+"
_STRING = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_NUMBER = r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+|NaN|-?+Infinity"
_WORD = rf"((?:{_NUMBER}|true|false|null)(?![\w.+-]))"
TOKEN = re.compile(
    rf"[ \t\r\n,]*+(?:{_STRING}{_BLANK}:{_BLANK})?+(?:{_STRING}|{_WORD}|([\[{{])|([\]}}])|(.)|\Z)",
    re.DOTALL | re.ASCII,
)
"""The next value with its key, or the beginning or end of a container. Everything matches, so nothing is skipped."""
KEY, STRING, WORD, OPEN, CLOSE = range(1, 6)
LONE = re.compile(rf"{_BLANK}(?:{_STRING}|{_WORD}){_BLANK}", re.DOTALL)
BEGIN, END = re.compile(rf"{_BLANK}([\[{{])"), re.compile(_BLANK)
LITERAL = re.compile(rf"{_NUMBER}|true|false|null")
BYTES, SURROGATE = re.compile("[\udc80-\udcff]"), re.compile("[\ud800-\udc7f\udd00-\udfff]")
KINDS = {"t": Kind.BOOLEAN, "f": Kind.BOOLEAN, "n": Kind.NULL}

_leaf = tuple.__new__
"""Of a named tuple, without the function that it has for this: half of the time."""
_lenient = json.JSONDecoder(strict=False).raw_decode


def read(body: bytes) -> Iterator[Found]:
    """A document: one value, with blanks around it."""
    view, begin = seen(body), len(BOM) if body.startswith(BOM) else 0
    if lone := LONE.fullmatch(view, begin):
        yield _lone(lone)
    elif opened := BEGIN.match(view, begin):
        end = yield from _values(view, opened.end(), len(view), opened[1] == "{")
        if not END.fullmatch(view, end):
            raise Unreadable("something follows the JSON")
    else:
        raise Unreadable("this is not JSON")


def is_strict(body: bytes) -> bool:
    """Whether it is JSON to the letter."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def _lone(found: re.Match[str]) -> Leaf:
    """A document that is one value."""
    if (string := found[1]) is not None:
        return Leaf(found.start(1) - 1, found.end(1) + 1, _unescaped(string), write_string)
    return Leaf(*found.span(2), found[2], write_literal, kind=KINDS.get(found[2][0], Kind.NUMBER))


class _Names(dict[str, str]):
    """Keys as they are written, and what they say: most occur over and over. `odd` are those that are no words."""

    def __init__(self) -> None:
        self.odd: set[str] = set()

    def __missing__(self, key: str) -> str:
        name = self[key] = _unescaped(key)
        if telling(name):
            self.odd.add(key)
        return name


def end_of(view: str, begin: int, end: int) -> int:
    """Where the object or list ends that begins there, as `utf8.seen` sees it. Raises `Unreadable`."""
    values = _values(view, begin + 1, end, view[begin] == "{")
    while True:
        try:
            next(values)
        except StopIteration as over:
            return int(over.value)


def _values(view: str, begin: int, end: int, named: bool) -> Generator[Found, None, int]:
    """All that is in a container, which begins before `begin`; returns where it ends. `named`: it is an object."""
    names = _Names()
    odd = names.odd
    outer: list[tuple[bool, Path, int, str]] = []
    path: Path = ()
    index, name = -1, ""
    for token in TOKEN.finditer(view, begin, end):
        what, key, at = token.lastindex, token[KEY], token.end()
        if what == CLOSE:
            if (token[CLOSE] == "}") is not named or key is not None:
                break
            if not outer:
                return at
            named, path, index, name = outer.pop()
            continue
        if named is (key is None):
            break
        if key is not None:
            name = names[key]
            here = path + (name,)  # noqa: RUF005 (a third of the time)
            if key in odd:
                yield Leaf(token.start(KEY) - 1, token.end(KEY) + 1, name, write_string, here, name, Kind.KEY)
        else:
            index += 1
            here = path + (index,)  # noqa: RUF005
        if what == STRING:
            text = token[STRING]
            start, write = at - len(text) - 2, write_string if text.isascii() else write_readable
            if "\\" in text or not text.isascii():
                text = _unescaped(text)
            yield _leaf(Leaf, (start, at, text, write, here, name, Kind.STRING))
        elif what == WORD:
            text = token[WORD]
            kind = KINDS.get(text[0], Kind.NUMBER)
            yield _leaf(Leaf, (at - len(text), at, text, write_literal, here, name, kind))
        elif what == OPEN and len(outer) < DEEPEST:
            outer.append((named, path, index, name))
            named, path, index = token[OPEN] == "{", here, -1
        else:
            break
    raise Unreadable("the JSON is broken off, or is none")


def _unescaped(view: str) -> str:
    """What stands between the quotes of a string."""
    text = said(view)
    if "\\" not in text:
        return text
    try:
        return str(orjson.loads(f'"{text}"'))
    except orjson.JSONDecodeError:
        pass
    try:
        return str(_lenient(f'"{text}"')[0])
    except ValueError:
        raise Unreadable("an escape in the JSON is none") from None


def write_string(text: str) -> bytes:
    return json.dumps(text).encode() if not BYTES.search(text) else write_readable(text)


def write_readable(text: str) -> bytes:
    """Without escapes for what needs none, as in strings that have such letters. Bytes that are no UTF-8 stay bytes,
    and lone surrogates escapes."""
    return encoded(SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)))


def write_literal(text: str) -> bytes:
    """A number stays one where the text is one, and becomes a string elsewhere."""
    return text.encode() if LITERAL.fullmatch(text) else write_string(text)
