"""An object is the document that its author wrote, and its place is its name."""

from __future__ import annotations

import pytest

from cluster.conftest import ENTRIES, OWN, entry, kind
from outgate.cluster.objects import NotAnObject, documents, read
from outgate.policy.compile import load
from outgate.policy.documents import MAX_DEPTH
from outgate.policy.frontends import Setting
from outgate.problems import PolicyError

FULL = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "ServiceEntry",
    "metadata": {
        "name": "a",
        "namespace": "prod",
        "labels": {"team": "x"},
        "annotations": {"note": "kept", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 3,
        "resourceVersion": "17",
        "uid": "u",
        "managedFields": [{}],
        "ownerReferences": [{}],
        "finalizers": ["x"],
    },
    "spec": entry("a.example"),
    "status": {"conditions": [{"type": "Ready"}]},
}


def test_what_the_server_adds_is_left_out():
    found = read(kind(ENTRIES), FULL)
    assert (found.file, found.key, found.version, found.generation) == (
        "cluster:ServiceEntry/prod/a",
        ("prod", "a"),
        "17",
        3,
    )
    assert sorted(found.content["metadata"]) == ["annotations", "creationTimestamp", "labels", "name", "namespace"]
    assert found.content["metadata"]["annotations"] == {"note": "kept"}
    assert sorted(found.content) == ["apiVersion", "kind", "metadata", "spec"]
    assert found.conditions == ()  # another's status is another's


def test_the_digest_is_of_what_is_written():
    later = {**FULL, "metadata": {**FULL["metadata"], "resourceVersion": "18", "generation": 4}, "status": {}}
    assert read(kind(ENTRIES), later).digest == read(kind(ENTRIES), FULL).digest
    other = {**FULL, "spec": entry("b.example")}
    assert read(kind(ENTRIES), other).digest != read(kind(ENTRIES), FULL).digest


def test_what_all_items_of_a_list_have_in_common_is_added():
    bare = {key: value for key, value in FULL.items() if key not in ("apiVersion", "kind")}
    assert read(kind(ENTRIES), bare).content == read(kind(ENTRIES), FULL).content


@pytest.mark.parametrize(
    "found",
    [None, [], {}, {"metadata": []}, {"metadata": {"name": "a"}}, {"metadata": {"name": 1, "resourceVersion": "1"}}],
    ids=range(6),
)
def test_what_is_no_object_is_refused(found):
    with pytest.raises(NotAnObject):
        read(kind(ENTRIES), found)


def test_problems_name_the_object_and_the_field():
    wrong = {**FULL, "spec": {**entry("a.example"), "hots": ["x"]}}
    with pytest.raises(PolicyError) as caught:
        load((), Setting(), documents([read(kind(ENTRIES), wrong).content]))
    assert [str(problem) for problem in caught.value.problems if problem.field == "spec.hots"] == [
        'cluster:ServiceEntry/prod/a: spec.hots: unknown field; did you mean "hosts"?'
    ]


def test_every_example_is_the_same_policy_as_an_object():
    """The metadata that a server gives out is read by every front-end."""
    policy = load((), Setting(), documents([read(kind(ENTRIES), FULL).content]))
    (destination,) = policy.destinations
    assert destination.hosts == ("a.example",)
    assert str(destination.source) == "ServiceEntry prod/a (cluster:ServiceEntry/prod/a)"


def test_a_route_that_leads_nowhere_outside_is_no_policy():
    route = next(one for one in documents([_route("Gateway"), _route("EgressNetwork")]))
    assert route.name == "EgressNetwork"


def _route(parent):
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": parent, "namespace": "prod"},
        "spec": {"parentRefs": [{"kind": parent, "name": "x", "group": "policy.linkerd.io"}]},
    }


def test_what_is_nested_without_end_is_refused():
    spec: dict[str, object] = {}
    inner = spec
    for _ in range(MAX_DEPTH):
        inner["x"] = inner = {}
    with pytest.raises(PolicyError, match="cluster:ServiceEntry/prod/a: nested"):
        documents([read(kind(ENTRIES), {**FULL, "spec": spec}).content])


def test_the_oldest_come_first():
    younger = {**FULL, "metadata": {**FULL["metadata"], "name": "0", "creationTimestamp": "2026-02-01T00:00:00Z"}}
    old, young = read(kind(ENTRIES), FULL), read(kind(ENTRIES), younger)
    assert sorted([young, old], key=lambda each: each.age) == [old, young]


def test_conditions_are_those_of_the_gates_own_kinds():
    own = {"metadata": {"name": "a", "namespace": "b", "resourceVersion": "1"}, "spec": {}, "status": FULL["status"]}
    assert read(kind(OWN), own).conditions == ({"type": "Ready"},)
    assert read(kind(OWN), own | {"status": {"conditions": [1, {"type": "x"}]}}).conditions == ({"type": "x"},)
    assert read(kind(OWN), own | {"status": "odd"}).conditions == ()
