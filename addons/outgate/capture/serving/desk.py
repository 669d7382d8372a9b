"""What every protocol asks: what is the answer to this request?

Owns the way from a request to its answer, and that each is counted. Knows no socket: whoever makes a desk may give it a
way to send a miss on, and without one nothing is sent to anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from outgate.capture.formats.reading import Recorded
from outgate.capture.match import Ending, Matcher, Miss, Scope
from outgate.capture.matching.bucket import Entry
from outgate.capture.matching.canonical import field as field_of
from outgate.capture.serving.answer import Answer, missed, recorded
from outgate.capture.serving.places import Arrival, Places
from outgate.capture.serving.tally import Tally
from outgate.redact.exchange import Request

type Onward = Callable[[Request], Awaitable[Answer]]
"""Where a miss is sent to, and what comes back."""
type Watch = Callable[[Request, Entry | None, Answer, str], None]
"""Is told of each request, the entry that answers it, the answer, and why it was missed."""


@dataclass(slots=True)
class Desk:
    """Of one capture. `timing`: answers keep the pace of the recording."""

    matcher: Matcher
    timing: bool = False
    onward: Onward | None = None
    tally: Tally = field(default_factory=Tally)
    watch: Watch = lambda *_: None
    places: Places = field(init=False)

    def __post_init__(self) -> None:
        self.places = Places(entry.request for entry in self.matcher.entries)

    async def find(self, request: Request, arrival: Arrival) -> tuple[Entry | None, Answer]:
        """What answers, with the entry that it is of; None: it is a miss."""
        asked, scope = self.places.located(request, arrival)
        found = self.matcher.find(asked, scope)
        if isinstance(found, Miss):
            return None, await self._missed(asked, found, scope)
        if (answer := recorded(found, asked)) is None:
            assert found.exchange.response is not None
            why = f"the body of its answer was not kept ({found.exchange.response.body.missing or 'redacted'})"
            return None, await self._missed(asked, Miss(why, found), scope)
        self.tally.answered += 1
        self.watch(asked, found, answer, "")
        return found, answer

    async def _missed(self, asked: Request, miss: Miss, scope: Scope) -> Answer:
        told = self.tally.miss(asked, miss)
        origin = self.places.origin(asked, scope) if self.onward is not None and can_go_on(asked) else None
        if self.onward is None or origin is None:
            answer = missed(miss, asked)
        else:
            self.tally.sent_on += 1
            answer = await self.onward(origin)
        self.watch(asked, None, answer, str(told))
        return answer

    async def paced(self, answer: Answer) -> AsyncIterator[bytes]:
        """The pieces of an answer, each when it is due."""
        if not self.timing:
            yield answer.content
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        for piece in answer.pieces:
            await asyncio.sleep(max(0.0, began + piece.after - answer.began - loop.time()))
            yield piece.content


def can_go_on(request: Request) -> bool:
    """WebSockets cannot, nor what takes more of HTTP/2 than its messages."""
    kind = field_of(request.fields, b"content-type").lower()
    return not field_of(request.fields, b"upgrade") and not kind.startswith("application/grpc")


def desk(
    source: Iterable[Recorded],
    ending: Ending = Ending.REPEAT_LAST,
    volatile: frozenset[str] = frozenset(),
    *,
    timing: bool = False,
) -> Desk:
    """A desk for all that a source holds, in the order in which it began."""
    matcher = Matcher(ending, volatile)
    for kept in sorted(source, key=lambda kept: kept.exchange.started):
        matcher.add(kept.exchange, kept.manifest)
    return Desk(matcher, timing)
