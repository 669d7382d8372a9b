"""Files of mitmproxy's flows, by whatever version they were written: read flow by flow, and what cannot be is named.

Owns the translation into exchanges. What `flowfile` has put into the metadata is read back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from mitmproxy import flow, http, tcp
from mitmproxy.io import compat, tnetstring

from outgate.capture import recorded
from outgate.capture.formats.reading import Imported
from outgate.capture.told import Malformed, Told
from outgate.proxy.flowfile import OURS
from outgate.redact.exchange import Body, Exchange, Relayed, Request, Response, Timing, WebSocketMessage

MOST_ERROR = 100
"""Characters of what mitmproxy says of an error."""


class FlowFile:
    """Iterated as often as is wanted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        """What could not be read in the last iteration, a line each."""

    def __iter__(self) -> Iterator[Imported]:
        """Raises `OSError`, and `Malformed` where the file begins with no flow."""
        self.problems = []
        with self.path.open("rb") as file:
            for number, state in enumerate(self._states(file)):
                try:
                    yield _imported(flow.Flow.from_state(compat.migrate_flow(state)), number)
                except Malformed as error:
                    self.problems.append(f"{self.path}: flow {number} is left out: {error}")
                except Exception as error:  # a state may be anything, and so is what mitmproxy raises for it
                    what = f"mitmproxy cannot read it ({type(error).__name__})"
                    self.problems.append(f"{self.path}: flow {number} is left out: {what}")

    def _states(self, file: BinaryIO) -> Iterator[dict[bytes | str, Any]]:
        """What the file holds, up to where it is torn."""
        number = 0
        while file.read(1):
            file.seek(-1, 1)
            try:
                state = tnetstring.load(file)
            except (ValueError, TypeError, IndexError) as error:
                if number == 0:
                    raise Malformed("it holds no flows of mitmproxy") from error
                self.problems.append(f"{self.path}: the rest, from flow {number} on, cannot be read")
                return
            yield state if isinstance(state, dict) else {}
            number += 1


def _imported(found: flow.Flow, number: int) -> Imported:
    told = _told(found)
    exchange = exchange_in(found, told)
    return Imported(replace(exchange, id=exchange.id or str(number)), recorded.manifest(told.inner("redaction")))


def exchange_in(found: flow.Flow, told: Told | None = None) -> Exchange:
    """What a flow holds. `told`: what this program has said of it, where that is believed. Raises `Malformed`."""
    told = told if told is not None else Told({})
    if isinstance(found, http.HTTPFlow):
        return _http(found, told)
    if isinstance(found, tcp.TCPFlow):
        return _tcp(found, told)
    raise Malformed(f"it is of the kind {found.type}; http and tcp are read")


def _told(found: flow.Flow) -> Told:
    """What is in its metadata, if this program wrote it."""
    said = found.metadata.get(OURS)
    return Told(json.loads(said) if isinstance(said, str) else {})


def _http(found: http.HTTPFlow, told: Told) -> Exchange:
    request, response = found.request, found.response
    started = request.timestamp_start
    return Exchange(
        id=told.text("id"),
        started=started,
        request=_request(request, told.inner("request")),
        response=None if response is None else _response(response, told.inner("response")),
        messages=_messages(found, started),
        close_code=(found.websocket.close_code or 0) if found.websocket is not None else 0,
        error=told.text("error") or _error(found),
        verdict=recorded.verdict(told.inner("verdict")),
        timing=recorded.timing(told.inner("timing")) if told.found else _timing(found, started),
        caller=told.text("caller"),
    )


def _error(found: flow.Flow) -> str:
    return found.error.msg[:MOST_ERROR] if found.error is not None else ""


def _timing(found: http.HTTPFlow, started: float) -> Timing:
    response = found.response
    marks = (found.request.timestamp_end, *((response.timestamp_start, response.timestamp_end) if response else ()))
    return Timing(*(None if mark is None else max(0.0, mark - started) for mark in marks))


def _request(found: http.Request, told: Told) -> Request:
    return Request(
        found.method,
        found.scheme,
        found.host,
        found.port,
        found.path,
        found.http_version,
        found.headers.fields,
        _body(found, told),
        found.trailers.fields if found.trailers is not None else (),
    )


def _response(found: http.Response, told: Told) -> Response:
    return Response(
        found.status_code,
        found.reason,
        found.http_version,
        found.headers.fields,
        _body(found, told),
        found.trailers.fields if found.trailers is not None else (),
    )


def _body(found: http.Message, told: Told) -> Body:
    """As it is in the flow, with its codings on."""
    content = found.raw_content
    if "body" in told:
        return replace(recorded.facts(told.inner("body")), content=content, decoded=False)
    return Body(content, size=len(content or b""), missing="" if content is not None else "streamed")


def _messages(found: http.HTTPFlow, started: float) -> tuple[WebSocketMessage, ...]:
    if found.websocket is None:
        return ()
    return tuple(
        WebSocketMessage(max(0.0, each.timestamp - started), each.from_client, each.is_text, each.content)
        for each in found.websocket.messages
    )


def _tcp(found: tcp.TCPFlow, told: Told) -> Exchange:
    """Of what passed no more than how much it was."""
    sizes = [(each.from_client, len(each.content)) for each in found.messages]
    host, port = (found.server_conn.address or ("", 0))[:2]
    relayed = Relayed(
        host,
        port,
        sum(size for from_client, size in sizes if from_client),
        sum(size for from_client, size in sizes if not from_client),
        found.server_conn.sni or "",
    )
    return Exchange(
        id=told.text("id"),
        started=found.timestamp_start,
        relayed=recorded.relayed(told.inner("relayed")) if "relayed" in told else relayed,
        error=told.text("error") or _error(found),
        verdict=recorded.verdict(told.inner("verdict")),
        timing=recorded.timing(told.inner("timing")),
        caller=told.text("caller"),
    )
