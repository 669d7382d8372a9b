"""How fast the default detectors are, and how much of the labelled texts the default rules find.

Processor time of one thread, the best of some runs; texts are those of made-up records, as a JSON codec hands them on.
`make bench ARGS="--rows redaction"` prints it, as does `python bench/redaction.py`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests"), str(HERE.parent / "addons")]

from rows import Row  # noqa: E402

from outgate.redact.detect.defaults import RULES  # noqa: E402
from outgate.redact.detect.search import Detectors  # noqa: E402
from redact.evaluate import Tally, evaluate, rows  # noqa: E402
from redact.samples import sample  # noqa: E402

SPEED, RECALL = Row("what is found in a body, and how fast", "redaction"), Row("what is found at all", "redaction")
ROWS = (SPEED, RECALL)
SIZES = {"10 KB": (10_000, 50), "1 MB": (1_000_000, 5)}
"""Bytes of JSON, and how often it is searched."""
WORDS = (
    "lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "do",
    "eiusmod",
    "tempor",
)


@dataclass(frozen=True)
class Body:
    """The texts of one, and their names. `size`: of the JSON that they would be."""

    names: list[str]
    texts: list[str]
    size: int


def record(draw: random.Random, personal: bool) -> Iterator[tuple[str, str]]:
    number = draw.randrange(10**6)
    yield "id", str(number)
    yield "uuid", sample("{h8}-{h4}-{h4}-{h4}-{h12}", number)
    yield "created_at", f"2026-11-30T08:15:{number % 60:02}Z"
    yield "title", " ".join(draw.choices(WORDS, k=12))
    yield "url", f"https://api.example.com/v1/items/{number}?page=2&limit=50"
    yield "amount", str(number / 100)
    yield "sha", sample("{h40}", number)
    yield "key", f"sort/{number}"
    if personal:
        yield "email", f"user{number}@example.com"
        yield "card", "4111 1111 1111 1111"
        yield "note", f"call +49 30 {number:06} or write to jane{number}@example.org"


def body(size: int, personal: bool) -> Body:
    draw, names, texts, made = random.Random(1), [], [], 0
    while made < size:
        for name, text in record(draw, personal):
            names.append(name)
            texts.append(text)
            made += len(name) + len(text) + len('"":"",')
    return Body(names, texts, made)


def best(work: Callable[[], object], times: int) -> float:
    """Seconds of the fastest."""
    work()
    taken = []
    for _ in range(times):
        began = time.thread_time()
        work()
        taken.append(time.thread_time() - began)
    return min(taken)


def speeds() -> Iterator[tuple[str, int, int, float]]:
    """Body, values, what is found, milliseconds."""
    detectors = Detectors(name for rule in RULES for name in rule.detectors)
    for size, (length, times) in SIZES.items():
        for kind, personal in (("nothing in it", False), ("personal data in each record", True)):
            made = body(length, personal)
            found = len(detectors.search(made.texts, made.names))
            seconds = best(lambda made=made: detectors.search(made.texts, made.names), times)
            yield f"{size}, {kind}", len(made.texts), found, seconds * 1000


def speed_table() -> str:
    lines = ["| JSON | values | found | ms |", "|---|---|---|---|"]
    lines += [f"| {name} | {values} | {found} | {ms:.2f} |" for name, values, found, ms in speeds()]
    return "\n".join(lines)


def recall_table() -> str:
    tallies, total, flagged = evaluate()
    plain = sum(not any(value.expected for value in row.values) for row in rows())
    lines = ["| class | there | found | recall |", "|---|---|---|---|"]
    lines += [_line(label, tally) for label, tally in sorted(tallies.items()) if tally.expected]
    everything = Tally(sum(each.expected for each in tallies.values()), sum(each.found for each in tallies.values()))
    surplus = sum(len(each.surplus) for each in tallies.values())
    said = f"{total} texts. Found where nothing was: {surplus}, in {flagged} of {plain} look-alikes."
    return "\n".join([*lines, _line("all", everything), "", said])


def _line(label: str, tally: Tally) -> str:
    return f"| {label} | {tally.expected} | {tally.found} | {tally.found / tally.expected:.0%} |"


def tables(wanted: tuple[Row, ...] = ROWS) -> str:
    """As Markdown."""
    made = {SPEED: speed_table, RECALL: recall_table}
    return "\n\n".join(f"### {row.name}\n\n{made[row]()}" for row in wanted)


def main() -> None:
    print(tables())


if __name__ == "__main__":
    main()
