"""Cassettes are read and replayed by VCR.py, and read well."""

import http.client
import io

import pytest
import yaml
from hypothesis import given

from capture.exchanges import kept, sealed
from capture.formats.written import PLAIN, kinds, tunnel
from outgate.capture.formats.vcr import CassetteWriter

KINDS = kinds()
NONE = {
    "error": "no answer came",
    "websocket": "a WebSocket",
    "not kept": "the body of its answer was not kept",
}


def written(*exchanges):
    writer = CassetteWriter(out := io.BytesIO())
    told = [writer.write(each) for each in exchanges]
    writer.close()
    return out.getvalue().decode(), told


def interaction(name):
    return yaml.safe_load(written(KINDS[name])[0])["interactions"][0]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_written_or_says_why_not(name):
    text, told = written(KINDS[name])
    found = yaml.safe_load(text)
    assert found["version"] == 1
    assert told == [NONE.get(name, "")]
    assert len(found["interactions"]) == (name not in NONE)


def test_a_tunnel_has_no_place_in_it():
    assert written(tunnel())[1] == ["a tunnel"]


@given(kept)
def test_any_exchange_is_read_back_by_a_safe_loader(found):
    text, told = written(found, found)
    assert len(yaml.safe_load(text)["interactions"]) == (0 if told[0] else 2)


def test_bodies_are_decoded_and_codings_are_gone():
    response = interaction("gzip")["response"]
    assert response["body"]["string"] == PLAIN.decode()
    assert list(response["headers"]) == ["content-type"]
    assert interaction("binary")["response"]["body"]["string"] == b"\x89PNG\r\n"
    assert interaction("unknown coding")["response"]["headers"]["content-encoding"] == ["snappy"]


def test_it_reads_well():
    text, _ = written(sealed("https://api.example/a?b=1", "POST", b"x: y", answer=b"fine"), sealed())
    assert text.startswith(
        "interactions:\n- request:\n    body: 'x: y'\n    headers:\n      host:\n      - api.example\n"
    )
    assert text.endswith("version: 1\n")
    assert "&id" not in text


def test_vcr_plays_it(tmp_path):
    """Every kind that it can hold, from the real library, with nothing to connect to."""
    vcr = pytest.importorskip("vcr", reason="vcrpy is not installed")
    playable = {name: each for name, each in KINDS.items() if name not in {*NONE, "odd names", "not kept asked"}}
    (cassette := tmp_path / "all.yaml").write_text(written(*playable.values())[0], encoding="utf-8")
    with vcr.use_cassette(str(cassette), record_mode="none", match_on=["method", "uri", "body"]) as played:
        for each in playable.values():
            asked, recorded = each.exchange.request, each.exchange.response
            fields = {name.decode(): value.decode() for name, value in asked.fields if b"content" not in name.lower()}
            connect = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}[asked.scheme]
            connection = connect(asked.host, asked.port)
            connection.request(asked.method, asked.target, asked.body.content or None, fields)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (recorded.status, recorded.body.content)
        assert played.all_played
