"""What the formats' writers write can be read back, and what cannot is refused."""

import io

import pytest
from mitmproxy.io import tnetstring

from capture.formats.written import kinds, tunnel
from outgate.capture.leaks.structure import Unreadable, of_bytes, of_flow, of_json, of_yaml, texts
from outgate.proxy.flowfile import FlowFileWriter


def test_json_and_yaml_without_what_parts_them():
    assert of_json(b',\n{"a": [1]}\n') == {"a": [1]}
    assert of_yaml(b"- a: !!binary |\n    /w==\n") == [{"a": b"\xff"}]
    assert of_bytes(b"\xff") == b"\xff"


@pytest.mark.parametrize("name", [*kinds(), "tunnel"])
def test_a_flow_says_what_mitmproxy_reads(name):
    out = io.BytesIO()
    FlowFileWriter(out).write(tunnel() if name == "tunnel" else kinds()[name])
    theirs = tnetstring.loads(out.getvalue())
    assert sorted(texts(of_flow(out.getvalue()))) == sorted(texts(_bytes(theirs)))


def _bytes(found):
    match found:
        case dict():
            return {_bytes(key): _bytes(value) for key, value in found.items()}
        case list() | tuple():
            return [_bytes(each) for each in found]
        case str():
            return found.encode()
    return found


@pytest.mark.parametrize(
    ("read", "piece"),
    [
        (of_json, b'{"a"'),
        (of_json, b"\xff"),
        (of_json, b"[" * 100_000),
        (of_yaml, b"a: [b"),
        (of_yaml, b"!!python/object:x {}"),
        (of_flow, b"3:abc,x"),
        (of_flow, b"3:abc"),
        (of_flow, b"abc"),
        (of_flow, b"3:abc?"),
    ],
)
def test_what_is_broken_is_refused(read, piece):
    with pytest.raises(Unreadable):
        read(piece)


def test_texts_are_keys_and_values_at_any_depth():
    assert sorted(texts({"a": ["b", {b"c": 1, "\udcff": None}]})) == [b"a", b"b", b"c", b"\xed\xb3\xbf"]
