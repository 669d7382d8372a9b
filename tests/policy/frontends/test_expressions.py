"""What is wrong with an expression is told in words."""

import pytest

from outgate.policy.frontends.expressions import expression_fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", ""),
        ("[a-z]+", ""),
        ("(a", "missing ): (a"),
        ("a{1001}", "invalid repetition size: {1001}"),
        ("(?=a)", "invalid perl operator: (?="),
        ("\ud800", "it holds half of a character"),
    ],
)
def test_the_fault_of_an_expression(text, fault):
    assert expression_fault(text) == fault
