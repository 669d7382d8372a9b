"""A live body that is looked at while it passes: bytes in, and out what may go on.

Owns the order: content codings undone within bounds, pieces, each looked at, and coded again. Nothing of a piece goes
on before all of it was looked at. A body without codings leaves byte by byte as it came where nothing was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from outgate.redact.codecs.formats import Format, of_type
from outgate.redact.codecs.media_type import essence, parameters
from outgate.redact.decoding import Bounds, Decoder, codings
from outgate.redact.deltas import reader, texts
from outgate.redact.encoding import Encoder
from outgate.redact.exchange import Body, Fields, Request, Response
from outgate.redact.live.joints import Joints
from outgate.redact.live.look import Either, Look
from outgate.redact.live.signatures import covered
from outgate.redact.live.units import IN_UTF8, Units, units_of
from outgate.redact.live.verdict import Looked, Refused, Why
from outgate.redact.live.windows import Windows
from outgate.redact.unpacking import Undecodable

ENDLESS = Bounds(2**62)
"""Of a stream only its pieces are bounded, and how densely it is packed."""
SAID = frozenset({b"content-type", b"grpc-encoding", b"connect-content-encoding"})
"""Of a head, what tells how a piece of the body is to be read."""


class Stream:
    """Of one message, whose head is given; how its body is taken apart is told by `take_apart`."""

    _pieces: Units | Windows

    def __init__(self, look: Look, head: Either) -> None:
        self._look = look
        self._signed = covered(head.fields, head.target if isinstance(head, Request) else "")
        self.kind, names = _first(head.fields, b"content-type"), _codings(head.fields)
        self._head = _bare(head)
        self._codings = names
        self._given: Counter[str] = Counter()
        self._begun = False
        self._pieces_of = reader(self.kind) if look.rules.joins else None
        self._joints = Joints(look.rules)

    def take_apart(self, pieces: Units | Windows | None = None) -> Stream:
        """Without `pieces` it is a text. Raises `Refused` where the body cannot be sent on as it would have to be."""
        forced = self._look.rules.forced(())
        if self._codings and self._signed.body and not forced:
            why = f"the body would have to be coded anew, and {self._signed.by} signs it"
            raise Refused(Why.SIGNED, why, self._look.rules.strictest)
        try:
            self._decoder = Decoder(self._codings, ENDLESS) if self._codings else None
        except Undecodable as error:
            raise self._undecodable(error) from None
        self._encoder = Encoder(self._codings) if self._codings else None
        plain = partial(self._look.plain, signed=self._signed)
        self._pieces = Windows(self._look.rules.longest or 0, plain) if pieces is None else pieces
        self.exact = not self._codings and (not self._look.rules.masks or (self._signed.body and not forced))
        """Whether the body stays as it is, to its last byte, or does not come to its end: its length and its digests
        hold then."""
        return self

    def masked(self) -> Counter[str]:
        """How often each rule has masked something since this was last asked."""
        given, self._given = self._given, Counter()
        return given

    def feed(self, data: bytes, last: bool) -> bytes:
        """What may go on by now; with `last`, all of it. Raises `Refused`."""
        self._begun = self._begun or bool(data)
        if not self._begun:  # of nothing, no coding makes something: there may be no room for it
            return b""
        made = [self._coded(looked) for piece in self._plain(data) for looked in self._looked(piece)]
        if last:
            made += map(self._coded, self._rest())
            if self._encoder is not None:
                made.append(self._encoder.finish())
        return b"".join(made)

    def _plain(self, data: bytes) -> Iterator[bytes]:
        if self._decoder is None:
            yield data
            return
        try:
            yield from self._decoder.pieces(data)
        except Undecodable as error:
            raise self._undecodable(error) from None

    def _looked(self, data: bytes) -> Iterator[Looked[bytes]]:
        if isinstance(self._pieces, Windows):
            yield from self._pieces.feed(data)
        else:
            yield from map(self._piece, self._pieces.feed(data))

    def _rest(self) -> Iterator[Looked[bytes]]:
        try:
            if self._decoder is not None:
                self._decoder.finish()
        except Undecodable as error:
            raise self._undecodable(error) from None
        if isinstance(self._pieces, Windows):
            yield self._pieces.finish()
        elif left := self._pieces.finish():
            yield self._piece(left)

    def _piece(self, piece: bytes) -> Looked[bytes]:
        said = replace(self._head, body=Body(piece, decoded=True))
        looked = self._look.under(said, self._signed)
        made = looked.message.body.content or b""
        if self._pieces_of is not None:
            pieces = self._pieces_of(made)
            self._joints.pass_on(delta for part, root in pieces for delta in texts(part.body, root))
        return Looked(made, looked.changed, looked.rules)

    def _coded(self, looked: Looked[bytes]) -> bytes:
        self._given.update(looked.rules)
        return looked.message if self._encoder is None else self._encoder.feed(looked.message)

    def _undecodable(self, error: Undecodable) -> Refused:
        return Refused(Why.UNDECODABLE, str(error), self._look.rules.strictest)


def passing(look: Look, head: Either) -> Stream | None:
    """For a body that is made of pieces. None: it is not. Raises `Refused`."""
    made = Stream(look, head)
    pieces = units_of(made.kind, look.rules.most)
    return made.take_apart(pieces) if pieces is not None else None


def scanning(look: Look, head: Either) -> Stream | None:
    """For a body that is longer than what is held back. None: only all of it could be looked at. Raises `Refused`."""
    made = Stream(look, head)
    pieces = units_of(made.kind, look.rules.most)
    if pieces is None and not (_is_text(made.kind) and look.rules.longest is not None):
        return None
    return made.take_apart(pieces)


def _is_text(kind: str) -> bool:
    return of_type(essence(kind)) is Format.TEXT and parameters(kind).get("charset", "").lower() in IN_UTF8


def _bare(head: Either) -> Either:
    """What a piece of its body is looked at with."""
    fields = tuple(each for each in head.fields if each[0].lower() in SAID)
    if isinstance(head, Request):
        return Request(head.method, head.scheme, head.host, head.port, "/", fields=fields)
    return Response(head.status, fields=fields)


def _codings(fields: Fields) -> tuple[str, ...]:
    return codings(value for name, value in fields if name.lower() == b"content-encoding")


def _first(fields: Fields, name: bytes) -> str:
    return next((value.decode("latin-1") for each, value in fields if each.lower() == name), "")
