"""Documents of GraphQL: the strings and numbers that are written into them, each with the name of its argument.

Owns the tokens of the language, and no grammar of it. Variables are JSON's, beside the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from outgate.redact.codecs.json import write_readable
from outgate.redact.codecs.utf8 import one_line, said, seen
from outgate.redact.leaf import Found, Kind, Leaf, Path, Unreadable

TOKEN = re.compile(
    r'"""(?P<block>(?:[^"\\]|\\"""|\\|"(?!""))*+)"""(?!")'
    r'|"(?P<string>(?:[^"\\\r\n]|\\.)*+)"(?!")'
    r"|#(?P<comment>[^\r\n]*+)"
    r"|(?P<name>[A-Za-z_]\w*+)\s*+(?P<colon>:?+)"
    r"|(?P<number>-?+[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+)"
    r"|[\s,!$&()=@\[\]{|}:]|\.\.\.|\xef\xbb\xbf"
    r"|(?P<stray>.)",
    re.DOTALL | re.ASCII,
)
"""Everything matches, so nothing is skipped."""
BEGIN = re.compile(r"\s*+(?:#[^\r\n]*+\s*+)*+(?:\{|(?:query|mutation|subscription|fragment)\b)", re.ASCII)
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|.)", re.DOTALL)
_lenient = json.JSONDecoder(strict=False).raw_decode


def read(body: bytes) -> Iterator[Found]:
    """Operations and fragments, not schemas."""
    view, name = seen(body), ""
    if not BEGIN.match(view):
        raise Unreadable("this is no operation of GraphQL")
    for token in TOKEN.finditer(view):
        path: Path = (name,) if name else ()
        match token.lastgroup:
            case "colon":
                name = token["name"] if token["colon"] else name
            case "string":
                yield Leaf(*token.span(), _unescaped(token["string"]), _string, path, name)
            case "block":
                text = said(token["block"]).replace('\\"""', '"""')
                yield Leaf(*token.span(), text, _string, path, name)
            case "number":
                yield Leaf(*token.span(), token["number"], _number, path, name, Kind.NUMBER)
            case "comment":
                yield Leaf(*token.span("comment"), said(token["comment"]), one_line, ("#comment",))
            case "stray":
                raise Unreadable("this is not GraphQL")


def _unescaped(raw: str) -> str:
    text = ESCAPE.sub(_character, said(raw))
    try:
        return str(_lenient(f'"{text}"')[0])
    except ValueError:
        raise Unreadable("an escape in the GraphQL is none") from None


def _character(found: re.Match[str]) -> str:
    """The one escape that JSON does not have."""
    if found[1] is None:
        return found[0]
    code = int(found[1], 16)
    if code > 0x10FFFF:
        raise Unreadable("an escape in the GraphQL is none")
    return json.dumps(chr(code))[1:-1]


def _string(text: str) -> bytes:
    """Only control characters are escaped: not every server puts surrogates together."""
    return write_readable(text)


def _number(text: str) -> bytes:
    return text.encode() if NUMBER.fullmatch(text) else _string(text)
