"""Percent signs in header values."""

import pytest

from outgate.policy.frontends.istio.envoy_format import format_fault


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        "100%%",
        "%HOSTNAME%",
        "a %HOSTNAME% b",
        "%REQ(a)%",
        "%A(b)%%%",
        '%A(["b", "c\\"d"])%',
        "%A( b )%",
        "%%%A%",
    ],
)
def test_well_formed(value):
    assert format_fault(value) == ""


@pytest.mark.parametrize("value", ["%", "a%b", "100%", "%START_TIME%%", "%A(b%", '%A(["b)%', "%A(b)"])
def test_not_well_formed(value):
    assert format_fault(value)


def test_long_values_take_no_longer():
    """The expression is RE2's: linear, whatever the text."""
    assert format_fault("%A" * 50_000 + "%")
