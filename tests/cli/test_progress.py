"""Progress is for a terminal, and takes nothing from what passes."""

import sys

import pytest

from outgate.cli import progress


@pytest.mark.parametrize("terminal", [True, False])
def test_all_items_pass_and_a_terminal_is_told(monkeypatch, capsys, terminal):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert list(progress.shown(range(1200), "exchanges read")) == list(range(1200))
    told = capsys.readouterr()
    assert told.out == ""
    assert ("1,200 exchanges read" in told.err) == terminal
    assert told.err.endswith("\r\x1b[K") == terminal
