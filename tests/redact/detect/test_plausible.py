"""A value is what its name says, unless it evidently is a label, a text or a description."""

import pytest

from outgate.redact.detect.plausible import can_be, is_full_name, is_label, is_masked, is_version
from outgate.redact.detect.vocabulary import CLASSES


@pytest.mark.parametrize(
    ("meaning", "text"),
    [
        ("email", "jane@example.com"),
        ("email", "jane"),
        ("email", "jane%40example.com or so"),
        ("phone", "467 3395"),
        ("name", "Street"),
        ("name", "Jane Doe"),
        ("name", "MARIA SA"),
        ("birth-date", "昭和六十三年四月十六日"),
        ("birth-date", "March"),
        ("name", "Ag"),
        ("address", "12 Main Street"),
        ("ssn", "unknown"),
        ("national-id", "A123"),
        ("tax-id", "GODE561231GR8"),
        ("bank-account", "COBADEFFXXX"),
        ("bank-account", "021000021"),
        ("client-address", "8.20.30.40, 10.0.0.7"),
        ("security-code", "042"),
        ("password", "Password"),
        ("", "anything"),
    ],
)
def test_it_can_be(meaning, text):
    assert can_be(meaning, text)


@pytest.mark.parametrize(
    ("meaning", "text"),
    [
        ("email", "E-mail address"),
        ("email", "is not a valid address"),
        ("phone", "Telefon"),
        ("phone", "can't be blank"),
        ("name", "Please enter your first name"),
        ("ssn", "must contain 9 digits"),
        ("national-id", "pending"),
        ("tax-id", "RFC 9110"),
        ("bank-account", "round_robin"),
        ("bank-account", "131.2345"),
        ("device-id", "aa-bb"),
        ("client-address", "10.0.0.7"),
        ("client-address", "localhost"),
        ("security-code", "Security code"),
    ],
)
def test_it_cannot_be(meaning, text):
    assert not can_be(meaning, text)


@pytest.mark.parametrize("meaning", ["email", "phone", "name", "address", "birth-date", "security-code"])
def test_every_name_of_a_class_is_its_label(meaning):
    assert all(is_label(meaning, each) for each in CLASSES[meaning] if not any(map(str.isdigit, each)))


@pytest.mark.parametrize(
    "firm", ["Stromio Energie GmbH", "Acme Widgets Inc.", "STROMIO ENERGIE GMBH", "Société Laurent SAS"]
)
def test_a_firm_is_nobody(firm):
    assert not can_be("name", firm)
    assert not is_full_name(firm)


@pytest.mark.parametrize(
    "text", ["********", "•••", "DE** **** **** **** 00", "411111******1111", "[REDACTED]", "<masked>"]
)
def test_what_somebody_has_taken_is_masked(text):
    assert is_masked(text)


@pytest.mark.parametrize(
    "text", ["*", "hunter2", "hidden", "sensitive", "(secret1", "a*b*c*d", "[redacted]x", "**bold** text"]
)
def test_all_else_is_not_masked(text):
    assert not is_masked(text)


@pytest.mark.parametrize(
    "text", ["Jane Doe", "LAKSHMI NARASIMHAN V", "Jane van der Berg", "O'Neil Anne-Marie", "李小龙", "김민준"]
)
def test_a_name_in_full(text):
    assert is_full_name(text)


@pytest.mark.parametrize("text", ["Jane", "jane doe", "Jane 2", "The Jane Doe Club", "A B C D E F", "a_b c"])
def test_no_name_in_full(text):
    assert not is_full_name(text)


def test_a_version_is_no_secret():
    assert all(map(is_version, ("^9.0.2", "~1.0.0", "5.3.0", "1.2.3-rc.1")))
    assert not any(map(is_version, ("5.3", "hunter.2.3", "10.20.30.40", "^abc")))
