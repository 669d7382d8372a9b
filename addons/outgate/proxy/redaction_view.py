"""The view of mitmweb that shows what redaction would take of a message, and why. It writes nothing anywhere.

Owns its text. What is taken, and where, is for `outgate.redact` to say, as it does for a capture.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

from mitmproxy import contentviews, http
from mitmproxy.contentviews import Contentview, Metadata

from outgate.capture import recorded
from outgate.capture.told import Told
from outgate.policy.redaction_model import KeepingPolicy
from outgate.proxy.copies import neutral_of
from outgate.proxy.flowfile import OURS
from outgate.redact.codecs.utf8 import decoded
from outgate.redact.exchange import Body, Exchange, Response
from outgate.redact.labels import Labels
from outgate.redact.redacted import Manifest, Mark

LINE = "-" * 60
NOTHING = "Redaction takes nothing of this."
TAKEN = "Redaction takes these, were it captured:"
GONE = "Redaction took these:"
DROPPED = "All of {} would be dropped: {}."


class RedactionView(Contentview):
    """`keeping` tells what the policy in force says. `kept`: flows are copies that have been redacted."""

    def __init__(self, keeping: Callable[[], KeepingPolicy], *, kept: bool = False) -> None:
        self.keeping, self.kept = keeping, kept
        self._under: tuple[KeepingPolicy, Labels] | None = None

    @property
    def name(self) -> str:
        return "Redaction"

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """Chosen by people alone."""
        return -1

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """Raises `ValueError` for what no rule is about."""
        found = metadata.flow
        if not isinstance(found, http.HTTPFlow):
            raise ValueError("redaction is about HTTP alone")
        if self.kept and OURS in found.metadata:
            return _told(_manifest(found), _side(found, metadata), GONE) + _pretty(data, metadata)
        labels = self._labels()
        exchange, side = _asked(neutral_of(found), found, metadata)
        made = labels.put(exchange)
        said = _told(made.manifest, side, TAKEN, labels)
        return said + labels.read(_pretty(_content(made.exchange, side) or b"", metadata))

    def _labels(self) -> Labels:
        keeping = self.keeping()
        if self._under is None or self._under[0] is not keeping:
            self._under = keeping, Labels(keeping)
        return self._under[1]


def add(keeping: Callable[[], KeepingPolicy], *, kept: bool = False) -> None:
    contentviews.add(RedactionView(keeping, kept=kept))


def _pretty(data: bytes, metadata: Metadata) -> str:
    """As mitmproxy would show it."""
    try:
        return contentviews.registry.get_view(data, metadata).prettify(data, metadata)
    except Exception:  # whatever a view fails at, the bytes can be shown
        return decoded(data)


def _side(found: http.HTTPFlow, metadata: Metadata) -> str:
    if metadata.websocket_message is not None:
        messages = found.websocket.messages if found.websocket is not None else []
        return f"message[{next(at for at, each in enumerate(messages) if each is metadata.websocket_message)}]"
    return "response" if metadata.http_message is found.response else "request"


def _asked(exchange: Exchange, found: http.HTTPFlow, metadata: Metadata) -> tuple[Exchange, str]:
    """What has to be looked at for one message, and how it is called there: of a WebSocket that one alone."""
    side = _side(found, metadata)
    if metadata.websocket_message is None or exchange.request is None:
        return exchange, side
    one = exchange.messages[int(side[len("message[") : -1])]
    bare = replace(exchange.request, body=Body())
    return replace(exchange, request=bare, response=Response(101), messages=(one,)), "message[0]"


def _content(exchange: Exchange, side: str) -> bytes | None:
    if side == "request":
        return exchange.request.body.content if exchange.request is not None else None
    if side == "response":
        return exchange.response.body.content if exchange.response is not None else None
    return exchange.messages[0].content if exchange.messages else None


def _manifest(found: http.HTTPFlow) -> Manifest:
    """What is written in a copy."""
    return recorded.manifest(Told(json.loads(found.metadata.get(OURS, "{}"))).inner("redaction"))


def _told(manifest: Manifest, side: str, title: str, labels: Labels | None = None) -> str:
    """What is taken of one side and why, a line each, before what is left of it."""
    lines = [*_rows([mark for mark in manifest.marks if mark.where.startswith(side)], title, labels)]
    dropped = [each for each in manifest.dropped if each[0].startswith((side, "exchange"))]
    lines += [DROPPED.format(where, why.replace("_", " ")) for where, why in dropped]
    return "\n".join([*(lines or [NOTHING]), LINE, ""])


def _rows(marks: list[Mark], title: str, labels: Labels | None) -> Iterator[str]:
    if not marks:
        return
    yield title
    rows = [(mark.where, mark.rule, *_why(mark, labels)) for mark in marks]
    first, second, third = (max(len(row[at]) for row in rows) for at in range(3))
    for where, rule, strategy, source in rows:
        yield f"  {where:<{first}}  {rule:<{second}}  {strategy:<{third}}  {source}".rstrip()


def _why(mark: Mark, labels: Labels | None) -> tuple[str, str]:
    """What is put in its place, and the document that says so."""
    rule = labels.rules.get(mark.rule) if labels is not None else None
    if rule is None:
        return str(mark.strategy), ""
    return str(rule.replacement.strategy), f"[{rule.source}]" if rule.source is not None else ""
