"""Redaction as a whole, and the second look at exports: no input makes a secret survive, and none makes them raise."""

from __future__ import annotations

import gzip
from contextlib import suppress

from capture.exchanges import exchange
from fuzz.bodies import MULTIPART, TYPES
from fuzz.target import Draw, given, target
from outgate.capture.leaks.carriers import bare, contents
from outgate.capture.leaks.structure import Unreadable, of_flow, of_json, of_yaml, texts
from outgate.capture.leaks.views import Unbounded, Views
from outgate.policy.redaction_model import KeepingPolicy, Mode, RedactionPolicy
from outgate.redact.encoding import encode
from outgate.redact.exchange import Body, Response
from outgate.redact.pipeline import Redactor
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer
from outgate.redact.unpacking import UNPACKERS
from redact.samples import sample

SECRET = sample("ghp_{w36}").encode()
REPLACER = Replacer(Keys(bytes(32), "export", "policy"))
MOST = 64 * 1024
MODES = tuple(Mode)
REDACTORS = {mode: Redactor(KeepingPolicy((RedactionPolicy("all", mode=mode),)), REPLACER) for mode in Mode}
LOOKING = Redactor(KeepingPolicy((RedactionPolicy("none", defaults=False, max_body=MOST),)), REPLACER)
CODINGS = ((), ("gzip",), ("br",), ("zstd",), ("gzip", "br"))
BODIES = (b'\2{"a": "b"}', b"\0<a>b</a>", b"\1a=b&c=d", b"\7" + MULTIPART, b"\0data: a\n\n", b"\5\0\0\0\0\2\x0a\0")


def answered(redactor: Redactor, kind: str, body: bytes, codings: tuple[str, ...]) -> Response:
    """An answer that was redacted."""
    fields = [(b"content-type", kind.encode()), (b"content-encoding", ", ".join(codings).encode())]
    made = exchange(answer=Body(body, decoded=False, size=len(body)), answered=fields, fields=[(b"x-api-key", SECRET)])
    kept = redactor.redact(made)
    assert ("exchange", "failed") not in kept.manifest.dropped
    assert kept.exchange.response is not None
    return kept.exchange.response


@target("pipeline", given(*(b"\0\0" + body for body in BODIES)), b"%", b"\\u", b"&#", b"eyJ", b'"', b"\x1f\x8b")
def pipeline(data: bytes) -> None:
    """A secret that stands in a body, anywhere in whatever bytes, is in nothing that is kept."""
    draw = Draw(data)
    redactor, codings, kind = REDACTORS[draw.one(MODES)], draw.one(CODINGS), draw.one(TYPES)
    body = draw.rest()
    middle = len(body) // 2
    planted = body[:middle] + SECRET + body[middle:]
    content = answered(redactor, kind, encode(planted, codings), codings).body.content or b""
    assert SECRET not in content


@target("untouched", given(*(b"\0" + body for body in BODIES)), b'"', b"\\", b"\xff", b"\r\n")
def untouched(data: bytes) -> None:
    """Where no rule speaks of anything, a body comes out as it went in, to the byte, or not at all."""
    draw = Draw(data)
    codings, kind = draw.one(CODINGS), draw.one(TYPES)
    body = draw.rest()
    made = answered(LOOKING, kind, encode(body, codings), codings).body
    assert made.content in (None, body)
    assert made.content is not None or made.missing


@target("bombs", lambda: [bytes([1, number, 200]) for number, _ in enumerate(UNPACKERS)], b"\xff", b"\0")
def bombs(data: bytes) -> None:
    """What grows beyond the bound is dropped, however it is coded."""
    draw = Draw(data)
    names = [draw.one(tuple(UNPACKERS)) for _ in range(1 + draw.number(2))]
    size = draw.number(256) * 1024
    made = answered(LOOKING, "text/plain", encode(b"a" * size, names), tuple(names)).body
    assert made.content == (b"a" * size if size <= MOST else None)
    assert bool(made.missing) is (size > MOST)


@target(
    "second-look",
    given(b'{"name": "cookie", "value": "a=b"}', b"- a: !!binary YQ==", b"5:1:a,]", gzip.compress(b"a", mtime=0)),
    b"\\u00", b"%41", b"&#65;", b"YWJjZGVm", b"\x28\xb5\x2f\xfd", b"3:abc,", b"]", b"}",
)  # fmt: skip
def second_look(data: bytes) -> None:
    """Whatever stands in an export is looked into, or refused."""
    with suppress(Unbounded):
        views = list(Views(1 << 20).of(data))
        assert views[0] == ("", data)
    for read in (of_json, of_yaml, of_flow):
        with suppress(Unreadable):
            found = read(data)
            list(texts(found))
            list(bare(found))
            list(contents(found))
