"""Where the spans of an attempt wait to be sent: for the place that a document names, or for the variables' collector.

Owns one outbox for each place. They follow the policy: a place that is not named any more is sent what waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from outgate.policy.telemetry_model import SpanProtocol, SpanSink, TraceRule
from outgate.telemetry.collector import Collector, Export, Protocol
from outgate.telemetry.event import Event
from outgate.telemetry.outbox import Bounds, Outbox, Sender
from outgate.telemetry.tracer import Put

PROTOCOLS = {SpanProtocol.GRPC: Protocol.GRPC, SpanProtocol.HTTP: Protocol.HTTP}


class SpanBox(Outbox[bytes]):
    """Of one place. `write` draws the spans of an attempt."""

    def __init__(
        self, write: Callable[[Event], bytes], connect: Callable[[], Sender[bytes]], bounds: Bounds | None = None
    ) -> None:
        super().__init__("spans", connect, bounds)
        self._write = write

    def take(self, event: Event) -> None:
        """Its spans are drawn at once: what waits is as large as what is sent, and holds on to nothing else."""
        if self.takes():
            made = self._write(event)
            self.put(made, len(made))


class SpanBoxes:
    """`write` draws the spans of an attempt, `connect` makes a sender for a collector. `environ`: where headers that
    documents name find their values."""

    def __init__(
        self,
        export: Export,
        write: Callable[[Event], bytes],
        connect: Callable[[Collector], Sender[bytes]],
        environ: Mapping[str, str],
    ) -> None:
        self._export, self._write, self._connect, self._environ = export, write, connect, environ
        self._own = self._box(export.traces) if export.traces.wanted else None
        self._places: dict[SpanSink, SpanBox] = {}
        self._named: dict[str, SpanBox] = {}
        self._left: list[SpanBox] = []
        """Of places that are not named any more, until they have ended."""
        self._sent = self._dropped = 0
        """By those that have ended."""
        self._running = False

    @property
    def wanted(self) -> bool:
        """Whether spans go, or went, anywhere."""
        return bool(self.open()) or bool(self._sent or self._dropped)

    @property
    def sent(self) -> int:
        return self._sent + sum(each.sent for each in self.open())

    @property
    def dropped(self) -> int:
        return self._dropped + sum(each.dropped for each in self.open())

    def route(self, rule: TraceRule | None) -> Put | None:
        """Who takes the spans of callers with this rule. A name of no place leads to the variables' collector."""
        box = self._named.get(rule.sink, self._own) if rule is not None else self._own
        return box.take if box is not None else None

    def follow(self, sinks: Iterable[SpanSink]) -> None:
        """Documents name these places now."""
        before, self._places, self._named = self._places, {}, {}
        for sink in sinks:
            place = replace(sink, name="", source=None)
            box = self._places.get(place) or before.get(place)
            if box is None:
                box = self._box(self._collector(sink))
                if self._running:
                    box.start()
            self._places[place] = self._named[sink.name] = box
        for place, box in before.items():
            if place not in self._places:
                box.close()
                self._left.append(box)
        self._settle()

    def start(self) -> None:
        """Those that are made later start at once."""
        self._running = True

    def open(self) -> list[SpanBox]:
        """All that may still send."""
        own = [self._own] if self._own is not None else []
        return [*own, *self._places.values(), *self._left]

    def _settle(self) -> None:
        """Add up what those that have ended came to, and forget them."""
        for box in [each for each in self._left if each.ended]:
            self._left.remove(box)
            self._sent, self._dropped = self._sent + box.sent, self._dropped + box.dropped

    def _box(self, collector: Collector) -> SpanBox:
        return SpanBox(self._write, lambda: self._connect(collector), self._export.span_bounds)

    def _collector(self, sink: SpanSink) -> Collector:
        http = sink.protocol is SpanProtocol.HTTP
        made = self._export.traces.at(sink.target)
        return replace(
            made,
            endpoint=f"{made.endpoint}{sink.path}" if http else made.endpoint,
            protocol=PROTOCOLS[sink.protocol],
            headers=tuple((each.name.lower(), self._value(each.value, each.environment)) for each in sink.headers),
            timeout=sink.timeout or made.timeout,
        )

    def _value(self, value: str | None, variable: str | None) -> str:
        return value if value is not None else self._environ.get(variable or "", "")
