"""What a collector was told, in words that tests use: spans and metrics apart from the protocol's messages.

Owns the reading. Whether it is right is for the tests to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from telemetry.receiver import Received, until, values

KINDS = {2: "SERVER", 3: "CLIENT"}
REMOTE = 0x200
"""The bit of a span's flags that says that its parent is somebody else's."""

type Labels = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """One span. Identifiers are hexadecimal; `parent` is empty for a root."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    remote: bool
    """The parent is somebody else's."""
    failed: bool
    start: float
    end: float
    state: str
    attributes: Labels
    service: str
    instance: str

    @property
    def key(self) -> str:
        """What tells one attempt from the others in these tests: its path, or host and port."""
        path = self.attributes.get("url.path") or self.attributes.get("url.full", "").partition("?")[0]
        return path or f"{self.attributes.get('server.address')}:{self.attributes.get('server.port')}"


@dataclass(frozen=True)
class Spread:
    """One point of a histogram."""

    count: int
    sum: float
    bounds: tuple[float, ...]


class Told:
    """Reads what has been received so far."""

    def __init__(self, received: Received) -> None:
        self.received = received

    def spans(self, key: str = "", kind: str = "") -> list[Span]:
        """In the order in which they began; all, or those whose key ends so, or of one kind."""
        found = [
            _span(each, values(of_resource.resource.attributes))
            for message in list(self.received.traces)
            for of_resource in message.resource_spans
            for of_scope in of_resource.scope_spans
            for each in of_scope.spans
        ]
        wanted = [each for each in found if each.key.endswith(key) and kind in ("", each.kind)]
        return sorted(wanted, key=lambda each: each.start)

    def attempt(self, key: str) -> tuple[Span, list[Span]]:
        """The one SERVER span with this key, as soon as it is there, and the CLIENT spans below it."""
        until(lambda: self.spans(key, "SERVER"))
        (server,) = self.spans(key, "SERVER")
        return server, [each for each in self.spans(kind="CLIENT") if each.parent == server.id]

    def points(self, name: str, **wanted: Any) -> list[tuple[Labels, float | Spread]]:
        """The newest value of each series of a metric that has these labels; dots are written as underscores."""
        found: dict[tuple[tuple[str, Any], ...], float | Spread] = {}
        for metric in self.metrics():
            if metric.name == name:
                for point in getattr(metric, metric.WhichOneof("data")).data_points:
                    found[tuple(sorted(values(point.attributes).items()))] = _value(point)
        return [
            (dict(labels), value)
            for labels, value in found.items()
            if wanted.items() <= {key.replace(".", "_"): text for key, text in labels}.items()
        ]

    def total(self, name: str, **wanted: Any) -> float:
        """Of a counter or level."""
        return sum(value for _, value in self.points(name, **wanted) if not isinstance(value, Spread))

    def metrics(self) -> list[Any]:
        """The protocol's own metrics, oldest first."""
        return [
            metric
            for message in list(self.received.metrics)
            for of_resource in message.resource_metrics
            for of_scope in of_resource.scope_metrics
            for metric in of_scope.metrics
        ]

    def wait(self, condition: Callable[[], Any]) -> None:
        self.received.wait(condition)


def _span(span: Any, resource: Labels) -> Span:
    return Span(
        span.name,
        KINDS[span.kind],
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        bool(span.flags & REMOTE),
        span.status.code == 2,
        span.start_time_unix_nano / 1e9,
        span.end_time_unix_nano / 1e9,
        span.trace_state,
        values(span.attributes),
        resource["service.name"],
        resource["service.instance.id"],
    )


def _value(point: Any) -> float | Spread:
    if hasattr(point, "bucket_counts"):
        return Spread(point.count, point.sum, tuple(point.explicit_bounds))
    return float(getattr(point, point.WhichOneof("value")))
