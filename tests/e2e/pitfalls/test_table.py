"""The table of pitfalls is whole, names tests that are there, and is what the page shows."""

from __future__ import annotations

from docpages import tables
from docpages.markdown import ROOT
from docpages.names import missing
from e2e.pitfalls.table import marked, numbered, pitfalls, rendered

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


def test_the_moves_that_a_client_makes_are_tried_in_every_engine() -> None:
    """What is left out is about the kernel's rules, the process as its user starts it, or takes long."""
    tried = {each.number for each in pitfalls() if each.elsewhere != "none"}
    assert {1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 25, 26, 31, 32, 33, 42, 43, 44, 56, 57} <= tried


def test_a_mark_counts_for_what_has_a_gate() -> None:
    names = marked("tests/e2e/pitfalls/test_names.py")
    assert names["test_p07_a_request_without_a_host_is_judged_by_its_address_alone"]
    assert not names["test_p02_no_code_asks_mitmproxy_for_the_host_that_it_finds_prettiest"]
    assert not any(marked("tests/e2e/pitfalls/test_table.py").values())


def test_the_page_shows_the_table() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert tables.between(page, "pitfalls") == rendered(), "scripts/pitfall-table writes it anew"
