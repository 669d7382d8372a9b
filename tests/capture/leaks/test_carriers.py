"""Places that hold nothing but secrets are looked at in every format, and what stands there has to be a replacement."""

import io

import pytest

from capture.exchanges import body_of, sealed
from outgate.capture.formats.har import HarWriter
from outgate.capture.formats.hoverfly import SimulationWriter
from outgate.capture.formats.ndjson import LineWriter
from outgate.capture.formats.vcr import CassetteWriter
from outgate.capture.leaks.carriers import bare, contents
from outgate.capture.leaks.structure import of_flow, of_json, of_yaml
from outgate.proxy.flowfile import FlowFileWriter

TOKEN = "tok_secret_abcdefghijklmnop"
READS = {
    HarWriter: of_json,
    LineWriter: of_json,
    SimulationWriter: of_json,
    CassetteWriter: of_yaml,
    FlowFileWriter: of_flow,
}


def written(writer, kept):
    """What is written of it, read back."""
    out = io.BytesIO()
    made = writer(out)
    begin = out.tell()
    made.write(kept)
    end = out.tell()
    made.close()
    return READS[writer](out.getvalue()[begin:end])


def answered(*fields, url="https://api.example/a"):
    return sealed(url, answered=fields, answer=b"x")


@pytest.mark.parametrize("writer", READS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"Set-Cookie", b"sid=open-sesame; Path=/"),
        (b"x-auth-token", b"open-sesame"),
        (b"Authorization", b"Bearer open-sesame"),
    ],
)
def test_a_field_that_was_forgotten(writer, name, value):
    assert set(bare(written(writer, answered((name, value))))) == {name.decode().lower()}
    clean = value.replace(b"open-sesame", TOKEN.encode())
    assert set(bare(written(writer, answered((name, clean), (b"set-cookie", b"a=1; Path=/something"))))) == set()
    assert set(bare(written(writer, answered((name, value))), [name.decode().lower()])) == set()


@pytest.mark.parametrize("writer", [each for each in READS if each is not SimulationWriter])
def test_a_parameter_that_was_forgotten(writer):
    url = "https://api.example/a?b=open-sesame&access_token="
    assert set(bare(written(writer, answered(url=f"{url}open-sesame")))) == {"access_token"}
    assert set(bare(written(writer, answered(url=f"{url}{TOKEN}")))) == set()


def test_what_is_no_url_is_none():
    assert list(bare({"url": "http://[x"})) == []


def test_bodies_of_flows_are_seen_without_their_codings():
    coded = [(b"content-encoding", b"br")]
    flow = written(FlowFileWriter, sealed(answered=coded, answer=body_of(b"open sesame" * 9)))
    assert b"open sesame" * 9 in list(contents(flow))
    assert list(contents({b"response": {b"content": b"x", b"headers": [[b"content-encoding", b"x"]]}})) == []
    assert list(contents([])) == []
