"""What was found in a piece, as found in the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from outgate.redact.leaf import Found, Path


def placed(found: Iterable[Found], at: int, under: Path = ()) -> Iterator[Found]:
    """`at`: where the piece begins; `under`: the path to it."""
    for each in found:
        yield each._replace(start=each.start + at, end=each.end + at, path=under + each.path)
