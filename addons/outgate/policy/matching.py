"""How the values of a rule match a text: Istio's string match, globs, and path templates, each parsed once.

Owns the patterns. Knows nothing of attributes, requests or policies. No regular expressions: a pattern is compared
with the methods of `str`, so its cost is linear in the text whatever a workload sends.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass

type Match = Callable[[str], bool]

ONE, REST = "{*}", "{**}"
PLAIN = frozenset(string.ascii_letters + string.digits + "-._~%!$&'()+,;:@=")
"""What a wildcard of a path template covers in Envoy. Anything else leaves it open whether the template matches."""


def strings(values: Iterable[str]) -> Match:
    """`exact`, `prefix*`, `*suffix`, and `*` for any text but the empty one. A `*` elsewhere stands for itself."""
    given = tuple(values)
    if "*" in given:
        return bool
    exact = frozenset(value for value in given if not value.startswith("*") and not value.endswith("*"))
    suffixes = tuple(value[1:] for value in given if value.startswith("*"))
    prefixes = tuple(value[:-1] for value in given if value.endswith("*") and not value.startswith("*"))
    if not suffixes and not prefixes:
        return exact.__contains__
    return lambda text: text in exact or text.startswith(prefixes) or text.endswith(suffixes)


def globs(values: Iterable[str]) -> Match:
    """As `strings`, but every `*` stands for any text, none included."""
    patterns = [value.split("*") for value in values]
    exact = frozenset(parts[0] for parts in patterns if len(parts) == 1)
    open_ended = [parts for parts in patterns if len(parts) > 1]
    return lambda text: text in exact or any(_in_order(parts, text) for parts in open_ended)


def _in_order(parts: list[str], text: str) -> bool:
    first, *middle, last = parts
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def is_template(value: str) -> bool:
    return ONE in value or REST in value


def template_problem(value: str) -> str:
    """Why a path template cannot be used, in words; empty where it can."""
    head, rest, tail = value.partition(REST)
    bare = value.replace(REST, "").replace(ONE, "")
    if not value.startswith("/"):
        return "a path template starts with /"
    if "*" in bare or "{" in bare or "}" in bare:
        return "a path template knows {*} for one segment and {**} for the rest, and no other wildcard"
    if rest and (ONE in tail or REST in tail):
        return "nothing but fixed text may follow {**}"
    segments = head.split("/")
    if any(segment.count(ONE) > 1 for segment in segments) or (rest and ONE in segments[-1]):
        return "a segment may hold one wildcard"
    return ""


type Segment = str | tuple[str, str]
"""Fixed text, or what stands before and after `{*}`."""


@dataclass(frozen=True, slots=True)
class Template:
    """A path template: segments that `{*}` may fill, then, where there is `{**}`, any text and a fixed end."""

    segments: tuple[Segment, ...]
    last: str = ""
    """Fixed text of the segment in which `{**}` stands."""
    tail: str | None = None
    """Fixed text after `{**}`; None where there is no `{**}`."""

    @classmethod
    def parse(cls, value: str) -> Template:
        """Raises `ValueError` with what is wrong."""
        if problem := template_problem(value):
            raise ValueError(f'"{value}": {problem}')
        head, rest, tail = value.partition(REST)
        segments = head.split("/")
        if not rest:
            return cls(tuple(map(_segment, segments)))
        return cls(tuple(map(_segment, segments[:-1])), segments[-1], tail)

    def match(self, path: str) -> bool | None:
        """None: a wildcard would have to cover characters that Envoy's does not."""
        covered = self._covered(path)
        if covered is None:
            return False
        return True if PLAIN.issuperset(covered) else None

    def _covered(self, path: str) -> str | None:
        """All that wildcards stand for in `path`, joined; None where the template does not match."""
        if self.tail is None:
            return _fill(self.segments, path.split("/"))
        *parts, rest = path.split("/", len(self.segments))
        filled, free = _fill(self.segments, parts), _between(self.last, self.tail, rest)
        return None if filled is None or free is None else filled + free.replace("/", "")


def _segment(part: str) -> Segment:
    before, wildcard, after = part.partition(ONE)
    return (before, after) if wildcard else part


def _fill(segments: tuple[Segment, ...], parts: list[str]) -> str | None:
    if len(segments) != len(parts):
        return None
    covered = []
    for segment, part in zip(segments, parts, strict=True):
        if isinstance(segment, str):
            if segment != part:
                return None
        elif (text := _between(*segment, part)) is None or not text:
            return None
        else:
            covered.append(text)
    return "".join(covered)


def _between(before: str, after: str, text: str) -> str | None:
    """What stands between the two in `text`; None where they do not enclose it."""
    if len(text) < len(before) + len(after) or not text.startswith(before) or not text.endswith(after):
        return None
    return text[len(before) : len(text) - len(after)]
