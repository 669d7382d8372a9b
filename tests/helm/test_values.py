"""Values: one source for the table and the schema, each of them used, and typos refused by name."""

import json
import os
import re

import pytest

from helm import charts, values

TEMPLATES = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted((values.CHART / "templates").iterdir()) if path.is_file()
)
LEAVES = [value for value in values.values() if not value.section and value.name != "global"]


@pytest.fixture(scope="module", autouse=True)
def _refreshed():
    if os.environ.get("OUTGATE_REFRESH") == "1":
        values.refresh()


def refused(given):
    """What Helm says of values that the schema does not take."""
    with charts.helm().Chart.load(values.CHART) as chart, pytest.raises(charts.helm().HelmValuesError) as caught:
        chart.validate_schema(given)
    return str(caught.value)


def test_the_table_is_what_values_yaml_says():
    assert values.README.read_text(encoding="utf-8") == values.readme(), "OUTGATE_REFRESH=1 writes it anew"


def test_the_schema_is_what_values_yaml_says():
    assert values.SCHEMA.read_text(encoding="utf-8") == values.schema(), "OUTGATE_REFRESH=1 writes it anew"


def test_the_defaults_fit_the_schema():
    with charts.helm().Chart.load(values.CHART) as chart:
        chart.validate_schema(chart.values)


@pytest.mark.parametrize("value", LEAVES, ids=lambda value: value.name)
def test_each_value_is_used(value):
    """By its last names: a template may stand inside a section."""
    assert re.search(rf"\.{re.escape(value.path[-1])}\b", TEMPLATES)


def _nested(path, content):
    for name in reversed(path):
        content = {name: content}
    return content


@pytest.mark.parametrize("value", LEAVES, ids=lambda value: value.name)
def test_a_typo_is_refused_by_its_name(value):
    typo = f"{value.path[-1]}x"
    assert typo in refused(_nested((*value.path[:-1], typo), value.default))


@pytest.mark.parametrize(
    "value", [value for value in LEAVES if isinstance(value.default, bool | int | str)], ids=lambda value: value.name
)
def test_a_value_of_another_type_is_refused_by_its_name(value):
    assert value.path[-1] in refused(_nested(value.path, [1]))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"mode": "REGISTRY_ONYL"}, "mode"),
        ({"sidecar": {"engine": "envoy"}}, "engine"),
        ({"metrics": {"port": 70000}}, "port"),
        ({"gateway": {"replicas": 0}}, "replicas"),
        ({"gateway": {"resources": {"limit": {}}}}, "limit"),
        ({"policy": {"documents": {"registry": "kind: x"}}}, "registry"),
        ({"clientCertificates": [{"name": "a", "mountpath": "/a"}]}, "mountpath"),
        ({"clientCertificates": [{"name": "a"}]}, "mountPath"),
        ({"clientCertificates": [{"name": "a", "mountPath": "certs"}]}, "mountPath"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"gateway": {"upstreamProxy": {"url": "http://user:secret@proxy:3128"}}}, "url"),
    ],
    ids=lambda part: json.dumps(part) if isinstance(part, dict) else "",
)
def test_what_no_gate_could_use_is_refused_by_its_name(given, name):
    assert name in refused(given)


def test_what_a_chart_above_says_to_all_is_let_in():
    with charts.helm().Chart.load(values.CHART) as chart:
        chart.validate_schema({"global": {"imageRegistry": "registry.example"}})
