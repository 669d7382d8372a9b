"""What is in a body: read in the format that its media type names, or that it looks to be in, or as text or bytes.

Owns the order in which formats are tried. Whoever has rules about names is told where a body that should have some has
none that can be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from outgate.redact.codecs import (
    binary,
    charset,
    csv,
    form,
    graphql,
    grpc,
    html,
    json,
    multipart,
    ndjson,
    packed,
    protobuf,
    sse,
    text,
    url,
    xml,
)
from outgate.redact.codecs.formats import BYTES, JSON, PLAIN, Format, is_object, of_look, of_type
from outgate.redact.codecs.media_type import essence
from outgate.redact.leaf import Codec, Found, Unreadable

CODECS: dict[Format, Codec] = {
    Format.JSON: json.read,
    Format.NDJSON: ndjson.read,
    Format.FORM: form.read,
    Format.XML: xml.read,
    Format.HTML: html.read,
    Format.CSV: csv.read,
    Format.SSE: sse.read,
    Format.GRAPHQL: graphql.read,
    Format.PROTOBUF: protobuf.read,
    Format.PACKED: packed.read,
    Format.URL: url.read_list,
    Format.TEXT: text.read,
    Format.BINARY: binary.read,
}
MOST = 250_000
"""Values of one body. A mebibyte that has more is made of digits and commas, and is no document of anybody's."""
MARKS = tuple(mark for mark, _ in charset.MARKS)
TAKING_ALL = frozenset({Format.FORM, Format.HTML, Format.CSV, Format.SSE, Format.TEXT})
"""Which read everything, also JSON under a wrong type."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found. `degraded`: it should be in a format that has names and is in none, so that rules about names
    have found nothing."""

    format: Format
    found: tuple[Found, ...]
    degraded: bool = False


def read(media_type: str, body: bytes, encoding: str = "", codecs: Mapping[Format, Codec] = CODECS) -> Reading:
    """`media_type`: what `content-type` says, if anything. `encoding`: what `grpc-encoding` says. `codecs`: for formats
    that need no more to be read."""
    named = of_type(essence(media_type))
    if (part := _transcoded(named, media_type, body)) is not None:
        return Reading(Format.TRANSCODED, (part,))
    for tried in _tried(named, media_type, body):
        try:
            found = tuple(islice(codec_of(tried, media_type, encoding, codecs)(body), MOST + 1))
        except Unreadable:
            continue
        if len(found) > MOST:
            continue
        unnamed = tried in PLAIN and (named not in (None, *PLAIN) or is_object(body))
        return Reading(tried, found, degraded=unnamed)
    raise AssertionError("text and bytes are always read")


def codec_of(name: Format, media_type: str, encoding: str = "", codecs: Mapping[Format, Codec] = CODECS) -> Codec:
    """Raises `Unreadable` for a multipart type without a boundary."""
    if name is Format.MULTIPART:
        return multipart.codec(media_type)
    if name is Format.GRPC:
        return grpc.codec(media_type, encoding)
    return codecs[name]


def _transcoded(named: Format | None, media_type: str, body: bytes) -> Found | None:
    """All of a text that is not in UTF-8."""
    try:
        marked = body.startswith(MARKS)
        if marked or (named is not None and named not in BYTES):
            return charset.transcoded(media_type, body)
    except Unreadable:
        pass
    return None


def _tried(named: Format | None, media_type: str, body: bytes) -> Iterator[Format]:
    if named in TAKING_ALL and JSON.match(body):
        yield Format.JSON
    if named is not None and named not in PLAIN:
        yield named
    yield from of_look(body, essence(media_type))
