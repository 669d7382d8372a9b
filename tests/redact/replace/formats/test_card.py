"""Card numbers stay card numbers of their network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats import card
from redact.replace.making import SEEDS, faked, shape

CARDS = [
    ("4242 4242 4242 4242", "411111"),
    ("5105-1051-0510-5100", "555555"),
    ("2223003122003222", "222300"),
    ("371449635398431", "378282"),
    ("3714 496353 98431", "378282"),
    ("341111111111111", "371449"),
    ("30569309025904", "305693"),
    ("36227206271667", "362272"),
    ("3566002020360505", "353011"),
    ("6011000990139424", "601111"),
    ("6200000000000005", "620000"),
    ("4222222222222", "411111"),
]


def luhn(digits):
    """By the book: every second from the right doubled, digits added up."""
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        total += sum(divmod(2 * digit, 10)) if place % 2 else digit
    return total % 10 == 0


@pytest.mark.parametrize(("text", "test"), CARDS)
def test_a_card_becomes_one_with_a_test_number_s_beginning(text, test):
    made = faked(card, text)
    digits = "".join(filter(str.isdigit, made))
    assert shape(made) == shape(text)
    assert digits.startswith(test)
    assert luhn(digits)


@given(st.text("0123456789", min_size=11, max_size=18), SEEDS)
def test_any_number_that_passes_the_check_becomes_one_that_does(body, seed):
    number = body + card.checksum(body)
    assert luhn(number)
    made = faked(card, number, seed)
    assert luhn(made)
    assert len(made) == len(number)
    assert card.network(number) or made[0] == number[0]


@pytest.mark.parametrize("text", ["4242424242424241", "42424242424", "4242  4242 4242 4242", "4242_4242", "", "٤" * 16])
def test_what_is_none_is_not_read(text):
    assert card.read(text) is None
