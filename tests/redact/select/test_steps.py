"""Patterns of steps are compared as an expression over the whole path would be."""

import re

from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.select.steps import Pattern, Wanted

NAMES = st.sampled_from("ab")
WANTED = st.tuples(st.sampled_from("ab*"), st.booleans())


def pattern(wanted, exact):
    def test(name):
        return lambda step: name in ("*", step)

    return Pattern(tuple(Wanted(test(name), anywhere) for name, anywhere in wanted), exact)


@given(st.lists(WANTED, max_size=4), st.booleans(), st.lists(NAMES, max_size=7))
def test_it_is_what_a_regular_expression_says(wanted, exact, path):
    text = "".join(f"{'.*' if anywhere else ''}{'.' if name == '*' else name}" for name, anywhere in wanted)
    expected = re.fullmatch(text if exact else f"{text}.*", "".join(path)) is not None
    assert pattern(wanted, exact)(tuple(path)) is expected
