"""How fast bodies are redacted and searched, and how much of the labelled texts the default rules find.

Processor time of one thread, medians; bodies are made up, no two of them alike, and redacted one after the other, as by
the process that redacts for a gate. All of an exchange is redacted, with a head, by the default rules.
`make bench ARGS="--rows redaction"` prints it, as does `python bench/redaction.py`.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests"), str(HERE.parent / "addons")]

from rows import Row  # noqa: E402

from outgate.policy.redaction_model import KeepingPolicy  # noqa: E402
from outgate.redact.detect.defaults import RULES  # noqa: E402
from outgate.redact.detect.search import Detectors  # noqa: E402
from outgate.redact.exchange import Body as Content  # noqa: E402
from outgate.redact.exchange import Exchange, Request, Response  # noqa: E402
from outgate.redact.pipeline import Redactor  # noqa: E402
from outgate.redact.replace.keys import Keys  # noqa: E402
from outgate.redact.replace.replacer import Replacer  # noqa: E402
from redact.evaluate import Tally, evaluate, rows  # noqa: E402
from redact.samples import sample  # noqa: E402

BODIES = Row("a body of JSON redacted", "redaction")
SPEED, RECALL = Row("what is found in a body, and how fast", "redaction"), Row("what is found at all", "redaction")
ROWS = (BODIES, SPEED, RECALL)
SIZES = {"10 KB": (10_000, 50), "1 MB": (1_000_000, 5)}
"""Bytes of JSON, and how often it is searched."""
REDACTED = {"10 KB": (10_000, 300, 0.5), "1 MB": (1_000_000, 10, 80.0)}
"""Bytes of JSON, how many bodies are redacted, after as many that are not counted, and the milliseconds promised."""
LEAST_RECALL, MOST_SURPLUS = 0.95, 0.10
EVERY = 20
"""Of so many records one holds somebody's data, where some do."""
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


def page(number: int, size: int, personal: bool) -> bytes:
    """A page of records, as an API answers; always the same one for a number."""
    draw, records, made = random.Random(number), [], 0
    while made < size - 150:
        records.append(_item(draw, personal and len(records) % EVERY == number % 10))
        made += len(json.dumps(records[-1], separators=(",", ":"))) + 1
    answer = {"items": records, "total": len(records), "next": "https://api.example.com/v1/items?page=3&limit=50"}
    return json.dumps(answer, separators=(",", ":")).encode()


def _item(draw: random.Random, personal: bool) -> dict[str, object]:
    number = draw.randrange(10**6)
    made: dict[str, object] = {
        "id": number,
        "uuid": sample("{h8}-{h4}-{h4}-{h4}-{h12}", number),
        "created_at": f"2026-11-30T08:15:{number % 60:02}Z",
        "title": " ".join(draw.choices(WORDS, k=12)),
        "url": f"https://api.example.com/v1/items/{number}?page=2&limit=50",
        "amount": number / 100,
        "active": number % 3 == 0,
        "parent": None,
        "tags": draw.choices(WORDS, k=3),
        "owner": {"login": f"user-{number % 1000}", "type": "User", "score": round(draw.random(), 4)},
        "sha": sample("{h40}", number),
        "state": "open",
    }
    if personal:
        made["email"], made["api_key"] = f"user{number}@example.com", sample("{w32}", number)
        made["note"] = f"paid with 4111 1111 1111 1111, call +49 30 {number:06}"
    return made


def exchange(content: bytes) -> Exchange:
    asked = ((b"host", b"api.example.com"), (b"user-agent", b"client/1.0"), (b"accept", b"application/json"))
    answered = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)))
    return Exchange(
        id="",
        started=0.0,
        request=Request("GET", "https", "api.example.com", 443, "/v1/items?page=2&limit=50", fields=asked),
        response=Response(200, "OK", fields=answered, body=Content(content, size=len(content))),
    )


def redactions() -> Iterator[tuple[str, float, float, float]]:
    """Body, what is replaced in it, milliseconds, and how many are promised."""
    for size, (length, count, promised) in REDACTED.items():
        for kind, personal in (("nothing in it", False), (f"personal data in one of {EVERY} records", True)):
            redactor = Redactor(KeepingPolicy(), Replacer(Keys(b"0123456789abcdef", "bench", "")))
            made = [exchange(page(number, length, personal)) for number in range(2 * count)]
            took = [_redacted(redactor, each) for each in made][count:]
            replaced, seconds = (statistics.median(column) for column in zip(*took, strict=True))
            yield f"{size}, {kind}", replaced, 1000 * seconds, promised


def _redacted(redactor: Redactor, made: Exchange) -> tuple[int, float]:
    """How much was replaced, and in how many seconds."""
    began = time.thread_time()
    kept = redactor.redact(made)
    seconds = time.thread_time() - began
    if kept.manifest.dropped:
        raise RuntimeError(f"a body was dropped, and is worth no measurement: {kept.manifest.dropped}")
    return len(kept.manifest.marks), seconds


def body_table() -> str:
    lines = ["| JSON | replaced | ms | promised at most |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {replaced:g} | {ms:.2f} | {promised:g}{'' if ms <= promised else ', missed'} |"
        for name, replaced, ms, promised in redactions()
    ]
    return "\n".join(lines)


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
    recall, wrong = everything.found / everything.expected, flagged / plain
    kept = recall >= LEAST_RECALL and wrong < MOST_SURPLUS
    promised = f"Promised: recall of {LEAST_RECALL:.0%}, and less than {MOST_SURPLUS:.0%} of look-alikes taken for more"
    return "\n".join([*lines, _line("all", everything), "", said, "", f"{promised}{'.' if kept else ', missed.'}"])


def _line(label: str, tally: Tally) -> str:
    return f"| {label} | {tally.expected} | {tally.found} | {tally.found / tally.expected:.0%} |"


def tables(wanted: tuple[Row, ...] = ROWS) -> str:
    """As Markdown."""
    made = {BODIES: body_table, SPEED: speed_table, RECALL: recall_table}
    return "\n\n".join(f"### {row.name}\n\n{made[row]()}" for row in wanted)


def main() -> None:
    print(tables())


if __name__ == "__main__":
    main()
