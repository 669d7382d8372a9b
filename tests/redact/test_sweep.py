"""What is looked for everywhere: every form of a value, and what stands for it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.sweep import AT_ONCE, FEW, Sweep

values = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=30)


@given(values, st.binary(max_size=9), st.binary(max_size=9))
def test_a_value_is_found_wherever_base64_begins(value, before, after):
    text = base64.b64encode(before + value.encode() + after)
    made = Sweep({value: "tok_x"}).over([text])[0]
    assert len(made) == len(text)
    assert value.encode() not in base64.b64decode(made)


@given(values)
def test_pieces_without_a_value_are_not_named(value):
    assert Sweep({value: "tok_x"}).over([b"----", b""]) == {}


@given(values, st.binary(max_size=9))
def test_what_keeps_its_length_keeps_it(value, before):
    piece = before + value.encode()
    made = Sweep({value: "tok_x"}).over([piece], rigid={0})[0]
    assert len(made) == len(piece)
    assert value.encode() not in made


@pytest.mark.parametrize("count", [2, FEW, AT_ONCE])
def test_as_many_as_there_are_are_found(count):
    values = {f"value-{number:06}-x": f"tok_{number}" for number in range(count)}
    pieces = [f"it is {value}!".encode() for value in values]
    assert Sweep(values).over(pieces) == {at: f"it is tok_{at}!".encode() for at in range(count)}


def test_the_longer_of_two_goes_first():
    made = Sweep({"abcdef": "tok_1", "abcdefghi": "tok_2"}).over([b"abcdefghi abcdef"])
    assert made == {0: b"tok_2 tok_1"}
