"""What texts look like."""

import pytest

from outgate.redact.replace.formats.look import MAKERS, certain, likely

LOOKS = [
    ("0b1c6b2e-8a3f-4b60-9c53-0e8d1f6f7a10", "uuid"),
    ("ann@corp.example", "email"),
    ("DE89370400440532013000", "iban"),
    ("4242 4242 4242 4242", "card"),
    ("+49 30 901820", "phone"),
    ("eyJhbGciOiJub25lIn0.e30.", "jwt"),
    ("203.0.113.9", "address"),
    ("2001:db8::1", "address"),
    ("9f86d081884c7d65", "hex"),
    ("QUJDREVGR0hJSktMTU5P", "base64"),
    ("12.50", "number"),
    ("9999999999999995", "number"),
    ("Ann Lee", "letters"),
    ("", "letters"),
]


@pytest.mark.parametrize(("text", "name"), LOOKS)
def test_a_text_has_a_format(text, name):
    assert (certain(text) or likely(text)) == name


@pytest.mark.parametrize(("text", "name"), LOOKS)
def test_what_looks_like_one_can_be_read_as_one(text, name):
    assert name == "jwt" or MAKERS[name].read(text) is not None
