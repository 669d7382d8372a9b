"""What secrets and personal data look like: no text makes the search raise, and every hit lies in what was searched."""

from __future__ import annotations

from fuzz.target import Draw, target, text_of
from outgate.redact.detect.detector import SEPARATOR, Group
from outgate.redact.detect.names import classify, words
from outgate.redact.detect.patterns import DETECTORS
from outgate.redact.detect.search import Detectors
from outgate.redact.detect.vocabulary import CLASSES
from redact.samples import sample

EVERYTHING = Detectors(Group)
NAMES = ("", "signing_key", "contact", "address", "title")


def examples() -> list[bytes]:
    """A byte that says how texts are called, and an example with a second text behind it."""
    made = (f"{sample(each.example)}{SEPARATOR}{each.name}" for each in DETECTORS)
    return [bytes([number % 256]) + text.encode() for number, text in enumerate(made)]


@target(
    "detect", examples, b"\0", b"@", b"://", b"eyJ", b"-----", b"password=", b"4111", b"+49", b"\xed\xa0\x80", b"\xff"
)
def detect(data: bytes) -> None:
    """Hits are in order, without overlaps, each within one text; what is found alone is found among others too."""
    draw = Draw(data)
    name = draw.one(NAMES)
    texts = text_of(draw.rest()).split(SEPARATOR)
    hits = EVERYTHING.search(texts, [name] * len(texts))
    ends = [0] * len(texts)
    for hit in hits:
        assert ends[hit.index] <= hit.start < hit.end <= len(texts[hit.index])
        ends[hit.index] = hit.end
    assert [hit.index for hit in hits] == sorted(hit.index for hit in hits)
    for index, text in enumerate(texts[:3]):
        alone = [(hit.start, hit.end, hit.detector) for hit in EVERYTHING.search([text], [name])]
        assert alone == [(hit.start, hit.end, hit.detector) for hit in hits if hit.index == index]


@target(
    "secret-name", lambda: [f"{each}_x".encode() for listed in CLASSES.values() for each in listed], b"_", b"-", b"Key"
)
def secret_name(data: bytes) -> None:
    """Every name is made of words, and means one thing in each spelling of them."""
    name = text_of(data)
    assert classify(name) in {"", *CLASSES}
    split = words(name)
    assert words("_".join(split)) == split or any(word.isdigit() for word in split)
    assert all(word == word.casefold() for word in split)
