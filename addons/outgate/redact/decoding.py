"""Content codings, undone within bounds: gzip, deflate, br and zstd, one over the other in any order.

Owns the bounds, for whole bodies and for streams, and that what cannot be seen whole raises `Undecodable`. Knows no
message: transfer codings are undone before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from outgate.redact.unpacking import UNPACKERS, Reason, Undecodable, Unpacker

MOST_CODINGS = 4
ALIASES = {"x-gzip": "gzip"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of what comes out, also between two codings."""

    most: int
    """Bytes in all."""
    ratio: int = 1000
    """Bytes that come out for each that goes in."""
    free: int = 1024 * 1024
    """Bytes to which the ratio does not apply."""


def codings(values: Iterable[bytes]) -> tuple[str, ...]:
    """What lines of `content-encoding` say, in the order in which it was done."""
    names = (name.strip().lower() for value in values for name in value.decode("latin-1").split(","))
    return tuple(ALIASES.get(name, name) for name in names if name not in ("", "identity"))


class Decoder:
    """Undoes the codings of a body that comes in pieces. After an error nothing more may be asked of it."""

    def __init__(self, names: Sequence[str], bounds: Bounds) -> None:
        if len(names) > MOST_CODINGS:
            raise Undecodable(Reason.TOO_MANY_CODINGS)
        if not UNPACKERS.keys() >= set(names):
            raise Undecodable(Reason.UNKNOWN_CODING)
        self._stages = [_Stage(UNPACKERS[name](), bounds) for name in reversed(names)]
        self._bounds, self._taken = bounds, 0

    def feed(self, data: bytes) -> bytes:
        """What can be said after this piece. Raises `Undecodable`."""
        return b"".join(self.pieces(data))

    def pieces(self, data: bytes) -> Iterable[bytes]:
        """The same, little by little: it may be much. To be taken to its end."""
        self._taken += len(data)
        if not self._stages and self._taken > self._bounds.most:
            raise Undecodable(Reason.TOO_LARGE)
        pieces: Iterable[bytes] = (data,)
        for stage in self._stages:
            pieces = stage.made(pieces, self._taken)
        return pieces

    def finish(self) -> None:
        """To be called at the end: raises `Undecodable` where something is missing."""
        for stage in self._stages:
            stage.unpacker.finish()


class _Stage:
    """One coding, and how much has come out of it."""

    def __init__(self, unpacker: Unpacker, bounds: Bounds) -> None:
        self.unpacker, self.bounds, self.given = unpacker, bounds, 0

    def made(self, pieces: Iterable[bytes], taken: int) -> Iterator[bytes]:
        for piece in pieces:
            for made in self.unpacker.feed(piece):
                self.given += len(made)
                if self.given > self.bounds.most:
                    raise Undecodable(Reason.TOO_LARGE)
                if self.given > max(self.bounds.free, self.bounds.ratio * taken):
                    raise Undecodable(Reason.TOO_DENSE)
                yield made


def decode(body: bytes, names: Sequence[str], bounds: Bounds) -> bytes:
    """A whole body without its codings, which `codings` has read. Raises `Undecodable`."""
    decoder = Decoder(names, bounds)
    decoded = decoder.feed(body)
    decoder.finish()
    return decoded
