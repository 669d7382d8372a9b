"""Check digits against published examples, and against what they are for: one wrong digit is always noticed."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.detect.checksums import (
    BASE58,
    base58check,
    bech32,
    crc32_base62,
    luhn,
    mod97,
    verhoeff,
    weighted,
)


@pytest.mark.parametrize("number", ["4111111111111111", "79927398713", "0", "18"])
def test_luhn(number):
    assert luhn(number)


@given(st.text("0123456789", min_size=1, max_size=25), st.integers(0, 24), st.integers(1, 9))
def test_luhn_and_verhoeff_notice_every_wrong_digit(number, place, more):
    place %= len(number)
    wrong = number[:place] + str((int(number[place]) + more) % 10) + number[place + 1 :]
    assert not (luhn(number) and luhn(wrong))
    assert not (verhoeff(number) and verhoeff(wrong))


@pytest.mark.parametrize("number", ["2363", "123451", "234123412346"])
def test_verhoeff(number):
    assert verhoeff(number)


@given(st.text("0123456789", min_size=1, max_size=20))
def test_exactly_one_digit_completes_a_number(body):
    assert sum(luhn(body + digit) for digit in "0123456789") == 1
    assert sum(verhoeff(body + digit) for digit in "0123456789") == 1


@pytest.mark.parametrize(
    ("account", "right"),
    [("GB82WEST12345698765432", True), ("GB82WEST12345698765423", False), ("DE89370400440532013000", True)],
)
def test_mod97(account, right):
    assert mod97(account) is right


def test_weights_are_as_many_as_digits():
    assert weighted("123", (1, 2, 3)) == 14
    with pytest.raises(ValueError, match="zip"):
        weighted("12", (1, 2, 3))


@pytest.mark.parametrize(
    ("body", "checksum", "right"),
    [("a" * 30, "3HzFhz", False), ("", "000000", True), ("\0", "3oqNLF", False)],
)
def test_a_crc_in_base_62(body, checksum, right):
    assert crc32_base62(body, checksum) is right


def test_a_crc_in_base_62_as_counted_by_hand():
    """CRC-32 of "123456789" is CBF43926: 3421780262 is 3 45 35 20 12 22 in base 62."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, written = 0xCBF43926, ""
    while number:
        number, digit = divmod(number, 62)
        written = digits[digit] + written
    assert crc32_base62("123456789", written)
    assert not crc32_base62("123456780", written)


def encoded(body: bytes) -> str:
    said = body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
    number, written = int.from_bytes(said, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        written = BASE58[digit] + written
    return "1" * (len(said) - len(said.lstrip(b"\0"))) + written


@given(st.binary(max_size=80))
def test_base58check_says_again_what_was_encoded(body):
    assert base58check(encoded(body)) == body


@pytest.mark.parametrize("text", ["", "0", "1", "l", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "ü"])
def test_what_is_no_base58check_says_nothing(text):
    assert base58check(text) == b""


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("A12UEL5L", True),  # BIP 173
        ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", True),
        ("A1LQFN3A", True),  # BIP 350
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", True),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", False),
        ("a12UEL5L", False),
        ("1qqqqqq", False),
        ("x1b4n0q5v", False),
        ("", False),
    ],
)
def test_bech32(text, right):
    assert bech32(text) is right
