"""The finished file is read again entry by entry: a leak is told by its rule and entry, and never by its value."""

import base64
import gzip
import io
import json
from urllib.parse import quote

import pytest

from capture.exchanges import sealed
from capture.formats.written import kinds
from capture.leaks.test_carriers import READS
from outgate.capture.formats.wiremock import MappingWriter
from outgate.capture.leaks.check import Check, Leak
from outgate.capture.leaks.values import Values
from outgate.proxy.flowfile import FlowFileWriter
from redact.samples import sample

FORMS = {"HarWriter": "har", "LineWriter": "ndjson", "SimulationWriter": "hoverfly", "CassetteWriter": "vcr"}
SECRET = 'hunter2&"é'
ENCODED = {
    "raw": SECRET,
    "json": json.dumps(json.dumps(SECRET)),
    "percent": quote(SECRET, safe=""),
    "hex": SECRET.encode().hex(),
    "entities": SECRET.replace("&", "&amp;").replace('"', "&quot;"),
    **{f"base64 {before}": base64.b64encode(b"x" * before + SECRET.encode() + b"~~~").decode() for before in range(3)},
    "gzip in base64": base64.b64encode(gzip.compress(SECRET.encode())).decode(),
}


def exported(writer, exchanges, folder, **facts):
    """A check of these as they were written."""
    values = Values()
    values.add({SECRET: "mine"})
    place = folder / "out"
    if writer is MappingWriter:
        place.mkdir()
        made, end = writer(place), lambda: 0
        for each in exchanges:
            made.count(each)
    else:
        out = io.BytesIO()
        made, end = writer(out), out.tell
        for each in exchanges if hasattr(made, "count") else ():
            made.count(each)
    check = Check(FORMS.get(writer.__name__, "flow"), values, **facts)
    check.begin(end())
    for number, each in enumerate(exchanges, 1):
        if not made.write(each):
            check.wrote(number, each.manifest, end())
    made.close()
    if writer is not MappingWriter:
        place.write_bytes(out.getvalue())
    return [leak for piece in check.entries(place) for leak in piece]


WRITERS = [*READS, MappingWriter]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("form", ENCODED)
def test_a_value_that_was_taken_elsewhere_is_found_in_every_form(writer, form, tmp_path):
    page = sealed("https://api.example/b", answer=f"<p>it is {ENCODED[form]} here".encode())
    leaks = exported(writer, [sealed(), page, sealed()], tmp_path)
    assert {(leak.number, leak.rule) for leak in leaks} == {(2, "mine")}
    assert all("hunter2" not in str(leak) for leak in leaks)


@pytest.mark.parametrize("writer", WRITERS)
def test_what_was_never_redacted_is_found_by_its_looks(writer, tmp_path):
    key = sample("AKIA{u16}")
    kept = [sealed(), sealed(answer=json.dumps({"a": base64.b64encode(f"{{ {key} }}".encode()).decode()}).encode())]
    leaks = exported(writer, kept, tmp_path)
    assert {(leak.number, leak.rule) for leak in leaks} == {(2, "aws-access-key")}
    assert str(leaks[0]).startswith("exchange 2: aws-access-key, in ")


@pytest.mark.parametrize("writer", WRITERS)
def test_ordinary_exchanges_leak_nothing(writer, tmp_path):
    assert exported(writer, list(kinds().values()), tmp_path) == []


def test_what_stands_around_the_exchanges_is_looked_at_too(tmp_path):
    check = Check("har", values := Values())
    values.add({SECRET: "mine"})
    check.begin(0)
    (tmp_path / "out").write_text(SECRET)
    assert [str(leak) for piece in check.entries(tmp_path / "out") for leak in piece] == [
        "what stands around the exchanges: mine, as it is"
    ]


def test_what_cannot_be_looked_into_is_a_leak(tmp_path):
    bomb = gzip.compress(b"\0" * 300_000_000, 1)
    leaks = exported(FlowFileWriter, [sealed(answer=bomb)], tmp_path)
    assert leaks == [Leak(1, "cannot-be-seen", "")]


def test_a_place_that_a_rule_of_somebodys_own_filled_is_excused(tmp_path):
    fields = [(b"authorization", b"withheld by us"), (b"cookie", b"sid=withheld by us")]
    marks = [("request.header.authorization", "constant"), ("request.cookie.sid", "constant")]
    kept = [
        sealed("https://api.example/?token=withheld", fields=fields, marks=[*marks, ("request.query.token", "mask")])
    ]
    writer = next(iter(READS))
    assert exported(writer, kept, tmp_path) == []
    unmarked = exported(writer, [sealed(fields=fields)], tmp_path)
    assert {leak.rule for leak in unmarked} == {"default rules, authorization", "default rules, cookie"}
    assert exported(writer, [sealed(fields=fields)], tmp_path, kept=["authorization", "cookie"]) == []
    assert exported(writer, [sealed(fields=fields)], tmp_path, defaults=False) == []
