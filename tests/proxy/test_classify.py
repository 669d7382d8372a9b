"""What a connection speaks, from its first bytes: told the same however they are cut, and never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.proxy.classify import MAX_REQUEST_LINE, Speech, classify, may_be_http
from outgate.proxy.hello import MalformedHello
from proxy.openings import HELLOS, PREFACE, REQUEST, Hello, client_hello, recut, request_lines


def verdict(data: bytes) -> str:
    try:
        return str(classify(data).speech)
    except MalformedHello:
        return "malformed"


@pytest.mark.parametrize(
    "data",
    [
        REQUEST,
        b"GET / HTTP/1.0\r\n",
        b"GET / HTTP/1.1\n",
        b"get / HTTP/1.1\r\n",
        b"purge /cache HTTP/1.1\r\n",
        b"\r\nGET / HTTP/1.1\r\n",
        b"\r\n\r\n\nGET / HTTP/1.1\r\n",
        b"OPTIONS * HTTP/1.1\r\n",
        b"GET http://api.example/ HTTP/1.1\r\n",
        b"CONNECT api.example:443 HTTP/1.1\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\n",
        b"P / HTTP/1.1\r\n",
        b"PRI / HTTP/1.1\r\n",
        b"PRI * HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 300000\r\n\r\n" + bytes(300_000),
        b"GET /" + b"a" * (MAX_REQUEST_LINE - 16) + b" HTTP/1.1\r\n",
    ],
    ids=lambda data: ascii(data[:40]),
)
def test_http1_is_recognised(data):
    assert verdict(data) == Speech.HTTP1


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\r\n",
        b"GET  / HTTP/1.1\r\n",
        b"GET / HTTP/1.2\r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET / http/1.1\r\n",
        b"GET\t/ HTTP/1.1\r\n",
        b"GET / HTTP/1.1 \r\n",
        b"GET / HTTP/1.1\rX",
        b"GET /a\x00b HTTP/1.1\r\n",
        b"GET /a\x7fb HTTP/1.1\r\n",
        b" GET / HTTP/1.1\r\n",
        b"\rGET / HTTP/1.1\r\n",
        b"G(T / HTTP/1.1\r\n",
        b"A" * 33 + b" / HTTP/1.1\r\n",
        b"EHLO mail.example\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"USER anonymous\r\n",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        b"PRI * HTTP/2.0\r\n\r\nXX",
        b"\r\n\x16\x03\x01",
        b"\x16\x02\x01",
        b"\x16\x03\x09",
        b"\x16\x16",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x80\x2e\x01\x03\x01",
        b"GET /" + b"a" * MAX_REQUEST_LINE,
        b"GET /" + b"a" * MAX_REQUEST_LINE + b" HTTP/1.1\r\n",
        b"\r\n" * MAX_REQUEST_LINE,
    ],
    ids=lambda data: ascii(data[:40]),
)
def test_what_is_none_of_them_is_other(data):
    assert verdict(data) == Speech.OTHER


@pytest.mark.parametrize(
    "data",
    [b"", b"\r", b"\r\n", b"\r\n\r", b"G", b"GET ", b"GET / H", b"GET / HTTP/1.1\r", b"P", b"PRI * HTTP/2.0\r\n\r\nSM"],
)
def test_what_may_yet_be_anything_asks_for_more(data):
    assert verdict(data) == Speech.MORE


def test_http2_with_prior_knowledge_is_recognised():
    assert verdict(PREFACE) == verdict(PREFACE + b"\x00\x00\x00\x04") == Speech.HTTP2


@pytest.mark.parametrize("wanted", HELLOS[::3], ids=str)
def test_tls_is_recognised_with_what_it_says(wanted):
    opening = classify(client_hello(wanted))
    assert opening.speech is Speech.TLS
    assert opening.hello.sni == (wanted.sni or "")
    assert opening.hello.alpn == wanted.alpn


def test_tls_that_cannot_be_read_is_malformed():
    assert verdict(b"\x16\x03\x01\x00\x04\x01\xff\xff\xff") == "malformed"


OPENINGS = st.one_of(
    request_lines(),
    st.just(PREFACE),
    st.builds(
        lambda hello, sizes: recut(client_hello(hello), sizes),
        st.sampled_from(HELLOS),
        st.lists(st.integers(1, 300), min_size=1, max_size=4),
    ),
)


@given(OPENINGS, st.data())
def test_a_part_of_a_valid_opening_is_never_taken_for_something_else(opening, data):
    cut = data.draw(st.integers(0, len(opening) - 1))
    assert verdict(opening[:cut]) == Speech.MORE
    assert verdict(opening) not in (Speech.MORE, Speech.OTHER)


@pytest.mark.parametrize("opening", [REQUEST[:21], PREFACE, b"\r\n" + REQUEST[:21], client_hello(Hello())])
def test_every_part_of_a_valid_opening_asks_for_more(opening):
    assert {verdict(opening[:cut]) for cut in range(len(opening))} == {Speech.MORE}


ANY = st.one_of(
    st.binary(max_size=80),
    st.builds(lambda start, rest: start + rest, OPENINGS.map(lambda one: one[: len(one) // 2]), st.binary(max_size=40)),
    st.builds(lambda start, rest: start + rest, st.sampled_from([b"\x16\x03\x01", b"GET /", b"\r\n"]), st.binary()),
)


@given(ANY)
def test_any_bytes_have_a_verdict(data):
    assert verdict(data) in {*Speech, "malformed"}


@given(st.one_of(ANY, OPENINGS), st.binary(max_size=60))
def test_a_verdict_is_final(data, rest):
    """Once the bytes are told, or refused, no further byte makes them something else."""
    first = verdict(data)
    if first != Speech.MORE:
        assert verdict(data + rest) == first


@pytest.mark.parametrize("excess", [-2, -1, 0, 1, 2])
def test_the_longest_request_line_is_the_same_however_it_is_cut(excess):
    line = b"GET /" + b"a" * (MAX_REQUEST_LINE - 16 + excess) + b" HTTP/1.1\r\n"
    whole = verdict(line)
    assert whole == (Speech.HTTP1 if excess <= 0 else Speech.OTHER)
    assert verdict(line[:MAX_REQUEST_LINE]) == whole
    assert verdict(line[: min(len(line), MAX_REQUEST_LINE) - 1]) == Speech.MORE


@pytest.mark.parametrize(
    "data",
    [b"G", b"GET", b"GET ", b"GET / HTTP/1.1\r\n", b"\r\n\r", b"G T x\x00", b"x" * 99, PREFACE, PREFACE[:2]],
    ids=ascii,
)
def test_what_begins_with_a_word_may_be_http(data):
    assert may_be_http(data)


@pytest.mark.parametrize(
    "data",
    [b"\x00", b"\x16\x03\x01", b" GET", b"EHLO\x00", b"GET\t/", b"SSH-2.0-x\r\n", b"\n GET", b"\r\r\n"],
    ids=ascii,
)
def test_what_does_not_is_none(data):
    assert not may_be_http(data)


@given(st.one_of(request_lines(), st.just(PREFACE)), st.data())
def test_every_part_of_a_request_may_be_http(opening, data):
    assert may_be_http(opening[: data.draw(st.integers(1, len(opening)))])
