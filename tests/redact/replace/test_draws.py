"""Choices follow from the seed alone."""

from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.draws import Draws


@given(st.binary(max_size=32), st.lists(st.integers(1, 1 << 32), max_size=60))
def test_the_same_seed_gives_the_same_numbers_within_their_limits(seed, limits):
    one, other = Draws(seed), Draws(seed)
    numbers = [one.below(limit) for limit in limits]
    assert numbers == [other.below(limit) for limit in limits]
    assert all(0 <= number < limit for number, limit in zip(numbers, limits, strict=True))


def test_another_seed_gives_others():
    assert Draws(b"a").text("0123456789", 40) != Draws(b"b").text("0123456789", 40)


def test_everything_is_chosen_about_as_often():
    text = Draws(b"seed").text("abcd", 8000)
    assert all(1800 < text.count(each) < 2200 for each in "abcd")
