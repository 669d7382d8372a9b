"""A later directory replaces documents of the same group, kind, namespace and name; one directory names each once."""

import pytest

from outgate.policy.overlay import key, overlay, source
from policy.building import documents


def entry(name="a", namespace="", version="v1", kind="ServiceEntry", mark="x"):
    space = f", namespace: {namespace}" if namespace else ""
    head = f"apiVersion: networking.istio.io/{version}\nkind: {kind}\n"
    return f"{head}metadata: {{name: {name}{space}}}\nspec: {mark}\n---\n"


def laid(*layers):
    found = [document for number, text in enumerate(layers) for document in documents(text, f"{number}.yaml", number)]
    kept, replaced, problems = overlay(found, "default")
    return [document.root.text("spec") for document in kept], replaced, problems


def test_a_later_layer_replaces_the_same_document_whole():
    kept, replaced, problems = laid(entry(mark="old") + entry("b", mark="other"), entry(mark="new"))
    assert sorted(kept) == ["new", "other"]
    ((winner, loser),) = replaced
    assert (winner.where.file, loser.where.file, winner.name) == ("1.yaml", "0.yaml", "a")
    assert problems == []


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"version": "v1beta1"}, True),
        ({"namespace": "default"}, True),
        ({"namespace": "prod"}, False),
        ({"name": "b"}, False),
        ({"kind": "Gateway"}, False),
    ],
)
def test_group_kind_namespace_and_name_make_the_same_document(other, same):
    kept, _, _ = laid(entry(), entry(**other))
    assert len(kept) == (1 if same else 2)


def test_three_layers_replace_one_after_the_other():
    kept, replaced, _ = laid(entry(mark="one"), entry(mark="two"), entry(mark="three"))
    assert kept == ["three"]
    assert [(winner.where.file, loser.where.file) for winner, loser in replaced] == [
        ("1.yaml", "0.yaml"),
        ("2.yaml", "1.yaml"),
    ]


def test_twice_in_one_layer_is_an_error_that_names_both_places():
    _, replaced, (problem,) = laid(entry() + entry(version="v1beta1"))
    assert (
        str(problem)
        == "0.yaml:6:1: ServiceEntry a is there twice; the other is at 0.yaml:1:1; rename one, or remove it"
    )
    assert replaced == ()


def test_fragments_have_no_identity():
    (fragment,) = documents("outboundTrafficPolicy: {mode: ALLOW_ANY}")
    assert key(fragment, "default") is None
    kept, replaced, _ = laid("mode: a\nspec: x", "mode: b\nspec: y")
    assert (kept, replaced) == (["x", "y"], ())


def test_the_source_of_a_document_is_its_place_and_name():
    (document,) = documents(entry(namespace="prod"))
    assert str(source(document)) == "ServiceEntry prod/a (policy.yaml:1:1)"
