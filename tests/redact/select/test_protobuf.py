"""Fields of protobuf are selected by their numbers."""

import pytest

from outgate.redact.select.protobuf import compiled
from outgate.redact.select.steps import SelectorError


@pytest.mark.parametrize(
    ("expression", "path", "selected"),
    [("3", (3,), True), ("3.1", (3, 1), True), ("3", (3, 1, 2), True), ("3.1", (3,), False), ("3.1", (1, 3), False)],
)
def test_what_is_selected(expression, path, selected):
    assert compiled(expression)(path) is selected


@pytest.mark.parametrize("expression", ["", "0", "3.", ".3", "a", "3..1", "536870912", "-1", "٣", ".".join("1" * 65)])
def test_what_is_wrong_is_said(expression):
    with pytest.raises(SelectorError, match=r"no way by numbers of fields; write 3\.1"):
        compiled(expression)


def test_the_highest_number_is_one():
    assert compiled("536870911")((536870911,))
