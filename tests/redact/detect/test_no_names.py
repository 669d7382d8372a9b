"""Words that are in no name of a person, and how the names of firms end."""

import pytest

from outgate.redact.detect.no_names import NO_NAMES, is_firm, may_name


def test_words_are_in_lower_case():
    assert [word for word in NO_NAMES if word != word.lower()] == []


@pytest.mark.parametrize(
    ("text", "right"), [("Jane Doe", True), ("Support", False), ("Jane's Office", False), ("", True)]
)
def test_a_name_has_none_of_them(text, right):
    assert may_name(text) is right


@pytest.mark.parametrize("text", ["Acme GmbH", "Société Laurent SAS", "ACME GMBH", "Nordea Abp AB", "Acme Inc."])
def test_firms_end_so(text):
    assert is_firm(text)


@pytest.mark.parametrize("text", ["MARIA SA", "Jane Doe", "GmbH", "Jane Bank"])
def test_people_do_not(text):
    assert not is_firm(text)
