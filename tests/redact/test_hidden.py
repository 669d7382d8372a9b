"""No canary survives where nobody thinks of it: in what is kept, nor in any format that it is exported in.

Looked for is each of them, in whatever can be decoded, without characters that nobody sees, and with plain digits.
"""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from click.testing import CliRunner

from outgate.capture.leaks.views import Views
from outgate.capture.record import record, write
from outgate.cli.export import FORMATS, WIREMOCK
from outgate.cli.main import outgate
from outgate.policy.redaction_model import KeepingPolicy, Mode, RedactionPolicy
from outgate.redact.pipeline import Redactor
from outgate.redact.redacted import Manifest, seal
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer
from redact.hidden import CASES, UNFOUND

CODINGS = "utf-16-le", "utf-16-be", "utf-32"


def redactor(mode):
    return Redactor(KeepingPolicy((RedactionPolicy("m", mode=mode),)), Replacer(Keys(b"k" * 32, "hidden", "")))


REDACTORS = {mode: redactor(mode) for mode in Mode}


def read_aloud(content):
    """As a person would."""
    text = unicodedata.normalize("NFKC", content.decode("utf-8", "replace"))
    seen = (each for each in text if unicodedata.category(each) not in ("Cf", "Mn"))
    return "".join(str(unicodedata.digit(each)) if each.isdigit() else each for each in seen).encode()


def views(content):
    for _, view in Views().of(content):
        yield view
        yield (plain := read_aloud(view))
        yield re.sub(rb"[ \t\r\n_./+-]|\xe2\x80[\x90-\x95]|\xc2\xb7", b"", plain)


def left(kept):
    """All that is kept, as it is written and as it would be decoded."""
    found = kept.exchange
    contents = [message.body.content or b"" for message in (found.request, found.response)]
    contents += [message.content for message in found.messages]
    yield json.dumps(record(kept)).encode()
    for content in filter(None, contents):
        yield content
        yield from (content.decode(coding, "replace").encode() for coding in CODINGS)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("name", CASES)
def test_no_canary_is_kept(name, mode):
    exchange, canaries = CASES[name]
    kept = REDACTORS[mode].redact(exchange)
    assert ("exchange", "failed") not in kept.manifest.dropped
    everything = b"\0".join(view for content in left(kept) for view in views(content))
    assert [canary for canary in canaries if canary.encode() in everything] == []


def test_canaries_would_be_found():
    """The control."""
    missed = set()
    for name, (exchange, canaries) in CASES.items():
        everything = b"\0".join(view for content in left(seal(exchange, Manifest())) for view in views(content))
        missed |= {name for canary in canaries if canary.encode() not in everything}
    assert missed <= {"xml"}, "two sections of it are not put together"


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    folder, own = tmp_path_factory.mktemp("hidden"), redactor(Mode.DETECT)
    (folder / "all.ndjson").write_bytes(b"".join(write(own.redact(exchange)) + b"\n" for exchange, _ in CASES.values()))
    return folder


@pytest.mark.parametrize("form", [*FORMATS, WIREMOCK])
def test_no_canary_is_exported(capture, form):
    place = capture / form
    done = CliRunner().invoke(outgate, ["export", str(capture / "all.ndjson"), "-f", form, "-o", str(place)])
    assert done.exit_code == 0, done.output
    files = [path for path in (place, *place.rglob("*")) if path.is_file()]
    everything = b"\0".join(view for path in files for _, view in Views().of(path.read_bytes()))
    assert {canary for _, canaries in CASES.values() for canary in canaries if canary.encode() in everything} == set()


@pytest.mark.parametrize("name", UNFOUND)
def test_what_is_not_found(name):
    """As the documentation says."""
    exchange, (canary,) = UNFOUND[name]
    kept = REDACTORS[Mode.DETECT].redact(exchange)
    assert canary.encode() in b"\0".join(left(kept))
