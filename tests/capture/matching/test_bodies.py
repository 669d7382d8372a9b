"""Bodies mean the same however they are written, and otherwise not."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.capture.matching.bodies import meaning

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=10,
)


def same(one, other, media_type=JSON, other_type=None):
    ours, theirs = meaning(one, media_type), meaning(other, other_type or media_type)
    assert ours.form == theirs.form != "bytes"
    return ours.values == theirs.values


@given(values)
def test_json_is_compared_by_what_it_says(found):
    turned = turned_over(found)
    assert same(json.dumps(found).encode(), json.dumps(turned, indent=3, ensure_ascii=False).encode())


def turned_over(found):
    """With keys in another order."""
    if isinstance(found, dict):
        return {key: turned_over(value) for key, value in reversed(found.items())}
    return [turned_over(each) for each in found] if isinstance(found, list) else found


@given(values, values)
def test_json_that_says_something_else_differs(one, other):
    """`True == 1` is Python's, not JSON's."""
    assert same(json.dumps(one).encode(), json.dumps(other).encode()) == (canonical(one) == canonical(other))


def canonical(found):
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, dict):
        return json.dumps({key: canonical(value) for key, value in found.items()}, sort_keys=True)
    return json.dumps([canonical(each) for each in found] if isinstance(found, list) else found)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ('{"a": 1.10}', '{"a": 11e-1}', True),
        ('{"a": "\\u00e9"}', '{"a": "é"}', True),
        ('\ufeff{"a": 1}', '{"a": 1}', True),
        ('{"a": 12345678901234567890}', '{"a": 12345678901234567891}', False),
        ('{"a": 1}', '{"a": "1"}', False),
        ('{"a": true}', '{"a": 1}', False),
        ('{"a": null}', "{}", False),
        ('{"a": []}', '{"a": {}}', False),
        ("[1, 2]", "[2, 1]", False),
    ],
)
def test_json_cases(one, other, alike):
    assert same(one.encode(), other.encode()) is alike


@pytest.mark.parametrize(
    "media_type", ["application/problem+json", "application/x-amz-json-1.1; x=y", "", "text/plain"]
)
def test_json_is_known_by_its_type_or_looks(media_type):
    assert meaning(b'{"a": 1}', media_type).form == "json"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"{not json", JSON),
        (b'{"a": 1}', "application/pdf"),
        (b"[" * 100_000, JSON),
        (b'{"a": 1e999999999999999999999999}', JSON),
        (b"<a>", "text/xml"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "application/xml"),
        (b"<a>" * 600 + b"</a>" * 600, "application/xml"),
        (b"--x\r\n\r\nno end", "multipart/form-data; boundary=x"),
        (b"no boundary", "multipart/form-data"),
        (b"\x00\x00\x00\x00\x05hello", "application/grpc"),
    ],
)
def test_what_cannot_be_read_means_its_bytes(body, media_type):
    assert meaning(body, media_type).form == "bytes"
    assert meaning(body, media_type) == meaning(body, media_type)
    assert meaning(body, media_type) != meaning(body + b" ", media_type)


def test_lines_of_json():
    assert same(b'{"a": 1, "b": 2}\n[3]\n', b'{"b":2,"a":1}\r\n\r\n[3.0]', "application/x-ndjson")
    assert not same(b"{}\n[]\n", b"[]\n{}\n", "application/x-ndjson")


pairs = st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=5)), min_size=1, max_size=5)


@given(pairs, st.randoms())
def test_forms_are_compared_by_name(found, random):
    names = list(dict.fromkeys(name for name, _ in found))
    random.shuffle(names)
    turned = [(name, value) for name in names for known, value in found if known == name]
    odd = "&".join(f"{escaped(name)}={escaped(value)}" for name, value in turned)
    assert same(urlencode(found).encode(), odd.encode(), FORM)


def escaped(text):
    """Every byte of it."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


def test_forms_that_differ():
    assert not same(b"a=1&a=2", b"a=2&a=1", FORM)
    assert same(b"a=&b", b"b=&a=", FORM)


def multipart(boundary, parts, end=b"\r\n"):
    body = b""
    for head, content in parts:
        body += b"--" + boundary + end + head.replace(b"\n", end) + end + end + content + end
    return body + b"--" + boundary + b"--" + end


PARTS = [
    (b'Content-Disposition: form-data; name="order"\nContent-Type: application/json', b'{"id": 1, "n": 2}'),
    (b'Content-Disposition: form-data; name="file"; filename="a.bin"\nContent-Type: image/png', b"\x89PNG\r\n--\x00"),
    (b'Content-Disposition: form-data; name="note"', b""),
]


def test_a_boundary_does_not_count():
    other = [(head.replace(b"Content-", b"content-"), content.replace(b"1, ", b"1,")) for head, content in PARTS]
    assert same(
        multipart(b"----WebKitFormBoundary7MA", PARTS),
        multipart(b"x", other[::-1]),
        "multipart/form-data; boundary=----WebKitFormBoundary7MA",
        'multipart/form-data; boundary="x"',
    )
    assert same(multipart(b"x", PARTS), multipart(b"y", PARTS), "multipart/form-data", "multipart/form-data")


@pytest.mark.parametrize("number", range(3))
def test_every_part_counts(number):
    changed = list(PARTS)
    changed[number] = changed[number][0], b"another"
    kind = "multipart/form-data; boundary=x"
    assert not same(multipart(b"x", PARTS), multipart(b"x", changed), kind)
    assert not same(multipart(b"x", PARTS), multipart(b"x", PARTS[:number] + PARTS[number + 1 :]), kind)


def test_parts_of_one_name_and_of_none():
    two = [(b'Content-Disposition: form-data; name="a"', content) for content in (b"1", b"2")]
    kind = "multipart/form-data; boundary=x"
    assert not same(multipart(b"x", two), multipart(b"x", two[::-1]), kind)
    mixed = [(b"Content-Type: text/plain", b"1"), (b"Content-Type: text/plain", b"2")]
    assert len(meaning(multipart(b"x", mixed), "multipart/mixed; boundary=x").values) == 2


def test_xml_is_compared_by_its_elements():
    assert same(
        b'<?xml version="1.0"?><o:order xmlns:o="urn:x" b="2" a="1">\n  <item>caf&#233;</item><item/>\n</o:order>',
        '<o:order a="1" b="2" xmlns:o="urn:x"><item>café</item><item></item></o:order>'.encode(),
        "application/soap+xml",
    )
    assert not same(b"<a><b>1</b><b>2</b></a>", b"<a><b>2</b><b>1</b></a>", "text/xml")
    assert not same(b'<a b="1"/>', b'<a b="2"/>', "text/xml")


def graphql(query, **further):
    return json.dumps({"query": query, **further}).encode()


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (
            graphql("query A($n: Int) { a(n: $n) }", variables={"n": 1}),
            graphql("query A($n:Int){a(n:$n) b}", variables={"n": 1}),
            True,
        ),
        (graphql("query A { a }", variables={"n": 1}), graphql("query A { a }", variables={"n": 2}), False),
        (graphql("query A { a }"), graphql("query B { a }"), False),
        (graphql("query A { a }"), graphql("query A { a }", operationName="A", variables={}), True),
        (graphql("{ a,\n  b }"), graphql("{ a b }"), True),
        (graphql("{ a }"), graphql("{ b }"), False),
        (
            b'{"extensions": {"persistedQuery": {"sha256Hash": "1"}}}',
            b'{"extensions": {"persistedQuery": {"sha256Hash": "2"}}}',
            False,
        ),
        (b"[" + graphql("query A { a }") + b"]", b"[" + graphql("query A { a b }") + b"]", True),
    ],
)
def test_graphql_is_compared_by_operation_and_variables(one, other, alike):
    assert meaning(one, JSON).form == "graphql"
    assert same(one, other) is alike


def test_the_document_of_an_operation_is_a_hint():
    one, other = meaning(graphql("query A { a }"), JSON), meaning(graphql("query A { b }"), JSON)
    assert one.hints != other.hints
    assert meaning(b"query A { a }", "application/graphql").values == one.values


@pytest.mark.parametrize("body", [b'{"query": "shoes"}', b'{"query": "query", "page": 1}', b'{"query": 1}'])
def test_a_search_is_no_graphql(body):
    assert meaning(body, JSON).form == "json"


@given(
    st.binary(max_size=60), st.sampled_from([JSON, FORM, "text/xml", "multipart/form-data; boundary=x", "", "\r\n;="])
)
def test_nothing_is_raised(body, media_type):
    assert meaning(body, media_type) == meaning(body, media_type)
