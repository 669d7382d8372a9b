"""UUIDs keep what says how they were made."""

import uuid as standard

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.formats import uuid
from redact.replace.making import SEEDS, faked


@given(st.uuids(), SEEDS)
def test_version_and_variant_stay(value, seed):
    made = standard.UUID(faked(uuid, str(value), seed))
    assert (made.version, made.variant) == (value.version, value.variant)


@pytest.mark.parametrize(("before", "after"), [("", ""), ("urn:uuid:", ""), ("{", "}")])
@given(value=st.uuids(), upper=st.booleans(), seed=SEEDS)
def test_it_is_written_as_before(before, after, value, upper, seed):
    text = before + (str(value).upper() if upper else str(value)) + after
    assert uuid.read(text) == value.hex
    made = faked(uuid, text, seed)
    inner = made.removeprefix(before).removesuffix(after)
    assert made == before + inner + after
    assert standard.UUID(inner)
    assert inner == (inner.upper() if upper and str(value).upper() != str(value) else inner.lower())


ONE = "0b9b2c3e-5a4d-4ede-96f2-4e43b558e43d"


@pytest.mark.parametrize("text", ["", "0" * 32, "{" + ONE, ONE + "}", "a-b-c-d-e"])
def test_what_is_none_is_not_read(text):
    assert uuid.read(text) is None
