"""XML: texts, attributes, comments and instructions, each with the names of the elements that it is in.

Owns a reader that gives the place of each in the bytes. A document that defines entities of its own is not read, and
nothing that a document names is opened. Declarations of namespaces are no values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from outgate.redact.codecs import entities
from outgate.redact.codecs.names import DEEPEST
from outgate.redact.codecs.utf8 import said, seen
from outgate.redact.leaf import Found, Leaf, Path, Unreadable

BOM = b"\xef\xbb\xbf"
_NAME = r"[^\s/>=<\"'&!?;]++"
_VALUE = r"\"[^\"<]*+\"|'[^'<]*+'"
TOKEN = re.compile(
    r"(?P<text>[^<]++)"
    rf"|<(?P<open>{_NAME})(?P<attributes>(?:\s++{_NAME}\s*+=\s*+(?:{_VALUE}))*+)\s*+(?P<opened>/?+)>"
    rf"|</(?P<close>{_NAME})\s*+>"
    r"|<!--(?P<comment>(?:[^-]|-(?!-))*+)-->"
    r"|<!\[CDATA\[(?P<cdata>.*?)\]\]>"
    rf"|<\?(?P<target>{_NAME})(?:\s++(?P<instruction>.*?))?\?>"
    r"|<!DOCTYPE(?:[^\[>\"']|\"[^\"]*+\"|'[^']*+')*+>"
    r"|(?P<stray>.)",
    re.DOTALL | re.ASCII,
)
"""Everything matches, so nothing is skipped."""
ATTRIBUTE = re.compile(rf"({_NAME})\s*+=\s*+({_VALUE})", re.ASCII)

BLANK = " \t\r\n"

type Token = re.Match[str]


def read(body: bytes) -> Iterator[Found]:
    """A document: one element, and what may stand around it."""
    path: Path = ()
    over, view = False, seen(body)
    if entities.IMPOSSIBLE.search(view):
        raise Unreadable("characters that XML does not have")
    for token in TOKEN.finditer(view, len(BOM) if body.startswith(BOM) else 0):
        match token.lastgroup:
            case "opened":
                if over or len(path) == DEEPEST:
                    raise Unreadable("the XML has more than one element, or they lie too deep")
                path = (*path, said(token["open"]))
                if token["attributes"]:
                    yield from _attributes(token, path)
                if token["opened"]:
                    path = path[:-1]
            case "close":
                if path[-1:] != (said(token["close"]),):
                    raise Unreadable("an element of the XML is not closed")
                path = path[:-1]
            case "stray":
                raise Unreadable("this is not XML")
            case _:
                yield from _content(token, path)
        over = not path and (over or token.lastgroup in ("opened", "close"))
    if not over:
        raise Unreadable("the XML is broken off, or is none")


def _content(token: Token, path: Path) -> Iterator[Leaf]:
    """What may stand between two tags."""
    match token.lastgroup:
        case "text":
            if (text := token[0].strip(BLANK)) and not path:
                raise Unreadable("the XML has text outside its element")
            if text:
                start = token.start() + token[0].index(text[0])
                yield Leaf(start, start + len(text), entities.text(said(text)), entities.escaped, path, _local(path))
        case "cdata":
            if not path:
                raise Unreadable("the XML has text outside its element")
            yield Leaf(*token.span(), said(token["cdata"]), entities.in_cdata, path, _local(path))
        case "comment":
            yield _aside(token, "comment", (*path, "#comment"), entities.in_comment)
        case "instruction" if token["target"].lower() != "xml":
            yield _aside(token, "instruction", (*path, f"?{said(token['target'])}"), entities.in_instruction)


def _aside(token: Token, group: str, path: Path, write: Callable[[str], bytes]) -> Leaf:
    return Leaf(*token.span(group), said(token[group]), write, path)


def _attributes(token: Token, path: Path) -> Iterator[Leaf]:
    for found in ATTRIBUTE.finditer(token.string, *token.span("attributes")):
        name = said(found[1])
        if name != "xmlns" and not name.startswith("xmlns:"):
            text = entities.text(said(found[2][1:-1]))
            yield Leaf(*found.span(2), text, entities.in_quotes, (*path, f"@{name}"), _local((name,)))


def _local(path: Path) -> str:
    """The last name, without its prefix."""
    return str(path[-1]).rpartition(":")[2]
