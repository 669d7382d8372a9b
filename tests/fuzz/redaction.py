"""Replacements, what documents select, and vaults: any text has its fakes, and any expression is read or refused."""

from __future__ import annotations

import io
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from fuzz.target import Draw, given, target, text_of
from outgate.policy.documents import Node
from outgate.policy.frontends.native.shapes import Expression, Size
from outgate.policy.redaction_model import (
    Carrier,
    Format,
    KeepingPolicy,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
)
from outgate.policy.schema import Reading
from outgate.problems import Where
from outgate.redact.replace.formats.date import shifted, shifted_epoch
from outgate.redact.replace.formats.look import MAKERS, certain, likely
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.mocking import Mocker
from outgate.redact.replace.replacer import TOKEN, Replacer, class_of
from outgate.redact.replace.vault import Kept, Opened, Sealer, VaultError
from outgate.redact.select import jsonpath, template, xpath
from outgate.redact.select.faults import problems
from outgate.redact.select.steps import SelectorError

VALUES = (
    "4242 4242 4242 4242",
    "DE89 3704 0044 0532 0130 00",
    "+1 (415) 867-5309",
    "ann@corp.example",
    "urn:uuid:0b1c6b2e-8a3f-4b60-9c53-0e8d1f6f7a10",
    "Fri, 01 Mar 2024 10:11:12 GMT",
    "2024-02-29T10:11:12.5+02:00",
    "1709251200123",
    "0x9f:86:d0",
    "QUJDREVGR0hJSktMTU5P==",
    "-12.50e+3",
    "2001:db8::1",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIiwiZXhwIjoxfQ.c2ln",
    "Ann Lee",
)
KEYS = Keys(bytes(32), "export", "policy")
KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))


@target(
    "fakes", given(*(bytes([7]) + value.encode() for value in VALUES)), b"@", b"+", b"eyJ", b"0x", b"==", b".", b"-"
)
def fakes(data: bytes) -> None:
    """Any text of any class becomes another by any strategy, always the same, and has its format still."""
    draw = Draw(data)
    wanted, class_ = draw.one(tuple(Format)), draw.one(("value", "card", "phone", "date", "hex", "email"))
    text = text_of(draw.rest())
    replacer = Replacer(KEYS)
    found = {each: replacer.replace(Replacement(each, format=wanted), class_, text) for each in Strategy}
    assert found == {each: replacer.replace(Replacement(each, format=wanted), class_, text) for each in Strategy}
    if not text:
        return
    assert TOKEN.fullmatch(found[Strategy.TOKEN] or "")
    fake = found[Strategy.FORMAT] or ""
    assert fake not in ("", text)
    name = certain(text)
    if not wanted and class_ == "value" and name in MAKERS:
        assert MAKERS[name].read(fake) is not None, f"{text!r} became {fake!r}, which is no {name}"
        assert class_of(class_, fake) != class_of(class_, text)
    assert Mocker("seed", 1).another(fake, Strategy.FORMAT) != fake


@target("formats", given(*VALUES), b" ", b"-", b"(", b"+", b"=", b"0x", b"urn:uuid:", b"GMT", b"e+", b"\xd9\xa1")
def formats(data: bytes) -> None:
    """What a format reads it makes again from what it wrote; what it looks like it can be read as."""
    text = text_of(data)
    for name, maker in MAKERS.items():
        value = maker.read(text)
        if value is not None:
            assert maker.read(maker.write(text, value)) is not None, name
            if name not in ("letters", "number"):
                assert maker.read(maker.write(text, value)) == value, name
    assert likely(text) in MAKERS
    assert certain(text) in (*MAKERS, "jwt", "")
    for move in (shifted, shifted_epoch):
        moved = move(text, 1)
        assert moved is None or move(moved, -1) in (text, None)


PATHS = ("$", "$.a", "$..a[0]['b',\"c\"][*][1:2:3]", "//a/@b", "/a/*/text()", "/users/{id}/x-{n}.json/*")


@target("selectors", given(*PATHS), b"$", b"..", b"['", b"']", b"[?", b"[*]", b"\\u", b"//", b"@", b"{", b"}", b"*")
def selectors(data: bytes) -> None:
    """Any expression is read, and then judges any path, or is refused with what to write instead."""
    text = text_of(data)
    for compiled in (jsonpath.compiled, xpath.compiled):
        with suppress(SelectorError):
            selects = compiled(text)
            for path in ((), ("a",), ("a", 0, "b", "@c"), ("x:a", "#comment"), (text,)):
                assert isinstance(selects(path), bool)
    with suppress(SelectorError):
        taken = template.compiled(text)(text.replace("{", "").replace("}", ""))
        assert list(taken) == sorted(taken)
    rules = tuple(RedactionRule("n", (Selector(carrier, text),), (text,)) for carrier in Carrier)
    for problem in problems(KeepingPolicy((RedactionPolicy("r", rules=rules),)), ("card", "pii")):
        assert problem.what
        assert problem.hint


@target("sizes", given("64Ki", "1", "10M", "a+", "(a|b){2}"), b"Ki", b"Gi", b"(?", b"\\b", b"*", b"{1,2}", b"\xd9\xa1")
def sizes(data: bytes) -> None:
    """Sizes and expressions of documents: a value within its bounds, or a problem that says what to write."""
    text = text_of(data)
    for shape in (Size(1, 1 << 40), Expression()):
        for value in (text, len(data)):
            reading = Reading("test")
            made = shape.read(Node(value, Where("f.yaml", 1, 1)), "p", reading)
            assert (made is None) == bool(reading.problems)
            assert not isinstance(made, int) or 1 <= made <= 1 << 40


def _vault() -> list[bytes]:
    """A valid one. Its own key is another in each, and it is opened all the same."""
    sealer = Sealer(KEY.public_key())
    parts = [sealer.head, sealer.seal(Kept("tok_a", "one")), sealer.seal(Kept("tok_b", "two")), sealer.end()]
    return [b"".join(parts), b"".join(parts[:3]), parts[0]]


@target("vault", _vault, b"outgate-vault-1\n", b"\x00\x00\x00\x16", b"\xff\xff\xff\xff")
def vault(data: bytes) -> None:
    """Any bytes are the records that were sealed, or refused."""
    with suppress(VaultError):
        found = list(Opened(io.BytesIO(data), KEY))
        assert found == [Kept("tok_a", "one"), Kept("tok_b", "two")][: len(found)]
