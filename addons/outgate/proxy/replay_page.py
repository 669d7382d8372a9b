"""mitmweb's page over a capture that is replayed: what was recorded, and what was asked of it since.

Owns how both are shown. What answers a request, and whether anything does, is `outgate.capture`'s; no flow here can be
sent again, for none came through a gate.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping

from mitmproxy import flow, http

from outgate.capture.matching.bucket import Entry
from outgate.capture.record import redaction
from outgate.capture.serving.answer import Answer
from outgate.proxy.flowfile import OURS, bare
from outgate.proxy.marks import DENIED
from outgate.proxy.web import Web
from outgate.redact.exchange import Body, Exchange, Request, Response, Timing

UNASKED = "not asked for"


class ReplayPage(Web):
    """In place of `Web`. Nothing passes. `open` it once."""

    recorded: Mapping[int, flow.Flow]
    """By the numbers of their entries."""

    def open(self, entries: Iterable[Entry]) -> None:
        """Show what was recorded."""
        shown: dict[int, flow.Flow] = {}
        for entry in entries:
            found = bare(entry.exchange)
            found.metadata[OURS] = json.dumps({"redaction": redaction(entry.manifest)})
            found.comment = _recorded(entry)
            shown[entry.number] = found
            self._add(found)
        self.recorded = shown

    def asked(self, request: Request, entry: Entry | None, answer: Answer, why: str) -> None:
        """Show a request and its answer. `why`: it was missed."""
        found = bare(_exchange(request, entry, answer))
        found.is_replay = "response"
        if entry is None:
            found.marked, found.comment = DENIED, f"miss: {why}"
        else:
            found.comment = f"answered from recorded {entry.number}"
            recorded = self.recorded[entry.number]
            recorded.comment = _recorded(entry)
            self.master.view.update([recorded])
        self._add(found)

    def _add(self, found: flow.Flow) -> None:
        self.master.view.add([found])
        assert isinstance(found, http.HTTPFlow)
        self.remember(found)


def _recorded(entry: Entry) -> str:
    used = "" if entry.uses == 0 else "asked once" if entry.uses == 1 else f"asked {entry.uses} times"
    verdict = entry.exchange.verdict
    said = f" {verdict.verdict} {verdict.code}" if verdict.code else ""
    return f"recorded {entry.number}, {used or UNASKED}{f':{said}' if said else ''}"


def _exchange(request: Request, entry: Entry | None, answer: Answer) -> Exchange:
    """What happened just now."""
    recorded = entry.exchange.response if entry is not None else None
    if recorded is None and not answer.broken:
        body = Body(answer.content, decoded=True, size=len(answer.content))
        recorded = Response(answer.status, answer.reason, fields=answer.fields, body=body)
    error = entry.exchange.error if entry is not None and recorded is None else ""
    return Exchange(uuid.uuid4().hex, time.time(), request, recorded, error=error, timing=Timing(0.0, 0.0, 0.0))
