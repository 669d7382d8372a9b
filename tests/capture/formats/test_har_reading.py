"""HAR of any program is read, entry by entry, and says what a test run needs."""

import base64
import gzip
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.formats.written import PLAIN, kinds
from outgate.capture.formats.har import HarWriter
from outgate.capture.formats.har_reading import HarFile
from outgate.capture.match import Matcher, Miss
from outgate.capture.matching.canonical import canonical
from outgate.capture.told import Malformed

KINDS = kinds()


@pytest.fixture
def read(tmp_path):
    """What a document holds, and what is wrong with it."""

    def run(document):
        file = tmp_path / "file.har"
        file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        har = HarFile(file)
        found = list(har)
        return found, [each.removeprefix(f"{file}: ") for each in har.problems]

    return run


def written(*exchanges):
    writer = HarWriter(out := io.BytesIO())
    for each in exchanges:
        writer.write(each)
    writer.close()
    return out.getvalue()


def document(*entries):
    return {"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": list(entries)}}


def entry(request=None, response=None, **facts):
    asked = {"method": "GET", "url": "https://api.example/a", **(request or {})}
    answered = {"status": 200, "content": {"size": 2, "mimeType": "text/plain", "text": "ok"}, **(response or {})}
    return {"startedDateTime": "2026-01-31T12:00:00.123456789Z", "request": asked, "response": answered, **facts}


@pytest.mark.parametrize("name", KINDS)
def test_what_was_written_is_read_back(read, name):
    """All but text that was no UTF-8, and the order in which nothing was kept."""
    kept = KINDS[name]
    [found], problems = read(written(kept))
    assert problems == []
    assert found.manifest == kept.manifest
    ours, theirs = kept.exchange, found.exchange
    if name == "odd names":
        ours = replace(ours, request=replace(ours.request, target=theirs.request.target))
        ours = replace(ours, response=replace(ours.response, reason="O\ufffdK"))
    assert canonical(theirs.request, found.manifest) == canonical(ours.request, kept.manifest)
    assert theirs == ours


def test_it_answers_what_was_recorded(read):
    """Each of them, after the way through the format and back."""
    matcher = Matcher()
    found, problems = read(written(*KINDS.values()))
    assert problems == []
    for each in found:
        matcher.add(each.exchange, each.manifest)
    for kept in KINDS.values():
        assert not isinstance(matcher.find(kept.exchange.request), Miss)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("text", "it is no object"),
        (entry(request={"url": "ftp://x.example/"}), 'its scheme is "ftp"; http, https, ws and wss are read'),
        (entry(request={"url": "https://[x/"}), "Invalid IPv6 URL"),
        (entry(request={"url": "https://x.example:99999/"}), "Port out of range"),
        (entry(request={"method": None}), "request.method is not there"),
        (entry(request={"headers": [{"name": 1}]}), "request.headers[0].name is no text"),
        (entry(response={"status": "200"}), "response.status is no whole number"),
        (entry(response={"content": {"text": "?", "encoding": "base64"}}), "response.content.text is no base64"),
        (entry(_webSocketMessages=[{"opcode": 2, "data": "?"}]), "_webSocketMessages[0].data is no base64"),
    ],
)
def test_one_bad_entry_is_named_and_the_rest_is_read(read, wrong, why):
    found, problems = read(document(entry(), wrong, entry()))
    assert len(found) == 2
    assert len(problems) == 1
    assert problems[0].startswith("entry 1 is left out: ")
    assert why in problems[0]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"log": {}}', b"[" * 100_000])
def test_what_is_no_har_says_so(read, content):
    with pytest.raises(Malformed):
        read(content)


# What programs write.


def test_a_byte_order_mark_is_none_of_it(read):
    assert len(read(b"\xef\xbb\xbf" + json.dumps(document(entry())).encode())[0]) == 1


def test_what_may_be_left_out_or_null_is(read):
    short = {"request": {"method": "GET", "url": "https://api.example"}, "response": {"status": 204}}
    found, problems = read(document(short, entry(time=None, timings=None, response={"httpVersion": None})))
    assert problems == []
    assert found[0].exchange.request.target == "/"
    assert found[0].exchange.response.body.content == b""


@pytest.mark.parametrize("status", [0, -1, None])
def test_an_exchange_without_an_answer_has_none(read, status):
    [found], _ = read(document(entry(response={"status": status, "_error": "net::ERR_CONNECTION_RESET"})))
    assert found.exchange.response is None
    assert found.exchange.error == "net::ERR_CONNECTION_RESET"


@pytest.mark.parametrize("method", ["DELETE", "QUERY", "GET", "POST"])
def test_bodies_of_any_method_are_read(read, method):
    posted = {"mimeType": "application/json", "text": "{}"}
    [found], _ = read(document(entry(request={"method": method, "postData": posted})))
    assert found.exchange.request.body.content == b"{}"


def test_a_coded_request_is_read_as_it_was_posted(read):
    """Decoded in the file or not: the same request is found."""
    fields = [{"name": "Content-Encoding", "value": "gzip"}, {"name": "content-type", "value": "application/json"}]
    plain = {"mimeType": "application/json", "text": '{"a": 1}'}
    packed = {"text": base64.b64encode(gzip.compress(b'{"a":1}')).decode(), "encoding": "base64"}
    found, _ = read(document(*(entry(request={"headers": fields, "postData": each}) for each in (plain, packed))))
    assert [each.exchange.request.body.decoded for each in found] == [True, False]
    one, other = (canonical(each.exchange.request) for each in found)
    assert one.values == other.values


@pytest.mark.parametrize("coding", ["gzip, br", "snappy", "gzip, gzip", "x-gzip"])
def test_codings_that_others_stumble_over(read, coding):
    headers = [{"name": "content-encoding", "value": coding}]
    [found], problems = read(document(entry(response={"headers": headers})))
    assert problems == []
    assert found.exchange.response.body.content == b"ok"


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "target"),
    [
        ("http://api.example:18081/a?b#c", "http", "api.example", 18081, "/a?b"),
        ("https://user:pass@API.example/", "https", "api.example", 443, "/"),
        ("wss://api.example/chat", "https", "api.example", 443, "/chat"),
        ("http://[2001:db8::1]:8080/", "http", "2001:db8::1", 8080, "/"),
    ],
)
def test_the_address_is_the_urls(read, url, scheme, host, port, target):
    [found], _ = read(document(entry(request={"url": url}, serverIPAddress="192.0.2.1")))
    asked = found.exchange.request
    assert (asked.scheme, asked.host, asked.port, asked.target) == (scheme, host, port, target)


@pytest.mark.parametrize(
    ("said", "protocol"), [("h2", "HTTP/2.0"), ("HTTP/2", "HTTP/2.0"), ("h3", "HTTP/3"), ("", "HTTP/1.1")]
)
def test_versions_as_browsers_name_them(read, said, protocol):
    [found], _ = read(
        document(entry(request={"httpVersion": said}, response={"httpVersion": said, "statusText": "Fine"}))
    )
    assert found.exchange.request.protocol == found.exchange.response.protocol == protocol
    assert found.exchange.response.reason == "Fine"


def test_headers_of_http2_and_odd_bytes(read):
    headers = [{"name": ":path", "value": "/a"}, {"name": "x-a", "value": "ü"}, {"name": "x-b", "value": "\ud800"}]
    [found], _ = read(document(entry(request={"headers": headers})))
    assert found.exchange.request.fields == ((b"x-a", "ü".encode()), (b"x-b", b"\xed\xa0\x80"))


def test_a_form_of_parameters_alone(read):
    params = [{"name": "a", "value": "1 2"}, {"name": "é"}]
    form = {"mimeType": "application/x-www-form-urlencoded", "params": params}
    parts = {
        "mimeType": "multipart/form-data; boundary=xx",
        "params": [{"name": "f", "fileName": "a.txt", "contentType": "text/plain", "value": "hi"}],
    }
    found, problems = read(document(entry(request={"postData": form}), entry(request={"postData": parts})))
    assert problems == []
    assert found[0].exchange.request.body.content == b"a=1+2&%C3%A9="
    assert (
        b'--xx\r\nContent-Disposition: form-data; name="f"; filename="a.txt"' in found[1].exchange.request.body.content
    )


def test_text_goes_back_into_its_charset(read):
    content = {"size": 7, "mimeType": "text/html; charset=iso-8859-1", "text": "<p>Müller"}
    odd = {"size": 7, "mimeType": "text/html; charset=no-such", "text": "ü"}
    none = {"size": 7, "mimeType": "text/html; charset=ascii", "text": "ü"}
    found, _ = read(document(*(entry(response={"content": each}) for each in (content, odd, none))))
    assert [each.exchange.response.body.content for each in found] == [b"<p>M\xfcller", "ü".encode(), "ü".encode()]


def test_a_body_that_is_not_in_the_file_is_not_an_empty_one(read):
    [found], _ = read(document(entry(response={"content": {"size": 70000, "mimeType": "image/png"}})))
    assert (found.exchange.response.body.content, found.exchange.response.body.missing) == (None, "absent")


def test_messages_of_a_websocket_are_read(read):
    messages = [
        {"type": "send", "time": 1769860800.5, "opcode": 1, "data": "hi"},
        {"type": "receive", "time": 1769860801.0, "opcode": 2, "data": "AP8="},
    ]
    [found], _ = read(document(entry(startedDateTime="2026-01-31T12:00:00Z", _webSocketMessages=messages)))
    one, two = found.exchange.messages
    assert (one.from_client, one.text, one.content, one.after) == (True, True, b"hi", 0.5)
    assert (two.from_client, two.text, two.content, two.after) == (False, False, b"\x00\xff", 1.0)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("text", "name", "value")), inner),
    max_leaves=6,
)
NAMES = ("request", "response", "startedDateTime", "_webSocketMessages", "_outgate", "time")
INNER = ("url", "method", "headers", "postData", "content", "status", "httpVersion", "bodySize")


@given(st.sampled_from(NAMES), st.sampled_from(INNER), values)
def test_nothing_else_is_raised(tmp_path_factory, name, inner, value):
    odd, odder = entry(), entry()
    odd[name] = value
    odder["request"][inner] = odder["response"][inner] = value
    file = tmp_path_factory.mktemp("har") / "odd.har"
    file.write_text(json.dumps(document(odd, odder, entry())))
    har = HarFile(file)
    assert len(list(har)) + len(har.problems) == 3


def test_the_plain_text_is_what_is_shown(read):
    assert PLAIN.decode() in written(KINDS["gzip"]).decode().replace('\\"', '"')
