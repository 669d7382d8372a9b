"""Addresses become ones that nobody has."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats import email
from redact.replace.making import SEEDS, faked


@given(st.emails(), SEEDS)
def test_an_address_is_in_a_domain_of_nobody(address, seed):
    made = faked(email, address, seed)
    assert made is None or re.fullmatch(r"u_[a-z2-7]{10}@example\.(com|org|net)", made)


def test_case_makes_no_other_value():
    assert email.read("Ann.Lee@Corp.Example") == email.read("ann.lee@corp.example")


@pytest.mark.parametrize(
    "text", ["ann", "ann@", "@corp.example", "ann@localhost", "a b@c.example", "<ann@corp.example>"]
)
def test_what_is_none_is_not_read(text):
    assert email.read(text) is None
