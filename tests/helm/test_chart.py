"""The chart as Helm renders it: without complaint, as last time, and as Kubernetes takes it."""

import json
import os
from functools import cache

import pytest
import yaml

from helm import charts
from helm.charts import NAMES, NAMESPACE, example
from helm.shapes import SHAPES, misshapen
from helm.values import CHART, ROOT

GOLDEN = ROOT / "tests" / "helm" / "golden"
REFRESH = os.environ.get("OUTGATE_REFRESH") == "1"
WARNING = 2
"""From where on a finding of Helm's is more than advice."""


@pytest.mark.parametrize("name", NAMES)
def test_helm_finds_nothing_wrong(name):
    found = charts.helm().lint(CHART, charts.told(name), strict=True, namespace=NAMESPACE)
    assert [each for each in found["messages"] if each["severity"] >= WARNING] == []
    assert found["errors"] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_rendered_is_what_was(name):
    made = {f"{file}": text for file, text in charts.rendered(charts.told(name)).items() if text.strip()}
    text = "".join(f"# {file}\n{text.strip()}\n" for file, text in made.items() if file not in LONG)
    path = GOLDEN / f"{name}.yaml"
    if REFRESH:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "OUTGATE_REFRESH=1 writes it anew"


LONG = ("monitoring.yaml",)
"""In which the rules and the dashboard stand whole: they are looked at below."""


def versions():
    """The three newest of Kubernetes, whose schemas are here."""
    listed = pytest.importorskip("kubernetes_validate").utils.all_versions()
    return sorted(set(listed), key=lambda version: [int(part) for part in version.split(".")])[-3:]


@pytest.fixture(scope="module")
def schemas():
    """Kubernetes' own validator, that reads each of its large files once."""
    found = pytest.importorskip("kubernetes_validate", reason="Kubernetes' schemas are not here")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(found.utils, "schema_contents", cache(found.utils.schema_contents))
        yield found


@pytest.mark.parametrize("back", [1, 2, 3])
def test_kubernetes_takes_every_manifest(schemas, back):
    """Each once, for most are the same in every example."""
    found = {json.dumps(manifest): manifest for name in NAMES for manifest in example(name)}
    known = [manifest for manifest in found.values() if manifest["kind"] not in SHAPES]
    assert len(known) > 50
    for manifest in known:
        schemas.validate(manifest, versions()[-back], strict=True)


@pytest.mark.parametrize("path", sorted((CHART / "crds").iterdir()), ids=lambda path: path.stem)
def test_kubernetes_takes_the_definitions_of_outgates_own_kinds(schemas, path):
    for version in versions():
        schemas.validate(yaml.safe_load(path.read_text(encoding="utf-8")), version, strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_operators_take_their_own_kinds(name):
    assert [said for manifest in example(name) if manifest["kind"] in SHAPES for said in misshapen(manifest)] == []


def test_every_kind_of_an_operator_is_rendered_by_some_example():
    assert {each["kind"] for name in NAMES for each in example(name)} >= set(SHAPES)


def test_they_are_three():
    assert len({version.rpartition(".")[0] for version in versions()}) == 3


def test_a_manifest_that_is_wrong_is_noticed(schemas):
    wrong = yaml.safe_load("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{prot: 1}]}}")
    with pytest.raises(schemas.ValidationError):
        schemas.validate(wrong, versions()[-1], strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_there_twice(name):
    found = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in example(name)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("release", ["outgate", "egress", "a-release-with-a-name-as-long-as-helm-lets-it-be-1234"])
def test_names_fit_whatever_the_release_is_called(release):
    for text in charts.rendered(charts.told("gateway"), release).values():
        if text.lstrip().startswith("outgate 0"):
            continue
        for manifest in filter(None, yaml.safe_load_all(text)):
            assert len(manifest["metadata"]["name"]) <= 63
