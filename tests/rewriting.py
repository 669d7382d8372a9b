"""What every codec promises, as functions of a body: what it finds lies in order, can be written again, and alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from outgate.redact.leaf import Codec, Edit, Found, Leaf, Part, Unreadable, splice

NEW = "changed <&\"'>%+; é\\"
"""Has what formats escape."""


def found_in(codec: Codec, body: bytes) -> list[Found]:
    """All of it, in its places: each behind the one before, or raises `Unreadable`."""
    found = list(codec(body))
    at = 0
    for each in found:
        assert at <= each.start <= each.end <= len(body), each
        at = each.end
    assert splice(body, []) == body
    return found


def readable(codec: Codec, body: bytes) -> list[Found] | None:
    """As `found_in`; None where the codec does not read it. Nothing else may be raised."""
    try:
        return found_in(codec, body)
    except Unreadable:
        return None


def said(found: Found) -> str | bytes:
    return found.text if isinstance(found, Leaf) else found.body


def edit(found: Found, new: str | bytes) -> Edit:
    return Edit(found.start, found.end, found.write(new))


def replaced(body: bytes, found: Found, new: str | bytes) -> bytes:
    """The body with one thing changed; every other byte is as it was."""
    made = splice(body, [edit(found, new)])
    assert made.startswith(body[: found.start])
    assert made.endswith(body[found.end :])
    return made


def leaf(codec: Codec, body: bytes, text: str) -> Leaf:
    """The only leaf that says this."""
    (found,) = [each for each in found_in(codec, body) if isinstance(each, Leaf) and each.text == text]
    return found


def texts(codec: Codec, body: bytes) -> list[str]:
    return [each.text for each in found_in(codec, body) if isinstance(each, Leaf)]


def parts(codec: Codec, body: bytes) -> list[Part]:
    return [each for each in found_in(codec, body) if isinstance(each, Part)]


def named(codec: Codec, body: bytes) -> list[tuple[str, str]]:
    """Names and texts of its leaves."""
    return [(each.name, each.text) for each in found_in(codec, body) if isinstance(each, Leaf)]


def same_again(codec: Codec, body: bytes, key: Callable[[Found], object] = said) -> None:
    """Whatever is written as it is said, says the same: all at once."""
    found = readable(codec, body)
    if found is None:
        return
    made = splice(body, [edit(each, said(each)) for each in found])
    again = found_in(codec, made)
    assert [key(each) for each in again] == [key(each) for each in found]


def seconds(codec: Codec, body: bytes) -> float:
    """Of the processor, whether it is read or not: the least of three tries."""
    least = float("inf")
    for _ in range(3):
        began = time.process_time()
        readable(codec, body)
        least = min(least, time.process_time() - began)
    return least


def is_linear(codec: Codec, piece: bytes, head: bytes = b"", tail: bytes = b"") -> bool:
    """Whether eight times as much takes less than a quarter of what it would in quadratic time."""
    small, large = (head + piece * (size // len(piece)) + tail for size in (8_000, 64_000))
    return seconds(codec, large) < 16 * seconds(codec, small) + 0.05
