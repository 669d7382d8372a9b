"""The JSON Schema of the native kinds refuses nothing that the gate takes, and something of most that it refuses."""

from __future__ import annotations

import jsonschema
import pytest
import re2

from outgate.policy.frontends.native.frontend import KINDS, TRAFFIC
from outgate.policy.frontends.native.json_schema import SPECS, document, schema
from outgate.policy.schema import Anything
from policy.frontends.native.shapes_of_kinds import EXAMPLES, VALUES, documents_of, shapes, takes

OF_SHAPES = [(shape, jsonschema.Draft202012Validator(schema(shape)).is_valid) for shape in shapes()]
WHOLE = document(SPECS)


def test_every_kind_has_one():
    assert SPECS.keys() == {*KINDS, TRAFFIC}
    jsonschema.Draft202012Validator.check_schema(WHOLE)


def test_what_the_gate_takes_is_valid():
    wrong = [(shape, value) for shape, of in OF_SHAPES for value in VALUES if takes(shape, value) and not of(value)]
    assert wrong == []


def test_something_that_the_gate_refuses_is_not_valid():
    for shape, of in OF_SHAPES:
        refused = [value for value in VALUES if not takes(shape, value)]
        assert isinstance(shape, Anything) or any(not of(value) for value in refused), shape


def test_patterns_are_understood_by_those_who_read_them():
    """Kubernetes takes Go's expressions, which are RE2's."""
    found = list(_patterns(WHOLE))
    assert found
    for pattern in found:
        re2.compile(pattern)
        assert pattern.replace("(?i)", "", 1)[0] == "^", "all of the value is meant"


def _patterns(of):
    if isinstance(of, dict):
        yield from ([of["pattern"]] if isinstance(of.get("pattern"), str) else [])
        of = list(of.values())
    for each in of if isinstance(of, list) else ():
        yield from _patterns(each)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_examples_are_valid(file):
    for one in documents_of(file):
        assert [error.message for error in _errors(one)] == []


def _errors(found):
    return jsonschema.Draft202012Validator(WHOLE).iter_errors(found)


GOOD = {"apiVersion": "outgate.dev/v1alpha1", "kind": "EgressDefaults", "metadata": {"name": "x"}, "spec": {}}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "EgressDefault"}, "is not one of"),
        ({"apiVersion": "outgate.dev/v1"}, "was expected"),
        ({"metadata": {}}, "'name' is a required property"),
        ({"spec": {"mod": "OBSERVE"}}, "'mod' was unexpected"),
        ({"spec": {"mode": "OBSERVED"}}, "does not match"),
        ({"spec": {"denyStatus": 200}}, "is not valid under any of the given schemas"),
        ({"spec": {"nat64": "64:ff9b::/96"}}, "is not of type 'array'"),
    ],
    ids=lambda wrong: next(iter(wrong)) if isinstance(wrong, dict) else "",
)
def test_what_is_wrong_in_a_document_is_said(wrong, said):
    assert list(_errors(GOOD)) == []
    assert said in " ".join(error.message for error in _errors(GOOD | wrong))


def test_a_shape_that_is_not_known_is_said():
    with pytest.raises(TypeError, match="NoShape has no JSON Schema"):
        schema(type("NoShape", (), {})())
