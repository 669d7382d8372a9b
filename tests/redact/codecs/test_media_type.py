"""Media types: the type itself, and parameters."""

import time

import pytest

from outgate.redact.codecs.media_type import essence, in_utf8, parameters


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("text/html", "text/html", {}),
        (" Text/HTML ; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('a/b; boundary="a \\"b\\"; c"; d=e', "a/b", {"boundary": 'a "b"; c', "d": "e"}),
        ("a/b; c=1; c=2; d", "a/b", {"c": "1"}),
        ("", "", {}),
        ("; a=b", "", {"a": "b"}),
        ('a/b; c="d', "a/b", {}),
    ],
)
def test_a_type_and_its_parameters_are_read(text, kind, found):
    assert (essence(text), parameters(text)) == (kind, found)


def test_a_type_is_said_to_be_in_utf8():
    assert in_utf8("A/B;c=d; charset=latin1") == "a/b;c=d; charset=utf-8"
    assert in_utf8("") == "text/plain; charset=utf-8"


@pytest.mark.parametrize("piece", [";", ';a="', ';a="\\', " ", "; ", "a="])
def test_any_text_is_read_in_linear_time(piece):
    began = time.process_time()
    parameters(piece * 100_000)
    assert time.process_time() - began < 10
