"""A record read back. Owns the questions to it; its form is `record`'s."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import replace

import orjson

from outgate.capture.record import SCHEMA
from outgate.capture.told import Malformed, Told
from outgate.redact.exchange import (
    Body,
    Chunk,
    Exchange,
    Fields,
    Relayed,
    Request,
    Response,
    Timing,
    Verdict,
    WebSocketMessage,
)
from outgate.redact.redacted import Manifest, Mark, Redacted, seal


def read(line: bytes) -> Redacted:
    """Raises `Malformed` for what is no record, or one of a later schema."""
    try:
        found = orjson.loads(line)
    except ValueError:
        found = _escaped(line)
    told = Told(found)
    if (schema := told.text("schema")) != SCHEMA:
        raise Malformed(f'its schema is "{schema[:60]}"; this version reads {SCHEMA}')
    return seal(_exchange(told), manifest(told.inner("redaction")))


def _escaped(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Malformed("it is no JSON") from error


def _exchange(told: Told) -> Exchange:
    return Exchange(
        id=told.text("id"),
        started=told.number("started") or 0.0,
        request=_request(told.inner("request")) if "request" in told else None,
        response=_response(told.inner("response")) if "response" in told else None,
        messages=tuple(map(_message, told.objects("messages"))),
        close_code=told.whole("close_code"),
        relayed=relayed(told.inner("relayed")) if "relayed" in told else None,
        error=told.text("error"),
        verdict=verdict(told.inner("verdict")),
        timing=timing(told.inner("timing")),
        caller=told.text("caller"),
    )


def verdict(told: Told) -> Verdict:
    return Verdict(
        verdict=told.text("verdict"),
        code=told.text("code"),
        reason=told.text("reason"),
        rule=told.text("rule"),
        destination=told.text("destination"),
        generation=told.text("generation"),
    )


def _request(told: Told) -> Request:
    return Request(
        method=told.text("method"),
        scheme=told.text("scheme"),
        host=told.text("host"),
        port=told.whole("port"),
        target=told.text("target"),
        protocol=told.text("protocol"),
        fields=fields(told, "fields"),
        body=_body(told.inner("body")),
        trailers=fields(told, "trailers"),
    )


def _response(told: Told) -> Response:
    return Response(
        status=told.whole("status"),
        reason=told.text("reason"),
        protocol=told.text("protocol"),
        fields=fields(told, "fields"),
        body=_body(told.inner("body")),
        trailers=fields(told, "trailers"),
    )


def fields(told: Told, name: str) -> Fields:
    try:
        return tuple((known.encode("latin-1"), value.encode("latin-1")) for known, value in told.rows(name, 2))  # type: ignore[attr-defined]
    except (AttributeError, UnicodeEncodeError) as error:
        raise Malformed(f"{name} are not pairs of Latin-1 text") from error


def _body(told: Told) -> Body:
    absent = "kept" in told and not told.flag("kept")
    return replace(facts(told), content=None if absent else unpacked(told))


def facts(told: Told) -> Body:
    """What is known of a body beside its content."""
    return Body(
        decoded=told.flag("decoded"),
        size=told.whole("size"),
        missing=told.text("missing"),
        chunks=tuple(_chunk(row, told.where) for row in told.rows("chunks", 2)),
    )


def unpacked(told: Told) -> bytes:
    """What `packed` has written."""
    if "base64" not in told:
        try:
            return told.text("text").encode()
        except UnicodeEncodeError as error:
            raise Malformed(f"{told.where}.text is no text") from error
    try:
        return base64.b64decode(told.text("base64"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"{told.where}.base64 is no base64") from error


def _chunk(row: list[object], where: str) -> Chunk:
    told = Told(dict(zip(("after", "size"), row, strict=True)), f"{where}.chunks")
    return Chunk(told.number("after") or 0.0, told.whole("size"))


def _message(told: Told) -> WebSocketMessage:
    return WebSocketMessage(
        after=told.number("after") or 0.0,
        from_client=told.text("from") == "client",
        text=told.text("type") == "text",
        content=unpacked(told),
    )


def relayed(told: Told) -> Relayed:
    return Relayed(told.text("host"), told.whole("port"), told.whole("sent"), told.whole("received"), told.text("sni"))


def timing(told: Told) -> Timing:
    return Timing(told.number("request_end"), told.number("first_byte"), told.number("end"))


def _texts(row: list[object], names: tuple[str, ...]) -> list[str]:
    told = Told(dict(zip(names, row, strict=True)), "redaction")
    return [told.text(name) for name in names]


def manifest(told: Told) -> Manifest:
    marks = (_texts(row, ("where", "rule", "strategy")) for row in told.rows("marks", 3))
    dropped = (_texts(row, ("where", "why")) for row in told.rows("dropped", 2))
    return Manifest(
        policy=told.text("policy"),
        marks=tuple(Mark(*row) for row in marks),
        dropped=tuple((where, why) for where, why in dropped),
    )
