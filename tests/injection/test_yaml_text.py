"""YAML as Kubernetes reads it: one text, its documents, and values that stay what they are when they are written."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outgate.injection.differences import same
from outgate.injection.yaml_text import documents, dump, load
from outgate.problems import PolicyError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("a: 1\n", ["a: 1\n"]),
        ("---\na: 1\n", ["---\na: 1\n"]),
        ("# c\n---\na: 1\n---\nb: 2", ["# c\n---\na: 1\n", "---\nb: 2"]),
        ("a: 1\n--- # c\nb: 2\n", ["a: 1\n", "--- # c\nb: 2\n"]),
        ("a: 1\n---\n---\n", ["a: 1\n", "---\n", "---\n"]),
        ("%YAML 1.1\n---\na: 1\n", ["%YAML 1.1\n---\na: 1\n"]),
        ("a: |\n  ---\nb: '\n  --- x'\n", ["a: |\n  ---\nb: '\n  --- x'\n"]),
        ("a: ---b\n---c: 1\n", ["a: ---b\n---c: 1\n"]),
        ("a: 1\r\n---\r\nb: 2\r\n", ["a: 1\r\n", "---\r\nb: 2\r\n"]),
    ],
)
def test_a_text_is_cut_where_a_document_begins(text, parts):
    found = documents(text, "a.yaml")
    assert [document.text for document in found] == parts
    assert "".join(parts) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-30", "2026-11-30"),
        ("2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z"),
        ("1e3", 1000.0),
        ("1.5E-2", 0.015),
        ("on", True),
        ("012", 10),
        ("'on'", "on"),
    ],
)
def test_values_are_what_they_are_to_kubernetes(text, value):
    assert same(load(text), value)


@settings(max_examples=50)
@example({"\x85": "a\r\n\u2028b"})
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_is_written_is_read_as_the_same(value):
    assert same(load(dump(value)), value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\n---\nb: [\n", "a.yaml:4:1: not valid YAML: "),
        ("a: !!python/object:os.system {}\n", "a.yaml:1:4: not valid YAML: could not determine a constructor"),
        ("a: \x01\n", "a.yaml"),
        ("[" * 5000, "a.yaml"),
        ("a: 1\n---\nb: {[c]: d}\n", "a.yaml:3:5: not valid YAML: found unhashable key"),
    ],
    ids=["open", "object", "control", "deep", "key"],
)
def test_what_is_no_yaml_is_told_with_its_place_in_the_file(text, told):
    with pytest.raises(PolicyError) as caught:
        documents(text, "a.yaml")
    assert str(caught.value).startswith(told)
