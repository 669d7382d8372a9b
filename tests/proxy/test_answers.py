"""What the workload is told: JSON, or what gRPC callers expect, and never a byte of its own that was not escaped."""

import json
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.net.http import http1

from outgate.policy.decide import denial as denied
from outgate.policy.model import Code, Decision, Defaults, Destination, Source
from outgate.problems import Where
from outgate.proxy.answers import FLAGS, GRPC_STATUS, MAX_TEXT, broken, denial, failure

SOURCE = Source(Where("registry.yaml", 7, 3), "ServiceEntry", "partners", "prod")


def decision(code: Code = Code.UNREGISTERED, reason: str = "nobody knows it", source: Source | None = None) -> Decision:
    return denied(Defaults(), code, reason, source)


def told(response) -> dict:
    """The body of an answer, whose headers have to fit it."""
    assert response.headers["content-type"] == "application/json"
    assert int(response.headers["content-length"]) == len(response.raw_content)
    content = json.loads(response.raw_content)["outgate"]
    assert set(content) == {"verdict", "code", "reason", "rule", "host", "help"}
    return content


def test_a_denial_says_what_why_and_what_to_do():
    response = denial(decision(source=SOURCE), "api.example")
    assert response.status_code == 502
    assert response.headers["cache-control"] == "no-store"
    assert told(response) == {
        "verdict": "deny",
        "code": "unregistered",
        "reason": "nobody knows it",
        "rule": "ServiceEntry prod/partners (registry.yaml:7:3)",
        "host": "api.example",
        "help": "register api.example with a ServiceEntry or an EgressDestination",
    }


def test_a_denial_says_in_which_region_it_would_have_been():
    known = Destination("k", "d", "prod", ("api.example",), (), (), SOURCE, region="us")
    response = denial(replace(decision(), destination=known), "api.example")
    assert json.loads(response.raw_content)["outgate"]["region"] == "us"


@pytest.mark.parametrize("code", Code)
def test_every_denial_has_a_status_a_code_and_help(code):
    response = denial(decision(code), "")
    assert 400 <= response.status_code <= 599
    assert told(response)["code"] == code
    assert told(response)["help"]


def test_a_failure_is_no_denial():
    response = failure(503, "connect_failed", "nobody listens", "api.example", "UF")
    assert (response.status_code, response.headers[FLAGS]) == (503, "UF")
    assert told(response)["verdict"] == "allow"


def test_without_a_flag_there_is_no_header_for_it():
    assert FLAGS not in failure(503, "connect_failed", "nobody listens", "api.example").headers
    assert FLAGS not in denial(decision(), "api.example", grpc=True).headers


@pytest.mark.parametrize(("code", "verdict"), [(Code.REQUEST_MALFORMED, "deny"), (None, "allow")])
def test_what_is_no_valid_message_is_answered_too(code, verdict):
    response = broken(400 if code else 502, code, "Bad HTTP request line: b'\x00'")
    assert told(response)["verdict"] == verdict


@pytest.mark.parametrize(
    ("status", "grpc"), [(400, 13), (403, 7), (404, 12), (429, 14), (502, 14), (503, 14), (504, 4), (421, 2)]
)
def test_grpc_callers_get_a_status_of_theirs_and_no_body(status, grpc):
    response = failure(status, "x", "100% wrong: \u00e9", "api.example", "UF", grpc=True)
    assert response.status_code == 200
    assert response.raw_content == b""
    assert response.headers["content-type"] == "application/grpc"
    assert response.headers["grpc-status"] == str(grpc)
    assert response.headers["grpc-message"] == "100%25 wrong: %C3%A9"
    assert response.headers[FLAGS] == "UF"
    assert GRPC_STATUS.get(status, 2) == grpc


TEXTS = st.one_of(
    st.text(),
    st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.sampled_from(["a\r\nset-cookie: x=1\r\n\r\n", "\x1b[31m", "\u202e", "\udcff", "x" * 5000, '"}}', "\x9b"]),
)


@given(TEXTS, TEXTS, st.booleans())
def test_no_text_breaks_out_of_an_answer(reason, host, grpc):
    for response in (
        denial(decision(reason=reason), host, grpc=grpc),
        failure(503, "x", reason, host, grpc=grpc),
        broken(400, Code.REQUEST_MALFORMED, reason),
    ):
        head, _, body = http1.assemble_response(response).partition(b"\r\n\r\n")
        assert body == response.raw_content
        assert {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]} <= {
            b"content-type",
            b"content-length",
            b"cache-control",
            b"grpc-status",
            b"grpc-message",
        }
        assert all(0x20 <= byte < 0x7F for byte in head.replace(b"\r\n", b"") + body)
        assert len(body) <= 20 * MAX_TEXT
        said = told(response)["reason"] if body else unquote(response.headers["grpc-message"])
        assert said.isprintable()
        assert len(said) <= MAX_TEXT


@pytest.mark.parametrize("host", ["", "api.example"])
def test_help_names_the_host_where_there_is_one(host):
    assert (host or "the destination") in told(denial(decision(), host))["help"]
