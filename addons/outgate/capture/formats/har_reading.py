"""HAR read back, by whoever it was written: entry by entry, and what cannot be read is named and left out.

Owns what real files say otherwise than the specification: byte order marks, versions named as browsers name them,
status 0, forms without a text, bodies of any method, numbers that are null.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from outgate.capture import recorded
from outgate.capture.formats.reading import Imported
from outgate.capture.formats.writing import PORTS, charset_of
from outgate.capture.matching.canonical import field
from outgate.capture.told import Malformed, Told
from outgate.redact.exchange import Body, Exchange, Fields, Request, Response, WebSocketMessage

VERSIONS = {
    "h2": "HTTP/2.0",
    "http/2": "HTTP/2.0",
    "http/2.0": "HTTP/2.0",
    "h3": "HTTP/3",
    "http/3": "HTTP/3",
    "http/1.0": "HTTP/1.0",
}
MAGIC = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
BOUNDARY = "outgate-boundary"


class HarFile:
    """One document. It is read as a whole: that is how its format is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[Imported]:
        """Raises `OSError`, and `Malformed` where the file is no HAR."""
        self.problems = []
        for number, found in enumerate(_entries(self.path.read_bytes())):
            try:
                yield _entry(Told(found), number)
            except ValueError as error:  # `Malformed` too; an address that cannot be split is its plain form
                self.problems.append(f"{self.path}: entry {number} is left out: {error}")


def _entries(content: bytes) -> list[object]:
    try:
        found = json.loads(content.decode("utf-8-sig", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise Malformed("it is no JSON") from error
    log = Told(found).inner("log")
    if "entries" not in log:
        raise Malformed("it has no log.entries, so it is no HAR")
    return log.each("entries")


def _entry(told: Told, number: int) -> Imported:
    ours = told.inner("_outgate")
    request = _request(told.inner("request"))
    response = _response(told.inner("response"))
    started = _moment(told.text("startedDateTime"))
    exchange = Exchange(
        id=ours.text("id") or str(number),
        started=started,
        request=_with_facts(request, ours.inner("request")),
        response=None if response is None else _with_facts(response, ours.inner("response")),
        messages=tuple(_message(each, started) for each in told.objects("_webSocketMessages")),
        close_code=ours.whole("close_code"),
        error=_error(told.inner("response")),
        verdict=recorded.verdict(ours.inner("verdict")),
        timing=recorded.timing(ours.inner("timing")),
        caller=ours.text("caller"),
    )
    return Imported(exchange, recorded.manifest(ours.inner("redaction")))


def _moment(said: str) -> float:
    """Seconds since the epoch; 0 where it is not said."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _request(told: Told) -> Request:
    address = urlsplit(told.text("url"))
    if address.scheme not in PORTS or not address.hostname:
        raise Malformed(f'its scheme is "{address.scheme[:20]}"; http, https, ws and wss are read')
    if not told.text("method"):
        raise Malformed("request.method is not there")
    fields = _fields(told)
    body = _posted(told.inner("postData"), fields)
    return Request(
        told.text("method"),
        {"ws": "http", "wss": "https"}.get(address.scheme, address.scheme),
        address.hostname,
        address.port or PORTS[address.scheme],
        (address.path or "/") + (f"?{address.query}" if address.query else ""),
        _version(told),
        fields,
        replace(body, size=max(0, told.whole("bodySize")) or len(body.content or b"")),
    )


def _response(told: Told) -> Response | None:
    if not 100 <= told.whole("status") <= 999:
        return None
    fields, content = _fields(told), told.inner("content")
    body = _read(content, fields, content.text("mimeType"), content.text("encoding"))
    if not body.content and content.whole("size") > 0 and told.whole("status") != 304 and "comment" not in content:
        body = replace(body, content=None, missing="absent")
    size = max(0, told.whole("bodySize")) or len(body.content or b"")
    return Response(told.whole("status"), told.text("statusText"), _version(told), fields, replace(body, size=size))


def _error(told: Told) -> str:
    said = told.text("_error")
    return said or ("" if 100 <= told.whole("status") <= 999 else "no answer")


def _with_facts[Message: (Request, Response)](message: Message, told: Told) -> Message:
    """With what HAR has no words for, where this program wrote it."""
    trailers = recorded.fields(told, "trailers")
    if "body" not in told:
        return replace(message, trailers=trailers)
    inner = told.inner("body")
    facts, absent = recorded.facts(inner), "kept" in inner and not inner.flag("kept")
    return replace(message, trailers=trailers, body=replace(facts, content=None if absent else message.body.content))


def _version(told: Told) -> str:
    said = told.text("httpVersion")
    return VERSIONS.get(said.lower(), "HTTP/1.1")


def _fields(told: Told) -> Fields:
    """Without the names that begin with a colon, which browsers list for HTTP/2."""
    found = []
    for each in told.objects("headers"):
        name, value = each.text("name"), each.text("value")
        if name and not name.startswith(":"):
            coding = "latin-1" if each.flag("_latin1") else "utf-8"
            found.append((_bytes(name, "latin-1"), _bytes(value, coding)))
    return tuple(found)


def _bytes(said: str, coding: str) -> bytes:
    try:
        return said.encode(coding)
    except UnicodeEncodeError:
        return said.encode("utf-8", "surrogateescape" if coding != "utf-8" else "surrogatepass")


def _posted(told: Told, fields: Fields) -> Body:
    if "text" in told or "params" not in told:
        return _read(told, fields, told.text("mimeType"), told.text("encoding") or told.text("_encoding"))
    return Body(_form(told, field(fields, b"content-type") or told.text("mimeType")), decoded=True)


def _form(told: Told, kind: str) -> bytes:
    """Of the parameters alone."""
    params = told.objects("params")
    if not kind.lower().startswith("multipart/"):
        return urlencode([(each.text("name"), each.text("value")) for each in params], errors="replace").encode()
    _, _, said = kind.partition("boundary=")
    boundary = said.partition(";")[0].strip().strip('"') or BOUNDARY
    parts = [_part(each, boundary) for each in params]
    return "".join([*parts, f"--{boundary}--\r\n"]).encode("utf-8", "replace")


def _part(told: Told, boundary: str) -> str:
    file = f'; filename="{told.text("fileName")}"' if "fileName" in told else ""
    kind = f"Content-Type: {told.text('contentType')}\r\n" if "contentType" in told else ""
    head = f'Content-Disposition: form-data; name="{told.text("name")}"{file}\r\n{kind}'
    return f"--{boundary}\r\n{head}\r\n{told.text('value')}\r\n"


def _read(told: Told, fields: Fields, kind: str, encoding: str) -> Body:
    """Decoded, as HAR has it, unless it shows that it is not."""
    said = told.text("text")
    if encoding == "base64":
        content = _unpacked(said, f"{told.where}.text")
    else:
        content = _encoded(said, kind)
    coding = field(fields, b"content-encoding").lower()
    return Body(content, decoded=not (coding in MAGIC and content.startswith(MAGIC[coding])))


def _encoded(said: str, kind: str) -> bytes:
    """In the charset of its media type, where that can say it."""
    try:
        return said.encode(charset_of(kind))
    except (UnicodeError, LookupError):
        return said.encode("utf-8", "surrogatepass")


def _unpacked(said: str, where: str) -> bytes:
    try:
        return base64.b64decode("".join(said.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"{where} is no base64") from error


def _message(told: Told, started: float) -> WebSocketMessage:
    is_text, data = told.whole("opcode") != 2, told.text("data")
    content = data.encode("utf-8", "surrogatepass") if is_text else _unpacked(data, f"{told.where}.data")
    after = max(0.0, (told.number("time") or started) - started)
    return WebSocketMessage(after, told.text("type") == "send", is_text, content)
