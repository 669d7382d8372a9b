"""An exchange whose time is limited, and that can be ended whatever it waits for.

Owns what each limit is counted from, and that nothing follows from what comes when the exchange is over. The timers are
`deadlines`'; what a try has to do with its origin is `origin_side`'s.
"""

from __future__ import annotations

import time
from typing import Any

from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http._events import HttpEvent, RequestEndOfMessage, RequestHeaders

from outgate.proxy.commands import Late, Limited, Stopped, Within
from outgate.proxy.origin_side import OriginSide
from outgate.traffic.outcome import Broken, Outcome

type Commands = layer.CommandGenerator[None]


class TimedStream(OriginSide):
    """See the module."""

    moved = 0.0
    """When anything last came, by the monotonic clock."""
    cut_off = False
    """Whether it was ended while it waited for something."""

    def handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, Late) and event.what is not Limited.TRY:
            yield from self._late(event.what)
        elif isinstance(event, Late):
            if self._paused is None:  # else it is not an origin that is waited for
                yield from super().handle_event(event)
        elif isinstance(event, Stopped):
            yield from self._end_now()
        else:
            if isinstance(event, HttpEvent):
                self.moved = time.monotonic()
            yield from super().handle_event(event)
            if isinstance(event, RequestEndOfMessage) or (isinstance(event, RequestHeaders) and event.end_stream):
                yield from self._request_came()

    def _handle_event(self, event: events.Event) -> Commands:
        """What was waited for may come when the exchange has been ended meanwhile."""
        late = isinstance(event, Late)
        steps, reply = self._try_late() if late else super()._handle_event(event), None
        while True:
            try:
                command = steps.send(reply)
            except StopIteration:
                return
            reply = yield command
            if self.cut_off:
                steps.close()
                yield from self.parent.spare(reply)
                return

    def over(self) -> bool:
        """Whether nothing more comes of it."""
        raise NotImplementedError

    # The limits.

    def start_timers(self) -> Commands:
        """The exchange was admitted."""
        passage = self.exchange.passage
        if passage is None:
            return
        route = passage.route
        if route.idle_timeout:
            yield Within(self.stream_id, Limited.IDLE, route.idle_timeout)
        if (remaining := passage.remaining(Limited.DURATION)) is not None:
            yield Within(self.stream_id, Limited.DURATION, remaining)

    def _request_came(self) -> Commands:
        """All of the request is here."""
        passage = getattr(self, "exchange", None) and self.exchange.passage
        if not passage or self.all_here or self.over():
            return
        self.all_here = True
        passage.heard = passage.heard or passage.clock()
        if (remaining := passage.remaining(Limited.REQUEST)) is not None:
            yield Within(self.stream_id, Limited.REQUEST, remaining)
        if self.linked:
            yield from self.time_try()

    def _late(self, what: Limited) -> Commands:
        if self.over() or (what is Limited.IDLE and (yield from self._moved_on())):
            return
        if what is Limited.REQUEST and self.flow.response is not None and self.flow.response.status_code == 101:
            return  # what has become of it is no request any more
        yield from self._cut_off(self.stop(*told_late(what, heard=self.all_here)))

    def _moved_on(self) -> Any:
        """Whether something has come since; then it is timed anew."""
        passage = self.exchange.passage
        assert passage is not None
        remaining = self.moved + (passage.route.idle_timeout or 0.0) - time.monotonic()
        if remaining > 0:
            yield Within(self.stream_id, Limited.IDLE, remaining)
        return remaining > 0

    def _try_late(self) -> Commands:
        """A try that takes too long is one that failed."""
        if self.over() or self.response_begun:
            return
        outcome = Outcome(broken=Broken.TIMEOUT)
        if (yield from self.tried_again(outcome, "try_timeout")):
            return
        self.tell(outcome)
        yield from self.stop(*told_late(Limited.TRY, heard=True))

    # Ends from outside.

    def _end_now(self) -> Commands:
        if not self.over():
            yield from self._cut_off(self.fail())

    def _cut_off(self, ending: Commands) -> Commands:
        self.cut_off = self._paused is not None
        yield from ending


def told_late(what: Limited, *, heard: bool) -> tuple[int, str, str]:
    """Status, code and reason for a workload; it was late itself where it was not `heard` to its end."""
    match what:
        case Limited.REQUEST:
            return 504, "request_timeout", "upstream request timeout"
        case Limited.TRY:
            return 504, "try_timeout", "upstream per try timeout"
        case Limited.IDLE:
            return 504 if heard else 408, "stream_idle", "stream timeout"
        case Limited.DURATION:
            return 408, "stream_too_long", "upstream max stream duration reached"
