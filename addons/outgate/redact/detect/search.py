"""Finds what detectors know in many texts at once.

Owns the search: RE2 reads all texts in one pass, as one buffer, and says in which of them some detector may find
something; of these it says which detectors, and only they are asked where. A secret that is spread over two texts is
not found.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, compress, count, islice, product
from typing import Any

import re2

from outgate.redact.detect.detector import BEGIN, SEPARATOR, Beside, Detector, Group
from outgate.redact.detect.names import Names
from outgate.redact.detect.patterns import RANK, chosen
from outgate.redact.detect.vocabulary import CALLED, PEOPLE, PLACES, ROLES, SUSPICIOUS

BETWEEN = SEPARATOR.encode()
MEMORY = 32 * 1024 * 1024
"""Bytes that RE2 may use for all patterns of a kind at once."""
MEMORY_OF_SET = 16 * 1024 * 1024
"""Bytes that it may use to tell them apart."""
SOME = 16
"""Where more than one in so many texts hints at something, all of them are looked at: to go from hint to hint takes
longer."""
MEMORY_OF_ONE = 4 * 1024 * 1024
"""Bytes that it may use for a single one."""

_BESIDE = Names(
    (word, beside)
    for beside, listed in (
        (Beside.SUSPICIOUS, SUSPICIOUS),
        (Beside.CALLED, CALLED),
        (Beside.PLACES, PLACES),
        (Beside.PEOPLE, PEOPLE),
        (Beside.ROLES, ROLES),
    )
    for word in listed
)


def beside(name: str) -> tuple[Beside, ...]:
    """Which detectors look at values of this name, beside those that look at all."""
    return _BESIDE.find(name)


@dataclass(frozen=True, slots=True)
class Hit:
    """`texts[index][start:end]` is what `detector` looks for."""

    index: int
    start: int
    end: int
    detector: Detector

    def until(self, end: int) -> Hit:
        return Hit(self.index, self.start, end, self.detector)

    def moved(self, index: int) -> Hit:
        """The same in another text that says the same."""
        return Hit(index, self.start, self.end, self.detector)


class Detectors:
    """The detectors of some names and classes. Raises `ValueError` for what is neither."""

    def __init__(self, names: Iterable[str]) -> None:
        self.detectors = chosen(names)
        self.longest = max((each.longest for each in self.detectors), default=0)
        """Characters that have to be seen together where a text is looked at in pieces."""
        # A set for each class: all in one would know too many states at once for any memory.
        self._searches = [
            (beside, _search(among))
            for beside, group in product(Beside, Group)
            if (among := tuple(each for each in self.detectors if (each.beside, each.group) == (beside, group)))
        ]

    def search(self, texts: Sequence[str], names: Sequence[str]) -> list[Hit]:
        """What is found, in order and without overlaps. `names` says what each text is called."""
        return apart(self.hits(texts, names))

    def hits(self, texts: Sequence[str], names: Sequence[str]) -> list[Hit]:
        """The same, as each detector finds it."""
        found: list[Hit] = []
        everything = _Buffer(texts)
        called = {name: _BESIDE.find(name) for name in set(names)}
        for beside, search in self._searches:
            if beside is Beside.ANYTHING:
                found += search.hits(everything)
            elif fitting := {name for name, kinds in called.items() if beside in kinds}:
                chosen = list(compress(count(), map(fitting.__contains__, names)))
                hits = search.hits(_Buffer([texts[index] for index in chosen]))
                found += [Hit(chosen[hit.index], hit.start, hit.end, hit.detector) for hit in hits]
        return found


class _Search:
    """Some detectors, over some texts."""

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self._any = re2.compile(_any_of(detectors).encode(), _options(MEMORY, capture=False))
        self._set = re2.Set.SearchSet(_options(MEMORY_OF_SET))
        for detector in detectors:
            self._set.Add(detector.hint or detector.pattern)
        self._end = self._set.Add(rf"{SEPARATOR}\z")
        self._set.Compile()
        options = _options(MEMORY_OF_ONE)
        patterns = [re2.compile(detector.pattern.encode(), options) for detector in detectors]
        self._compiled = [(*each, range(each[1].groups, 0, -1)) for each in zip(detectors, patterns, strict=True)]

    def hits(self, buffer: _Buffer) -> Iterator[Hit]:
        most = len(buffer.texts) // SOME
        hinting = list(dict.fromkeys(islice(self._hinting(buffer), most + 1)))
        if len(hinting) > most:
            yield from self._among(buffer)
        elif hinting:
            for hit in self._among(_Buffer([buffer.texts[index] for index in hinting])):
                yield hit.moved(hinting[hit.index])

    def _hinting(self, buffer: _Buffer) -> Iterator[int]:
        """The texts in which detectors may find something."""
        data, at = buffer.data, 0
        while (found := self._any.match(data, at)) is not None:
            yield buffer.text(found.end() - 1)
            at = data.find(BETWEEN, found.end() - 1)

    def _among(self, buffer: _Buffer) -> Iterator[Hit]:
        for number in self._possible(buffer.data):
            detector, pattern, groups = self._compiled[number]
            for match in pattern.finditer(buffer.data):
                if (hit := _judged(detector, buffer, match, groups)) is not None:
                    yield hit

    def _possible(self, data: bytes) -> Iterable[int]:
        """Which detectors may find something. RE2 tells nothing where its memory was not enough; the pattern that
        every buffer ends with tells that from nothing found, and then all of them are asked."""
        found = self._set.Match(data) or []
        if self._end not in found:
            return range(len(self._compiled))
        return (number for number in found if number != self._end)


_search = lru_cache(64)(_Search)
"""Compiling takes a while, and policies that say the same mean the same detectors."""


def _any_of(detectors: Sequence[Detector]) -> str:
    """The next hint, and all that is in front of it: RE2 would have to go back for where it begins. Those that begin a
    word are looked for where one begins: inside of words, which texts are made of, there is little to keep track of."""
    begun, others = ([each for each in detectors if each.begins is begins] for begins in (True, False))
    hints = [f"{BEGIN}(?:{_either(begun)})"] if begun else []
    return rf"\C*?(?:{'|'.join([*hints, _either(others)] if others else hints)})"


def _either(detectors: Iterable[Detector]) -> str:
    return "|".join(f"(?:{detector.hint or detector.pattern})" for detector in detectors)


def _options(memory: int, *, capture: bool = True) -> re2.Options:
    options = re2.Options()
    options.max_mem, options.log_errors, options.never_capture = memory, False, not capture
    return options


class _Buffer:
    """Texts, one behind the other, and the way back from a byte to a place in a text."""

    def __init__(self, texts: Sequence[str]) -> None:
        joined = "".join([SEPARATOR.join(texts), SEPARATOR])
        self.texts = texts
        self.data = joined.encode("utf-8", "replace")
        self._plain = len(self.data) == len(joined)
        self._last = (0, 0)
        self._seen = (0, 0)
        """A byte, and the text that it is of."""

    @cached_property
    def _counted(self) -> bool:
        """Whether nothing but what stands between texts looks like that."""
        return self.data.count(BETWEEN) == len(self.texts)

    @cached_property
    def _starts(self) -> list[int]:
        sizes = map(len, self.texts if self._plain else (text.encode("utf-8", "replace") for text in self.texts))
        return list(accumulate(map((1).__add__, sizes), initial=0))

    def text(self, at: int) -> int:
        """Which text a byte is of."""
        return self._begun(at)[0]

    def place(self, start: int, end: int) -> tuple[int, int, int]:
        """Which text, and from where to where in it."""
        index, first = self._begun(start)
        if self._plain:
            return index, start - first, end - first
        before = self._characters(first, start)
        return index, before, before + len(self.data[start:end].decode("utf-8", "replace"))

    def _begun(self, at: int) -> tuple[int, int]:
        """The text that a byte is of, and where that begins."""
        return self._text(at) if self._counted else self._sought(at)

    def _text(self, at: int) -> tuple[int, int]:
        """The same; counted on from where it was last asked."""
        byte, index = self._seen
        if at < byte:
            byte, index = 0, 0
        index += self.data.count(BETWEEN, byte, at)
        self._seen = at, index
        return index, self.data.rfind(BETWEEN, 0, at) + 1

    def _sought(self, at: int) -> tuple[int, int]:
        """The same, by the lengths of all texts."""
        index = bisect_right(self._starts, at, hi=len(self.texts)) - 1
        return index, self._starts[index]

    def _characters(self, first: int, at: int) -> int:
        """How many there are from `first` to a byte; counted on from where it was last asked, which keeps it linear."""
        byte, count = self._last
        if not first <= byte <= at:
            byte, count = first, 0
        count += len(self.data[byte:at].decode("utf-8", "replace"))
        self._last = (at, count)
        return count


def _judged(detector: Detector, buffer: _Buffer, match: Any, groups: Iterable[int]) -> Hit | None:
    """What a match of the pattern finds, where its check and what stands around it let it be that."""
    index, start, end = buffer.place(*match.span())
    text = buffer.texts[index]
    if not detector.around(text, start, end):
        return None
    for group in groups:
        if match.start(group) >= 0:
            index, start, end = buffer.place(*match.span(group))
            break
    if detector.check is not None and not detector.check(text[start:end]):
        return None
    return Hit(index, start, end, detector)


def apart(found: list[Hit]) -> list[Hit]:
    """In order and without overlaps. What is inside of another is left to it, and of two that find the same the more
    specific stays. Where one runs into the next they become one, so that nothing of either is left."""
    found.sort(key=lambda hit: (hit.index, hit.start, -hit.end, RANK.get(hit.detector.name, -1)))
    kept: list[Hit] = []
    for hit in found:
        last = kept[-1] if kept else None
        if last is None or hit.index != last.index or hit.start >= last.end:
            kept.append(hit)
        elif hit.end > last.end:
            kept[-1] = last.until(hit.end)
    return kept
