"""Formats of log lines: their grammar."""

import pytest

from outgate.policy.frontends.line_formats import line_fault


@pytest.mark.parametrize(
    "form",
    ["", "plain", "100%%", "%START_TIME%", "%START_TIME(%Y-%m-%d)%", "%REQ(A?B):10%", "%RESP()%\n%DURATION%", "%%%A%"],
)
def test_formats(form):
    assert line_fault(form) == ""


@pytest.mark.parametrize(
    ("form", "where"),
    [
        ("100%", "at column 4"),
        ("%DURATION% %req%", "at column 12"),
        ("%REQ(A%", "at column 1"),
        ("%DURATION:x%", "at column 1"),
        ("%A%%", "at column 4"),
        ("%A%\nb %", "at line 2, column 3"),
        ("b %\n", "at column 3"),
    ],
)
def test_what_is_no_format_is_told_with_its_place(form, where):
    assert where in line_fault(form)
