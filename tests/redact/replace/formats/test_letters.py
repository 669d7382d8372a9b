"""Any text keeps its shape."""

from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats import letters
from redact.replace.making import SEEDS, faked, shape


@given(st.text(st.characters(codec="ascii"), max_size=60), SEEDS)
def test_case_digits_and_punctuation_stay(text, seed):
    assert shape(faked(letters, text, seed)) == shape(text)


@given(st.text(max_size=60), SEEDS)
def test_no_letter_and_no_digit_of_any_script_is_kept_for_its_look(text, seed):
    made = faked(letters, text, seed)
    assert len(made) == len(text)
    assert all(
        now.isascii() and now.isalnum() if before.isalpha() or before.isnumeric() else now == before or before.isupper()
        for before, now in zip(text, made, strict=True)
    )
