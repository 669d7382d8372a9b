"""Text and bytes: nothing is lost on the way, and no text is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.utf8 import decoded, encoded, one_line, said, seen


@given(st.binary())
def test_bytes_come_back_as_they_were(raw):
    assert len(seen(raw)) == len(raw)
    assert said(seen(raw)) == decoded(raw)
    assert encoded(decoded(raw)) == raw


@pytest.mark.parametrize(("text", "raw"), [("\ud800", b"?"), ("é\udcff", b"\xc3\xa9\xff"), ("\ud800\udcff", b"??")])
def test_any_text_is_written(text, raw):
    assert encoded(text) == raw


def test_a_line_stays_one():
    assert one_line("a\r\nb\rc\n") == b"a  b c "
