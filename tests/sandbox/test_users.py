"""What is said where user namespaces cannot be made."""

import pytest

from outgate.sandbox import users


@pytest.mark.parametrize(("content", "found"), [("0\n", True), ("1\n", False)])
def test_the_switch_that_forbids_them_is_named(tmp_path, content, found):
    switch = tmp_path / "switch"
    switch.write_text(content)
    assert (f"{switch} is 0, which forbids them" in users.advice({str(switch): "0"})) is found


def test_a_switch_that_is_not_there_forbids_nothing(tmp_path):
    assert "security module" in users.advice({str(tmp_path / "none"): "0"})
