"""The verified destination: every name that a request gives has to agree, and what is no name goes nowhere."""

from __future__ import annotations

import pytest

from e2e.documents import defaults, destination, policy
from e2e.http2_client import Client, request
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Answer, Workload, drain, parsed, response

pytestmark = [pytest.mark.netns, pytest.mark.core]

POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", "a.wild.example", ports=("80/HTTP", "443/HTTPS")),
)
ORIGINS = (*world.ADDRESSES["api"], *world.ADDRESSES["forbidden"])


def told(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.denial["code"]


def logged(journal: Journal) -> str:
    code: str = journal.one(verdict="deny")["code"]
    return code


DISAGREE = (421, "names_disagree")
MALFORMED_REQUEST = (400, "request_malformed")
MALFORMED_NAME = (400, "name_malformed")
DENIED_HEADS = {
    "two Host fields": (b"GET / HTTP/1.1\r\nHost: api.example\r\nHost: api.example", MALFORMED_REQUEST),
    "two different Host fields": (b"GET / HTTP/1.1\r\nHost: api.example\r\nHost: forbidden.example", MALFORMED_REQUEST),
    "absolute target of another host": (b"GET http://a.wild.example/ HTTP/1.1\r\nHost: api.example", DISAGREE),
    "absolute target, no such Host": (b"GET http://api.example/ HTTP/1.1\r\nHost: forbidden.example", DISAGREE),
    "absolute target of another port": (b"GET http://api.example:81/ HTTP/1.1\r\nHost: api.example", DISAGREE),
    "absolute target with user info": (b"GET http://me@api.example/ HTTP/1.1\r\nHost: api.example", MALFORMED_REQUEST),
    "absolute https target": (b"GET https://api.example/ HTTP/1.1\r\nHost: api.example", MALFORMED_REQUEST),
    "absolute ftp target": (b"GET ftp://api.example/ HTTP/1.1\r\nHost: api.example", MALFORMED_REQUEST),
    "another port in Host": (b"GET / HTTP/1.1\r\nHost: api.example:8080", DISAGREE),
    "https' port in Host": (b"GET / HTTP/1.1\r\nHost: api.example:443", DISAGREE),
    "an address that was not dialled": (b"GET / HTTP/1.1\r\nHost: 93.184.216.17", DISAGREE),
    "target without a slash": (b"GET api.example HTTP/1.1\r\nHost: api.example", MALFORMED_REQUEST),
    "a NUL in Host": (b"GET / HTTP/1.1\r\nHost: api.example\0.forbidden.example", MALFORMED_REQUEST),
    "no Host": (b"GET / HTTP/1.1\r\nX-Not-Host: api.example", MALFORMED_REQUEST),
    "no Host before there was one": (b"GET / HTTP/1.0\r\nX-Not-Host: api.example", (502, "unregistered")),
}
"""A request head, and the status and code of its denial."""

MALFORMED_HOSTS = (
    b"user@api.example",
    b"api.example@forbidden.example",
    b"api_v1.example",
    b"api..example",
    b".api.example",
    b"-api.example",
    b"api.example:",
    b"api.example:0",
    b"api.example:080",
    b"api.example:99999",
    b"api.example:80:80",
    b"api.example/",
    b"api.example?x",
    b"api.example#",
    b"api.example\\",
    b"api .example",
    b"api.example,forbidden.example",
    b"api%2eexample",
    b"0x7f.1",
    b"127.1",
    b"2130706433",
    b"[::1",
    b"[::1]x",
    b"[93.184.216.10]",
    b"::1",
    b"fe80::1%eth0",
    b"xn--a.example",
    b"a" * 64 + b".example",
    b"a." * 127 + b"example",
    b"",
)


@pytest.mark.parametrize("case", DENIED_HEADS)
def test_names_that_do_not_agree_are_denied(workload: Workload, counting: Lab, journal: Journal, case: str) -> None:
    head, expected = DENIED_HEADS[case]
    with untouched(counting, *ORIGINS):
        answer = workload.get("api.example", head)
    assert told(answer) == expected, answer
    assert logged(journal) == told(answer)[1]


@pytest.mark.parametrize("host", MALFORMED_HOSTS)
def test_a_host_that_is_no_name_is_denied(workload: Workload, counting: Lab, journal: Journal, host: bytes) -> None:
    with untouched(counting, *ORIGINS):
        answer = workload.get("api.example", b"GET / HTTP/1.1\r\nHost: " + host)
    assert told(answer) == MALFORMED_NAME, answer
    assert logged(journal) == MALFORMED_NAME[1]


UNREADABLE = {
    "request line": b"GET http://me@api.example/?token=secret HTTP/1.1\r\nHost: api.example",
    "field": b"GET / HTTP/1.1\r\nHost: api.example\r\nAuthorization secret",
    "length": b"POST / HTTP/1.1\r\nHost: api.example\r\nContent-Length: secret",
    "framing": b"POST / HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: secret",
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_head_that_cannot_be_read_is_told_to_its_sender_and_never_logged(
    workload: Workload, counting: Lab, gate: Gate, journal: Journal, case: str
) -> None:
    with untouched(counting, *ORIGINS):
        answer = workload.get("api.example", UNREADABLE[case])
    assert told(answer) == MALFORMED_REQUEST, answer
    assert logged(journal) == MALFORMED_REQUEST[1]
    assert "secret" not in str(journal()) + gate.stderr()


SPELLINGS = {
    b"api.example": "api.example",
    b"API.Example": "api.example",
    b"api.example.": "api.example",
    b"api.example:80": "api.example",
    b" api.example\t": "api.example",
}


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_the_canonical_name_is_what_leaves(workload: Workload, origins: LabOrigins, spelt: bytes) -> None:
    answer = workload.get("api.example", b"GET / HTTP/1.1\r\nHost: " + spelt)
    assert answer.status == 200, answer
    assert ["Host", SPELLINGS[spelt]] in answer.json["headers"]


def test_an_absolute_target_that_agrees_leaves_as_a_path(workload: Workload, origins: LabOrigins) -> None:
    answer = workload.get("api.example", b"GET http://API.example:80/x?y=1 HTTP/1.1\r\nHost: api.example")
    assert answer.json["line"] == "GET /x?y=1 HTTP/1.1"
    assert ["Host", "api.example"] in answer.json["headers"]


@pytest.mark.parametrize("host", [b"a.wild.example", b"forbidden.example", b"api.example:80", b"93.184.216.10"])
def test_sni_and_host_have_to_agree(workload: Workload, counting: Lab, journal: Journal, host: bytes) -> None:
    """The first name is registered too, and lives at the same address: fronting is refused all the same."""
    with untouched(counting, *ORIGINS), workload.secure("api.example") as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        answer = parsed(drain(client))
    assert told(answer) == DISAGREE
    assert logged(journal) == DISAGREE[1]


def test_each_request_of_a_connection_is_judged_by_its_own_host(
    workload: Workload, counting: Lab, origins: LabOrigins
) -> None:
    with workload.dial("api.example", 80) as client:
        client.sendall(b"GET /first HTTP/1.1\r\nHost: api.example\r\n\r\n")
        first, _ = response(client)
        with untouched(counting, *world.ADDRESSES["forbidden"]):
            client.sendall(b"GET / HTTP/1.1\r\nHost: forbidden.example\r\nConnection: close\r\n\r\n")
            second = parsed(drain(client))
    assert first.status == 200
    assert told(second) == (502, "unregistered")


DENIED_FIELDS = {
    ":authority of another registered host": (request("a.wild.example", scheme="https"), DISAGREE),
    ":authority of an unregistered host": (request("forbidden.example", scheme="https"), DISAGREE),
    ":authority with another port": (request("api.example:80", scheme="https"), DISAGREE),
    "host alone, another one": (request(None, scheme="https", host="forbidden.example"), DISAGREE),
    ":authority that is no name": (request("api_v1.example", scheme="https"), MALFORMED_NAME),
    ":path without a slash": (request("api.example", "api.example/", scheme="https"), MALFORMED_REQUEST),
    ":method that is no token": (request("api.example", method="GE T", scheme="https"), MALFORMED_REQUEST),
}
"""Headers of a request, and the status and code of its denial."""

INVALID_FIELDS = {
    ":authority and another host": request("api.example", scheme="https", host="forbidden.example"),
    ":authority with user info": request("user@api.example", scheme="https"),
    "upper case": [*request("api.example", scheme="https"), ("X-Upper", "1")],
    "a line break in a value": request("api.example", scheme="https", x="secret\r\nhost: forbidden.example"),
    "a field of HTTP/1": request("api.example", scheme="https", connection="close"),
    "no :path": [field for field in request("api.example", scheme="https") if field[0] != ":path"],
}
"""Headers that HTTP/2 does not allow, so that no stream is opened by them."""


@pytest.mark.parametrize("case", DENIED_FIELDS)
def test_sni_and_authority_have_to_agree(workload: Workload, counting: Lab, journal: Journal, case: str) -> None:
    fields, expected = DENIED_FIELDS[case]
    with untouched(counting, *ORIGINS), workload.secure("api.example", alpn="h2") as sock:
        stream = Client(sock).ask(fields)
    assert (stream.status, stream.denial["code"]) == expected
    assert logged(journal) == expected[1]


@pytest.mark.parametrize("case", INVALID_FIELDS)
def test_what_is_not_valid_http2_ends_the_connection(
    workload: Workload, counting: Lab, gate: Gate, journal: Journal, case: str
) -> None:
    with untouched(counting, *ORIGINS), workload.secure("api.example", alpn="h2") as sock:
        client = Client(sock)
        stream = client.ask(INVALID_FIELDS[case])
    assert (stream.status, client.gone) == (0, True)
    assert logged(journal) == "request_malformed"
    assert "secret" not in str(journal()) + gate.stderr()


def test_streams_of_one_connection_are_judged_apart(
    workload: Workload, counting: Lab, origins: LabOrigins, journal: Journal
) -> None:
    with untouched(counting, *world.ADDRESSES["forbidden"]), workload.dial("api.example", 80) as sock:
        client = Client(sock)
        streams = [client.send(request(host)) for host in ("api.example", "forbidden.example", "a.wild.example")]
        answers = [client.answer(number) for number in streams]
    assert [answer.status for answer in answers] == [200, 502, 200]
    assert [dict(seen["headers"]).get("Host") for seen in origins.records("request")] == [
        "api.example",
        "a.wild.example",
    ]
