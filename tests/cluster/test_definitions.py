"""The definitions in the chart are those of the shapes, are such as Kubernetes takes, and lose nothing on the way."""

from __future__ import annotations

import os

import jsonschema
import kubernetes_validate
import pytest
import re2

from docpages.markdown import ROOT
from outgate.cli.schema import text
from outgate.cluster.definitions import KEPT, OWN, definition, structural
from outgate.policy.documents import Document
from outgate.policy.frontends import Setting
from outgate.policy.frontends.native.json_schema import SPECS
from outgate.policy.frontends.native.resource import read
from outgate.policy.kinds import NATIVE
from policy.frontends.native.shapes_of_kinds import EXAMPLES, VALUES, documents_of, node, shapes, takes

CRDS = ROOT / "helm" / "outgate" / "crds"
REFRESH = os.environ.get("OUTGATE_REFRESH") == "1"
OF_SHAPES = [(shape, structural(shape)) for shape in shapes()]
VALIDATING = {
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "pattern", "enum"),
    "format",
}
"""What Kubernetes checks a value by, beside its type."""


@pytest.mark.parametrize("kind", OWN.values(), ids=str)
def test_the_chart_has_the_definition_of_now(kind):
    file = CRDS / f"{kind.plural}.yaml"
    if REFRESH:
        file.write_text(text(definition(kind)), encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text(definition(kind)), "OUTGATE_REFRESH=1 writes it anew"


def test_the_chart_has_no_other():
    assert {file.stem for file in CRDS.iterdir()} == {kind.plural for kind in OWN.values()}
    assert sorted(OWN) == sorted(NATIVE)


@pytest.mark.parametrize("back", [1, 2, 3])
def test_kubernetes_schemas_take_the_definitions(back):
    """Those of the three newest versions."""
    for kind in OWN.values():
        kubernetes_validate.validate(definition(kind), kubernetes_validate.utils.all_versions()[-back], strict=True)


def test_status_and_columns_are_there():
    (version,) = definition(OWN["EgressAccess"])["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    assert [column["name"] for column in version["additionalPrinterColumns"]] == [
        "Accepted",
        "Programmed",
        "Reason",
        "Age",
    ]


@pytest.mark.parametrize("kind", OWN)
def test_a_definition_is_structural(kind):
    (version,) = definition(OWN[kind])["spec"]["versions"]
    root = version["schema"]["openAPIV3Schema"]
    assert root["properties"]["metadata"] == {"type": "object"}
    assert list(faults(root, "")) == []


def faults(of, path):
    """What Kubernetes would refuse a schema for."""
    whole_or_text = of.get("x-kubernetes-int-or-string")
    if whole_or_text and of.get("anyOf") != [{"type": "integer"}, {"type": "string"}]:
        yield f"{path}: two types, and not in the one form that may be"
    if not whole_or_text and "anyOf" in of:
        yield f"{path}: anyOf"
    if "type" not in of and not whole_or_text and not KEPT.items() <= of.items():
        yield f"{path}: no type"
    if "properties" in of and "additionalProperties" in of:
        yield f"{path}: properties beside additionalProperties"
    known = {"type", "required", "properties", "additionalProperties", "items", "nullable", "anyOf", *VALIDATING}
    yield from (f"{path}: {key}" for key in of if key not in known and not key.startswith("x-kubernetes-"))
    if (of.get("type") == "array") is not ("items" in of):
        yield f"{path}: items"
    if "pattern" in of:
        re2.compile(of["pattern"])
    inner = {**of.get("properties", {}), "items": of.get("items"), "values": of.get("additionalProperties")}
    for name, each in inner.items():
        if each is not None:
            yield from faults(each, f"{path}.{name}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "additionalProperties": {"type": "string"}, "properties": {}},
        {"anyOf": [{"type": "string"}, {"type": "array"}]},
        {"type": "array"},
        {"type": "string", "const": "x"},
    ],
)
def test_what_is_not_structural_is_noticed(wrong):
    assert list(faults(wrong, ""))


# As the API server goes by a definition.


def stored(of, value):
    """What is kept of a value: nulls go where they are not allowed, and fields that are not known and not kept."""
    if isinstance(value, list):
        return [stored(of.get("items", KEPT), each) for each in value]
    if not isinstance(value, dict):
        return value
    kept, known, rest = {}, of.get("properties", {}), of.get("additionalProperties")
    for key, each in value.items():
        under = known.get(key, rest)
        if under is None:
            kept |= {key: each} if KEPT.items() <= of.items() else {}
        elif each is not None or under.get("nullable"):
            kept[key] = stored(under, each)
    return kept


def admitted(of, value):
    """Whether it is valid, as far as JSON Schema says: null where it may be, and no keyword that only others know."""
    return jsonschema.Draft202012Validator(_readable(of)).is_valid(stored(of, value))


def _readable(of):
    if isinstance(of, list):
        return [_readable(each) for each in of]
    if not isinstance(of, dict):
        return of
    made = {key: _readable(each) for key, each in of.items() if not key.startswith("x-") and key != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if of.get("nullable") is True else made


def test_what_the_gate_takes_is_admitted():
    assert [
        (shape, value) for shape, of in OF_SHAPES for value in VALUES if takes(shape, value) and not admitted(of, value)
    ] == []


def test_what_the_gate_refuses_is_refused_by_one_of_the_two():
    """Nothing that was wrong is right after the API server has put it away."""
    assert [
        (shape, value)
        for shape, of in OF_SHAPES
        for value in VALUES
        if not takes(shape, value) and takes(shape, stored(of, value)) and admitted(of, value)
    ] == []


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("EgressDefaults", {"denyStatus": 200}),
        ("EgressDefaults", {"denyStatus": "often"}),
        ("EgressDefaults", {"mode": "OBSERVED"}),
        ("EgressDefaults", {"identities": [{"uids": [1], "namespace": "a"}]}),
        ("EgressAccess", {"shadow": "yes"}),
        ("EgressDestination", {"hosts": ["a.example"]}),
        ("EgressDestination", {"hosts": ["a.example"], "ports": [{"number": 65536}]}),
        ("EgressTraffic", {"destination": "a", "timeout": "5 s"}),
    ],
)
def test_what_one_value_can_say_is_refused_before_it_is_stored(kind, spec):
    assert not admitted(structural(SPECS[kind]), spec)


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("EgressAccess", {"rules": [{"form": {"namespaces": ["a"]}}]}),
        ("EgressAccess", {"rules": [{"from": None}]}),
        ("EgressAccess", {"rules": [{"to": {"hosts": ["a.example"], "headers": {"x": None}}}]}),
        ("EgressTraffic", {"destination": "a", "routes": [{"match": {"path": None}, "answer": {"status": 200}}]}),
        ("EgressTelemetry", {"for": {"labels": {"app": None}}, "logs": []}),
        ("EgressRedaction", {"match": {"hosts": None}, "mode": "ALLOW"}),
    ],
    ids=["misspelt", "null", "null header", "null in a match", "null label", "null hosts"],
)
def test_a_restriction_that_says_nothing_is_not_lost(kind, spec):
    """It would be an object that restricts less."""
    of = structural(SPECS[kind])
    kept = stored(of, spec)
    assert kept == spec
    assert not takes(SPECS[kind], kept)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_examples_are_admitted_and_mean_the_same(file):
    for one in documents_of(file):
        of = structural(SPECS[one["kind"]])
        assert admitted(of, one["spec"])
        made = Document(node(one | {"spec": stored(of, one["spec"])}))
        assert [str(each) for each in read(made, SPECS[one["kind"]], Setting()).reading.problems] == []
