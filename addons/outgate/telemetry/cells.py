"""What one attempt adds to: the series that a key leads to, found once and then only added to.

Owns the adding. Which series these are is `incoming`'s and `outgoing`'s.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from outgate.telemetry.aggregate import Count, Histogram
from outgate.telemetry.event import Event

MILLI = 1000.0


@dataclass(slots=True)
class Http:
    """A request of a workload."""

    decided: Count
    requests: Count
    duration: Histogram
    """Milliseconds; the next ones bytes, seconds and bytes."""
    sent: Histogram
    received: Histogram
    seconds: Histogram
    request_size: Histogram
    response_size: Histogram

    def add(self, event: Event) -> None:
        """Written out: calls would take twice as long."""
        duration, sent, received = event.duration, event.sent, event.received
        milliseconds = duration * MILLI
        self.decided.value += 1
        self.requests.value += 1
        one = self.duration
        one.buckets[bisect_left(one.bounds, milliseconds)] += 1
        one.sum += milliseconds
        one = self.sent
        one.buckets[bisect_left(one.bounds, sent)] += 1
        one.sum += sent
        one = self.received
        one.buckets[bisect_left(one.bounds, received)] += 1
        one.sum += received
        one = self.seconds
        one.buckets[bisect_left(one.bounds, duration)] += 1
        one.sum += duration
        one = self.request_size
        one.buckets[bisect_left(one.bounds, sent)] += 1
        one.sum += sent
        one = self.response_size
        one.buckets[bisect_left(one.bounds, received)] += 1
        one.sum += received


@dataclass(slots=True)
class Grpc(Http):
    """The same of gRPC, whose messages are counted, too."""

    messages_sent: Count
    messages_received: Count

    def add(self, event: Event) -> None:
        Http.add(self, event)
        self.messages_sent.value += event.sent_messages
        self.messages_received.value += event.received_messages


@dataclass(slots=True)
class Tcp:
    """A tunnel, raw TCP, or a connection that came to nothing."""

    decided: Count
    opened: Count
    closed: Count
    sent: Count
    """To the workload: Istio counts from the proxy's side."""
    received: Count

    def add(self, event: Event) -> None:
        self.decided.value += 1
        self.opened.value += 1
        self.closed.value += 1
        self.sent.value += event.received
        self.received.value += event.sent


@dataclass(slots=True)
class Origin:
    """One time that an origin was tried. Only HTTP has what follows the first."""

    tried: Count
    duration: Histogram | None = None
    """Seconds; the next ones bytes."""
    sent: Histogram | None = None
    received: Histogram | None = None
