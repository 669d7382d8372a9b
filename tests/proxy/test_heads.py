"""Heads are written as mitmproxy writes them, and read back as they were; what is not plain, `test_lane` has."""

from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.net.http import http1

from outgate.proxy import heads

NAMES = st.from_regex(rb"x-[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,8}", fullmatch=True).filter(
    lambda name: not name.lower().startswith(heads.CONTROL)
)
VALUES = st.from_regex(rb"([\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff]{0,8}[\x21-\x7e\x80-\xff])?)?", fullmatch=True)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(tuple)
PATHS = st.from_regex(rb"/[\x21-\x7e]{0,20}", fullmatch=True)


@given(st.sampled_from([b"GET", b"POST", b"DELETE"]), PATHS, FIELDS)
def test_a_request_is_written_as_it_was_read(method, path, fields):
    fields = ((b"Host", b"api.example"), *fields)
    sent = b"%b %b HTTP/1.1\r\n" % (method, path) + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"
    asked = heads.request(sent, most_bytes=65536, most_fields=256)
    assert asked is not None
    assert heads.written_request(asked.request, asked.request.headers.fields) == sent
    assert http1.assemble_request_head(asked.request) == sent


@given(st.integers(200, 599), st.sampled_from([b"OK", b"", b"Not Found"]), FIELDS)
def test_a_response_is_written_as_mitmproxy_writes_it(status, reason, fields):
    response = http.Response(b"HTTP/1.1", status, reason, http.Headers(fields), b"", None, 0, 0)
    assert heads.written_response(response) == http1.assemble_response_head(response)


def test_other_fields_stand_in_place_of_a_request_s_own():
    made = http.Request.make("GET", "http://api.example/a")
    assert heads.written_request(made, ((b"x-a", b"b"),)) == b"GET /a HTTP/1.1\r\nx-a: b\r\n\r\n"
    assert b"x-a" not in dict(made.headers.fields)
