"""Files of manifests, as people have them: what is injected, what is told, and that it comes out again to the byte."""

from __future__ import annotations

import json
from functools import cache

import pytest

from injection.manifested import GOLDEN, HERE, MANIFESTS, SETTINGS, expected, injected, text, told
from outgate.injection import config
from outgate.injection.files import changed, joined
from outgate.injection.manifests import TEMPLATES
from outgate.injection.yaml_text import documents, load
from outgate.problems import PolicyError, Severity

WHOLE = [path for path in MANIFESTS if not injected(path).refused]
REFUSED = [path for path in MANIFESTS if path not in WHOLE]
REWORDED = {"deployment-anchors.yaml", "bare.yaml", "injected.yaml"}
"""Aliases are written out, nothing was written as `~`, and one came with another sidecar."""
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: 'a:1'}]}\n"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n"


def name(path):
    return path.name


@pytest.mark.parametrize("path", WHOLE, ids=name)
def test_manifests_with_the_sidecar(path):
    found = injected(path)
    assert found.text == expected(path.name, found.text)
    assert told(found) == expected(f"{path.name}.txt", told(found))


@pytest.mark.parametrize("path", REFUSED, ids=name)
def test_what_cannot_have_one_is_refused_with_file_line_and_reason(path):
    found = injected(path)
    assert told(found) == expected(f"{path.name}.txt", told(found))
    assert [str(each) for each in found.problems if each.severity is Severity.ERROR]


def test_there_are_manifests_of_every_sort():
    assert len(WHOLE) >= 20
    assert len(REFUSED) >= 10


@pytest.mark.parametrize("path", WHOLE, ids=name)
def test_to_inject_twice_is_to_inject_once(path):
    once = injected(path)
    again = changed(once.text, path.name, SETTINGS)
    assert (again.text, told(again)) == (once.text, told(once))


@pytest.mark.parametrize("path", WHOLE, ids=name)
def test_what_went_in_comes_out_again(path):
    back = changed(injected(path).text, path.name, None)
    assert not back.problems
    if path.name in REWORDED:
        assert back.text == expected(f"{path.name}.removed", back.text)
    else:
        assert back.text == text(path)


@pytest.mark.parametrize("file", sorted(REWORDED - {"injected.yaml"}))
def test_what_comes_out_in_other_words_means_the_same(file):
    assert load(text(GOLDEN / f"{file}.removed")) == load(text(HERE / "manifests" / file))


@pytest.fixture(scope="module")
def schemas():
    """Kubernetes' own validator, that reads each of its large files once."""
    found = pytest.importorskip("kubernetes_validate", reason="Kubernetes' schemas are not here")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(found.utils, "schema_contents", cache(found.utils.schema_contents))
        yield found


def making_pods(value):
    """Every manifest of a kind that makes pods, those in lists too."""
    if isinstance(value, dict):
        if str(value.get("kind")).endswith("List"):
            for each in value["items"]:
                yield from making_pods(each)
        elif (str(value.get("apiVersion")).rpartition("/")[0], value.get("kind")) in TEMPLATES:
            yield value


@pytest.mark.parametrize("back", [1, 2, 3])
def test_kubernetes_takes_what_was_injected(schemas, back):
    version = list(dict.fromkeys(schemas.utils.all_versions()))[-back]
    validated = 0
    for path in WHOLE:
        for document in documents(injected(path).text, path.name):
            for manifest in making_pods(document.data):
                assert schemas.validate(manifest, version, strict=True) == version.rpartition(".")[0]
                validated += 1
    assert validated > len(WHOLE)


def test_a_pod_that_is_wrong_is_noticed(schemas):
    wrong = load(POD) | {"spec": {"containers": [{"name": "a", "restart": "Always"}]}}
    with pytest.raises(schemas.ValidationError):
        schemas.validate(wrong, schemas.latest_version(), strict=True)


def test_a_sidecar_of_another_version_is_replaced():
    older = config.from_text("image: registry.example/outgate:0.9\nmode: regular\n", "injection.yaml")
    path = next(path for path in WHOLE if path.name == "deployment.yaml")
    assert changed(changed(text(path), "a", older).text, "a", SETTINGS).text == injected(path).text


def test_one_that_says_no_loses_the_sidecar_that_it_has():
    once = changed(POD, "a", SETTINGS).text
    refusing = once.replace("metadata: {", 'metadata: {"labels": {}, ', 1).replace(
        '"outgate.dev/injected": "true"', '"outgate.dev/injected": "true", "outgate.dev/inject": "false"'
    )
    found = load(changed(refusing, "a", SETTINGS).text)
    assert [each["name"] for each in found["spec"]["containers"]] == ["a"]
    assert "initContainers" not in found["spec"]
    assert found["metadata"]["labels"] == {"outgate.dev/inject": "false"}


def test_what_is_refused_in_a_document_behind_others_is_told_with_the_line_in_the_file():
    lists = (
        "# a\n---\n\nkind: PodList\napiVersion: v1\nitems:\n- kind: List\n  items:\n  - {kind: Pod, apiVersion: v1}\n"
    )
    (problem,) = changed(f"{POD}---\n# comment\n{lists}", "a.yaml", SETTINGS).problems[1:]
    assert str(problem) == "a.yaml:15:5: Pod: spec is no mapping; write one"


def test_where_the_item_cannot_be_found_the_document_is_told():
    anchored = "kind: List\nmetadata: {a: &items [{kind: Pod, apiVersion: v1}]}\nitems: *items\n"
    (problem,) = changed(anchored, "a.yaml", SETTINGS).problems
    assert str(problem) == "a.yaml:1:1: Pod: spec is no mapping; write one"


def test_a_status_that_nobody_can_read_is_refused_and_not_passed_over():
    spoilt = POD.replace("name: a}", 'name: a, annotations: {outgate.dev/status: "{"}}', 1)
    for settings in (SETTINGS, None):
        (problem,) = changed(spoilt, "a.yaml", settings).problems
        assert "outgate.dev/status cannot be read; remove it, and what was injected" in str(problem)


def test_what_has_no_end_is_refused():
    endless = "apiVersion: v1\nkind: Pod\nspec: &spec {containers: [{name: a}], x: *spec}\n"
    problem = changed(f"{POD}---\n{endless}", "a.yaml", SETTINGS).problems[-1]
    assert str(problem) == "a.yaml:6:1: it contains itself, or is nested too deeply; write it out"
    assert problem.severity is Severity.ERROR


def test_a_text_that_cannot_be_followed_is_written_anew_and_says_so():
    crossed = (
        f"{DEPLOYMENT}  template: {{metadata: {{labels: &labels {{app: a}}}}, spec: {{containers: [{{name: a}}]}}}}\n"
    )
    crossed += "  selector: {matchLabels: *labels}  # what is said twice is said once\n"
    found = changed(crossed, "a.yaml", SETTINGS)
    assert "Deployment a: it is written anew, without its comments" in told(found)
    assert load(found.text)["spec"]["selector"] == {"matchLabels": {"app": "a"}}
    assert load(changed(found.text, "a.yaml", None).text) == load(crossed)


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ("a: [", "a.yaml:7:1"),
        ("a: 1\n\tb: 2", "a.yaml:7:1"),
        ("a: 1\n...\nb: 2", "a.yaml:8:1"),
        ("a: *b", "a.yaml:6:4"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line_and_nothing_comes_out(broken, where):
    with pytest.raises(PolicyError) as caught:
        changed(f"{POD}---\n{broken}\n", "a.yaml", SETTINGS)
    assert f"{where}: not valid YAML" in str(caught.value)


def test_json_may_be_indented_with_tabs():
    tabbed = '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"spec": {\n\t\t"containers": [{"name": "a"}]\n\t}\n}\n'
    once = changed(tabbed, "a.json", SETTINGS)
    assert json.loads(once.text)["spec"]["initContainers"]
    assert changed(once.text, "a.json", None).text == tabbed


def test_several_files_are_one_stream():
    assert "".join(joined(["a: 1", "b: 2\n", "---\nc: 3"])) == "a: 1\n---\nb: 2\n---\nc: 3"
