"""Text and bytes of no format: all of it is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs import binary, text
from rewriting import NEW, found_in, is_linear, leaf, replaced, same_again, texts


@given(st.binary(max_size=50))
def test_all_of_a_text_is_one_value(body):
    assert "".join(texts(text.read, body)).encode("utf-8", "surrogateescape") == body
    same_again(text.read, body)


def test_a_long_text_is_cut_between_lines():
    line = "é" * 50 + "\n"
    body = (line * 5000).encode()
    pieces = texts(text.read, body)
    assert len(pieces) > 5
    assert all(len(piece.encode()) <= text.LONG and piece.endswith("\n") for piece in pieces)
    assert "".join(pieces) == line * 5000


def test_a_long_line_and_a_key_are_never_cut():
    line = b"x" * 200_000 + b"\n"
    assert [each.end for each in found_in(text.read, line + b"y\n" * 100)] == [200_001, 200_201]
    key = b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 64 + b"\n-----END PRIVATE KEY-----\n"
    body = b"y\n" * ((text.LONG - 40) // 2) + key + b"z\n" * text.LONG
    assert any(key.decode() in piece for piece in texts(text.read, body))


def test_texts_in_bytes_are_found_and_changed():
    body = b"\x82\xa4card\xb04111111111111111\xa4name\xa6J\xc3\xa4ne!!\0short\0"
    assert texts(binary.read, body) == ["4111111111111111", "Jäne!!"]
    made = replaced(body, leaf(binary.read, body, "4111111111111111"), "*" * 16)
    assert len(made) == len(body)
    assert NEW.encode() in replaced(body, leaf(binary.read, body, "Jäne!!"), NEW)


@given(st.binary(max_size=100))
def test_all_bytes_are_read(body):
    same_again(binary.read, body)


@pytest.mark.parametrize(
    "piece", [b"a", b"\n", b"\0", b"abcde\0", b"\xc3", b"-----BEGIN ", b"-----BEGIN \n", b"\xe2\x82"]
)
@pytest.mark.parametrize("codec", [text.read, binary.read])
def test_any_bytes_are_read_in_linear_time(codec, piece):
    assert is_linear(codec, piece)
