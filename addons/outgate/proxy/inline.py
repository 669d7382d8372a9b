"""What documents say about live messages, done to one exchange: both directions, before anything of them goes on.

Owns what is held back and what is looked at as it passes, and that whatever goes wrong on the way is a denial. What
rules find, and what may become of it, is `redact.live`'s.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from mitmproxy import http

from outgate.policy import keeping
from outgate.policy.decide import STATUS
from outgate.policy.model import Attempt, Code, Decision, Verdict
from outgate.policy.redaction_model import Direction, RedactionPolicy
from outgate.policy.snapshot import Policy
from outgate.proxy.desk import Busy, Desk
from outgate.proxy.inspected import bare, loosen, message_of, must_be_whole, signed, value_of, write
from outgate.proxy.taps import Room
from outgate.redact.exchange import Request, Response
from outgate.redact.live.look import Either, Look
from outgate.redact.live.rules import Rules
from outgate.redact.live.signatures import covered
from outgate.redact.live.stream import Stream, passing, scanning
from outgate.redact.live.talk import Talk
from outgate.redact.live.units import is_call, is_endless
from outgate.redact.live.verdict import Refused, Why
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer

log = logging.getLogger(__name__)

SMALL = 8 * 1024
"""Bytes that are looked at on the event loop: a thread would take longer."""
UNDER_WAY = 256 * 1024 * 1024
"""Bytes that all exchanges under way may hold back together."""
REMEMBERED = 64
"""Sets of documents whose rules are kept compiled."""
FRAME = 123
"""Bytes of a ping, a pong, or the reason of a close."""
type Looks = tuple[Look | None, Look | None]
"""At requests, and at answers."""


class Inlines:
    """What looks at exchanges. `within`: seconds that one look may take. Several processes of one gate are given one
    `master`, so that they make the same of the same value."""

    def __init__(self, master: bytes | None = None, within: float = 10.0) -> None:
        self.within, self.desk, self.room = within, Desk(), Room(UNDER_WAY)
        self.masked: Counter[tuple[str, ...]] = Counter()
        """What rules found and why messages were refused, each with what became of it."""
        replacer = Replacer(Keys(master or secrets.token_bytes(32), "inline", ""))
        self._looks = lru_cache(REMEMBERED)(partial(_looks, replacer))

    def of(self, policy: Policy, attempt: Attempt, allowed: Decision) -> Inline | None:
        """For a request that a policy allows; None where no document is about it."""
        redactions = keeping.inline(policy.keeping, attempt)
        return Inline(self, self._looks(redactions), redactions, allowed) if redactions else None

    def note(self, rules: Iterable[str], action: str) -> None:
        self.masked.update((rule, action) for rule in rules)


def _looks(replacer: Replacer, redactions: tuple[RedactionPolicy, ...]) -> Looks:
    made = [Rules(side, redactions) for side in (Direction.REQUEST, Direction.RESPONSE)]
    request, response = (Look(rules, replacer) if rules else None for rules in made)
    return request, response


@dataclass(slots=True)
class Course:
    """One direction."""

    look: Look | None
    begun: bool = False
    stream: Stream | None = None
    """What looks at the body while it passes; None where it is held back."""
    talk: Talk | None = None
    """Of a WebSocket."""
    seen: object = None
    """What was looked at."""

    @property
    def loose(self) -> bool:
        """Whether the body that passes may not have the length that was announced."""
        return self.stream is not None and not self.stream.exact


@dataclass(slots=True)
class Inline:
    """Of one exchange. Where `stopped` is set nothing goes on any more."""

    shop: Inlines
    looks: Looks
    redactions: tuple[RedactionPolicy, ...]
    allowed: Decision
    """By which the exchange goes on as long as it is not stopped."""
    request: Course = field(init=False)
    response: Course = field(init=False)
    stopped: Decision | None = None
    held: int = 0
    """Bytes of the room."""

    def __post_init__(self) -> None:
        self.request, self.response = (Course(look) for look in self.looks)

    def course(self, *, sending: bool) -> Course:
        return self.request if sending else self.response

    # How a body is looked at.

    def begin(self, flow: http.HTTPFlow, *, sending: bool, whole: bool = False) -> Stage | None:
        """A head has come. The stage that the body has to pass; None where it is held back, or not looked at. `whole`:
        somebody else waits for all of it."""
        course = self.course(sending=sending)
        if course.look is None or course.begun:
            return None
        course.begun = True
        head = message_of(flow, sending=sending, whole=False)
        kind = value_of(head.fields, b"content-type")
        # Requests end by themselves, but for calls, which may wait for an answer first.
        if whole or not (is_call(kind) if sending else is_endless(kind)):
            return None
        return self._in_pieces(course, partial(passing, course.look, head))

    def holds(self, *, sending: bool) -> bool:
        """Whether the body is held back."""
        course = self.course(sending=sending)
        return course.look is not None and course.stream is None

    def most(self, *, sending: bool) -> int:
        """Bytes that are held back."""
        look = self.course(sending=sending).look
        return look.rules.most if look is not None else 0

    def hold(self, size: int) -> bool:
        """Whether there is room for so much more. If not, it is stopped."""
        if not self.shop.room.take(size):
            self._refuse(Refused(Why.BUSY, "too much is held back to be looked at"))
            return False
        self.held += size
        return True

    def give_back(self) -> None:
        """The exchange is over."""
        self.shop.room.give(self.held)
        self.held = 0

    def overflow(self, flow: http.HTTPFlow, *, sending: bool) -> Stage | None:
        """More has come than is held back. What it has to pass from now on; None where it is stopped."""
        course = self.course(sending=sending)
        assert course.look is not None
        stage = self._in_pieces(course, partial(scanning, course.look, message_of(flow, sending=sending, whole=False)))
        if stage is None and self.stopped is None:
            why = f"the body is longer than the {course.look.rules.most} bytes that are held back"
            self._refuse(Refused(Why.TOO_LARGE, why, course.look.rules.strictest))
        return stage

    def _in_pieces(self, course: Course, made: Callable[[], Stream | None]) -> Stage | None:
        try:
            course.stream = made()
        except Refused as refused:
            self._refuse(refused)
        except Exception as error:
            self._fail(error)
        return Stage(self, course.stream) if course.stream is not None else None

    # Messages.

    def wants(self, flow: http.HTTPFlow, *, sending: bool) -> bool:
        """Whether a message has not been looked at as it is now."""
        course = self.course(sending=sending)
        return course.look is not None and course.seen != message_of(flow, sending=sending, whole=True)

    async def at(self, flow: http.HTTPFlow, *, sending: bool, whole: bool) -> None:
        """Look at a message, or at its head alone, and make it what may go on."""
        course = self.course(sending=sending)
        assert course.look is not None
        try:
            message = message_of(flow, sending=sending, whole=whole)
            must_be_whole(message, course.look.rules)
            looked = await self._done(partial(course.look.at, message), len(message.body.content or b""))
            if looked.changed:
                write(flow, looked.message, whole=whole)
            self.shop.note(looked.rules, "mask")
            course.seen = message_of(flow, sending=sending, whole=True)
        except Refused as refused:
            self._refuse(refused)
            await self._hide(flow, course.look, sending=sending)
        except Exception as error:
            self._fail(error)
            if sending:
                bare(flow.request)

    async def _hide(self, flow: http.HTTPFlow, look: Look, *, sending: bool) -> None:
        """What does not leave is told of all the same: without what no rule would let go on."""
        if not sending:
            return
        head = message_of(flow, sending=True, whole=False)
        try:
            assert isinstance(head, Request)
            made = await self._done(partial(look.shown, head), 0)
            flow.request.data.method = made.method.encode("latin-1", "replace")
            write(flow, made, whole=False)
        except Exception:
            bare(flow.request)

    def trailers(self, trailers: http.Headers, *, sending: bool) -> http.Headers:
        """Behind a body that has passed."""
        course = self.course(sending=sending)
        if course.look is None or self.stopped is not None:
            return trailers
        said: Either = Request("", "", "", 0, "/") if sending else Response(200)
        try:
            looked = course.look.under(replace(said, trailers=trailers.fields), covered(()))
        except Refused as refused:
            self._refuse(refused)
        except Exception as error:
            self._fail(error)
        else:
            self.shop.note(looked.rules, "mask")
            return http.Headers(looked.message.trailers)
        return http.Headers()

    async def message(self, flow: http.HTTPFlow) -> None:
        """The last message of a WebSocket."""
        assert flow.websocket is not None
        message = flow.websocket.messages[-1]
        course = self.course(sending=message.from_client)
        if course.look is None:
            return
        talk = course.talk = course.talk or Talk(course.look)
        content, message.content = message.content, b""
        try:
            looked = await self._done(partial(talk.message, content), len(content))
        except Refused as refused:
            self._refuse(refused)
        except Exception as error:
            self._fail(error)
        else:
            self.shop.note(looked.rules, "mask")
            message.content = looked.message

    def control(self, text: bytes, *, sending: bool) -> bytes:
        """What a ping, a pong or a close says. Nothing where it is stopped."""
        if (look := self.course(sending=sending).look) is None or not text:
            return text
        try:
            made = look.text(text.decode("latin-1"), "message").encode("latin-1")[:FRAME]
        except Refused as refused:
            self._refuse(refused)
        except Exception as error:
            self._fail(error)
        else:
            return made
        return b""

    # Heads that go on before their bodies.

    def leaving(self, request: http.Request) -> http.Request:
        """A head as it is sent: asks for whole answers, and announces no length that may not come true."""
        loose = self.request.loose
        ranged = self.response.look is not None and "range" in request.headers and not signed(request)
        if not (loose or ranged):
            return request
        copy = request.copy()
        if ranged:
            for name in ("range", "if-range"):
                copy.headers.pop(name, None)
        if loose:
            loosen(copy)
        return copy

    def answering(self, response: http.Response) -> None:
        """A head that is passed on: it announces no length that may not come true."""
        if self.response.loose:
            loosen(response)

    # Ends.

    async def _done[Result](self, work: Callable[[], Result], size: int) -> Result:
        """Work at once where it is little, else in a thread."""
        looks = (self.request.look, self.response.look)
        if size <= SMALL and all(look is None or look.rules.compiled for look in looks):
            return work()
        return await self.shop.desk.done(work, self.shop.within)

    def _fail(self, error: Exception) -> None:
        why = Why.BUSY if isinstance(error, TimeoutError | Busy) else Why.FAILED
        log.error("a live message was refused, it could not be looked at: %s", type(error).__name__)
        self._refuse(Refused(why, f"it could not be looked at: {type(error).__name__}"))

    def _refuse(self, refused: Refused) -> None:
        blocked = refused.why is Why.BLOCKED
        self.shop.note([refused.rule if blocked else refused.why], "block" if blocked else "refuse")
        if self.stopped is None:
            code = Code.REDACTION_BLOCKED if blocked else Code.REDACTION_REFUSED
            source = (refused.source or self.redactions[0]).source
            self.stopped = replace(
                self.allowed, verdict=Verdict.DENY, code=code, reason=str(refused), source=source, status=STATUS[code]
            )


class Stage:
    """A body that is looked at while it passes."""

    def __init__(self, inline: Inline, stream: Stream) -> None:
        self._inline, self._stream = inline, stream

    async def feed(self, data: bytes, last: bool) -> bytes:
        """Nothing once it is stopped."""
        inline = self._inline
        if inline.stopped is not None:
            return b""
        try:
            made = await inline._done(partial(self._stream.feed, data, last), len(data))
        except Refused as refused:
            inline._refuse(refused)
        except Exception as error:
            inline._fail(error)
        else:
            inline.shop.note(self._stream.masked().elements(), "mask")
            return made
        return b""
