"""Base64 stays what decoders take, of the same length and in the same alphabet."""

from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats import base64
from redact.replace.making import SEEDS, faked


@given(st.binary(min_size=1, max_size=60), SEEDS, st.sampled_from([b64encode, urlsafe_b64encode]), st.booleans())
def test_it_is_decoded_to_as_many_bytes_and_encoded_to_the_same(data, seed, encode, padded):
    text = encode(data).decode()
    text = text if padded else text.rstrip("=")
    made = faked(base64, text, seed)
    assert len(made) == len(text)
    standard = not set("-_") & set(made)
    decode, again = (b64decode, b64encode) if standard else (urlsafe_b64decode, urlsafe_b64encode)
    decoded = decode(made + "=" * (-len(made) % 4))
    assert len(decoded) == len(data)
    assert again(decoded).decode().rstrip("=") == made.rstrip("=")
    assert set(made) & set("+/-_") <= (
        set("+/") if set(text) & set("+/") else set("-_") if set(text) & set("-_") else set()
    )


def test_both_alphabets_and_padding_are_one_value():
    assert base64.read("+/+/") == base64.read("-_-_")


@pytest.mark.parametrize("text", ["", "a", "abcde", "ab=", "a+b-", "ab==c", "====", "a b c"])
def test_what_is_none_is_not_read(text):
    assert base64.read(text) is None


@pytest.mark.parametrize(
    ("text", "certain"), [("QUJDREVGR0hJSktMTU5P", True), ("internationalization", False), ("QUJD1a", False)]
)
def test_which_are_hardly_anything_else(text, certain):
    assert base64.certain(text) is certain
