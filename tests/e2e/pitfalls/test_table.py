"""The table of pitfalls is whole, names tests that are there, and is what the page shows."""

from __future__ import annotations

from docpages import tables
from docpages.markdown import ROOT
from docpages.names import missing
from e2e.pitfalls.table import numbered, pitfalls, rendered

ALL = 64


def test_every_number_has_its_row_and_every_row_its_words() -> None:
    assert [pitfall.number for pitfall in pitfalls()] == list(range(1, ALL + 1))
    assert all(pitfall.attack and pitfall.closed for pitfall in pitfalls())


def test_every_row_has_tests_or_says_why_not() -> None:
    assert [each.number for each in pitfalls() if not (each.shown_by or each.later)] == []


def test_every_test_that_is_named_is_there() -> None:
    assert [why for each in pitfalls() for test in each.shown_by if (why := missing(test))] == []
    assert missing("tests/e2e/pitfalls/test_table.py::test_p99_nothing")


def test_every_numbered_test_has_a_row() -> None:
    assert set(numbered()) <= {pitfall.number for pitfall in pitfalls()}
    assert len(numbered()) > 20


def test_the_page_shows_the_table() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert tables.between(page, "pitfalls") == rendered(), "scripts/pitfall-table writes it anew"
