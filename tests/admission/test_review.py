"""One review: what is asked, what is answered, and what is no review at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admission.reviews import UID, admitted, refused, responded, review
from injection.podded import ANYTHING, PLAIN, RICH, places, pod, replaced
from outgate.admission.review import Malformed, Outcome, answer, failed, read
from outgate.injection import pods
from outgate.injection.annotations import INJECT, INJECTED
from outgate.injection.settings import Settings, Unconfined

SETTINGS = Settings()
BARE = {key: value for key, value in PLAIN.items() if key in ("metadata", "spec")}
"""In a review an object of the core group often does not say what it is."""


def asked(sent, by=SETTINGS):
    found = answer(read(json.dumps(sent).encode()), by)
    return found.outcome, found.content


@pytest.mark.parametrize("given_", [PLAIN, RICH, BARE])
def test_a_pod_that_is_made_gets_the_sidecar(given_):
    outcome, content = asked(review(given_))
    assert outcome is Outcome.INJECTED
    made, _ = pods.inject(given_, SETTINGS)
    assert admitted(given_, content) == made


def test_one_that_has_it_already_is_not_patched():
    made, _ = pods.inject(PLAIN, SETTINGS)
    outcome, content = asked(review(made))
    assert outcome is Outcome.UNTOUCHED
    assert "patch" not in responded(content)


@pytest.mark.parametrize("kind", ["labels", "annotations"])
def test_one_that_says_no_passes_as_it_is(kind):
    outcome, content = asked(review(pod(**{kind: {"outgate.dev/inject": "false"}})))
    assert outcome is Outcome.UNTOUCHED
    assert responded(content) == {"uid": UID, "allowed": True}


def test_one_that_may_not_say_no_is_refused():
    outcome, content = asked(review(pod(labels={"outgate.dev/inject": "false"})), Settings(annotations=()))
    assert outcome is Outcome.REFUSED
    assert "may not be chosen by pods here" in refused(content)


def test_one_that_cannot_have_it_is_refused_with_the_reason():
    outcome, content = asked(review(pod({"hostNetwork": True})))
    assert outcome is Outcome.REFUSED
    assert refused(content).startswith("outgate: Pod plain: it shares the host's network")
    assert responded(content)["status"]["code"] == 403


def test_warnings_are_told_to_whoever_made_it():
    _, content = asked(review(PLAIN))
    assert responded(content)["warnings"][0].startswith("outgate: Pod plain: container main may have NET_RAW")
    named = pod({"containers": [{"name": "x" * 300}]})
    assert len(responded(asked(review(named))[1])["warnings"][0]) == 256


def test_a_mirror_of_a_kubelets_own_pod_passes():
    """It runs already, and is made of a file on its node."""
    mirror = pod({"hostNetwork": True}, annotations={"kubernetes.io/config.mirror": "x"})
    assert asked(review(mirror))[0] is Outcome.UNTOUCHED


@pytest.mark.parametrize(
    "sent",
    [
        review(pod({"hostNetwork": True}), "DELETE"),
        review(pod({"hostNetwork": True}), "CONNECT"),
        review({"spec": {}}, kind={"group": "apps", "version": "v1", "kind": "Deployment"}),
        review({"spec": {}}, kind={"group": "metrics.k8s.io", "version": "v1", "kind": "Pod"}),
        review(PLAIN, "UPDATE", oldObject=PLAIN),
        review(PLAIN, "UPDATE", oldObject=PLAIN, subResource="status"),
        review(RICH, "UPDATE", oldObject=PLAIN, subResource="ephemeralcontainers"),
    ],
    ids=range(7),
)
def test_what_is_none_of_its_business_passes(sent):
    assert asked(sent)[0] is Outcome.UNTOUCHED


@pytest.mark.parametrize("nothing", [None, [], "pod", 7])
def test_a_review_without_a_pod_is_refused(nothing):
    for operation in ("CREATE", "UPDATE"):
        assert refused(asked(review(nothing, operation))[1]) == "outgate: the review has no pod to look at"


# Pods that run.

RUNNING, _ = pods.inject(PLAIN, SETTINGS)


def debugged(owner=RUNNING, **fields):
    added = replaced(owner, ("spec", "ephemeralContainers"), [{"name": "debugger", "image": "busybox", **fields}])
    return review(added, "UPDATE", oldObject=owner, subResource="ephemeralcontainers")


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (debugged(securityContext={"capabilities": {"add": ["SYS_PTRACE"]}}), "container debugger has SYS_PTRACE"),
        (debugged(securityContext={"privileged": True}), "container debugger is privileged"),
        (debugged(securityContext={"runAsUser": 1337}), "container debugger runs as uid 1337"),
        (debugged(targetContainerName="outgate"), "container debugger shares the processes of outgate"),
        # Who took the note away first: the containers are still there.
        (
            debugged(replaced(RUNNING, ("metadata", "annotations"), {})),
            "a container is called outgate-redirect already",
        ),
        # Who has the running pod say that it wants no gate.
        (
            debugged(
                replaced(RUNNING, ("metadata", "annotations", INJECT), "false"),
                securityContext={"capabilities": {"add": ["NET_ADMIN"]}},
            ),
            "the pod has a gate, and says outgate.dev/inject",
        ),
    ],
)
def test_a_debugger_is_held_to_what_others_are_held_to(sent, told):
    assert told in refused(asked(sent)[1])


def test_one_that_only_looks_is_let_in_with_a_warning():
    outcome, content = asked(debugged(targetContainerName="main"))
    assert outcome is Outcome.UNTOUCHED
    assert "debugger may have NET_RAW and SETUID" in responded(content)["warnings"][0]
    assert "debugger may have" in refused(asked(debugged(), Settings(unconfined=Unconfined.REFUSE))[1])


def test_a_running_pod_does_not_get_the_label_that_lets_it_leave():
    labelled = replaced(PLAIN, ("metadata", "labels"), {INJECTED: "true"})
    assert "is set when a pod is made" in refused(asked(review(labelled, "UPDATE", oldObject=PLAIN))[1])
    denying = replaced(PLAIN, ("metadata", "labels"), {INJECTED: "false"})
    assert "is set when a pod is made" in refused(asked(review(labelled, "UPDATE", oldObject=denying))[1])
    assert asked(review(labelled, "UPDATE", oldObject=labelled))[0] is Outcome.UNTOUCHED
    assert asked(review(PLAIN, "UPDATE", oldObject=labelled))[0] is Outcome.UNTOUCHED


@pytest.mark.parametrize("labels", [{}, {INJECTED: "true", INJECT: "false"}], ids=["taken away", "said no"])
def test_nor_does_one_with_a_gate_lose_the_labels_by_which_it_is_asked_about(labels):
    changed = replaced(RUNNING, ("metadata", "labels"), labels)
    assert "stay what they were" in refused(asked(review(changed, "UPDATE", oldObject=RUNNING))[1])


@pytest.mark.parametrize("number", [0, 1, 2])
def test_nor_another_program_in_the_gates_place(number):
    changed = replaced(RUNNING, ("spec", "initContainers", number, "image"), "registry.example/evil")
    assert "stay what they were" in refused(asked(review(changed, "UPDATE", oldObject=RUNNING))[1])
    own = replaced(RUNNING, ("spec", "containers", 0, "image"), "registry.example/main:2")
    assert asked(review(own, "UPDATE", oldObject=RUNNING))[0] is Outcome.UNTOUCHED


# What is none.


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the body is no JSON"),
        (b"\xff\xfe", "the body is no JSON"),
        (json.dumps(review(PLAIN)).encode()[:-20], "the body is no JSON"),
        (b"[" * 100_000, "the body is no JSON"),
        (b"[]", "is no AdmissionReview of admission.k8s.io/v1; set admissionReviewVersions: [v1]"),
        (b"{}", "is no AdmissionReview of admission.k8s.io/v1"),
        (json.dumps(review(PLAIN) | {"apiVersion": "admission.k8s.io/v1beta1"}).encode(), "is no AdmissionReview of"),
        (json.dumps(review(PLAIN) | {"kind": "TokenReview"}).encode(), "is no AdmissionReview of"),
        (json.dumps(review(PLAIN) | {"request": None}).encode(), "the review has no request; send one"),
        (json.dumps(review(PLAIN, uid="")).encode(), "the request has no uid; send one"),
        (json.dumps(review(PLAIN, uid=7)).encode(), "the request has no uid; send one"),
        (json.dumps(review(PLAIN, kind="Pod")).encode(), "the request has no kind; send one"),
        (json.dumps(review(PLAIN, kind={"group": ""})).encode(), "the request has no kind; send one"),
    ],
    ids=range(13),
)
def test_what_is_no_review_is_told_what_it_should_have_been(body, told):
    with pytest.raises(Malformed) as caught:
        read(body)
    assert told in str(caught.value)


@settings(max_examples=150)
@given(
    path=st.sampled_from([path for path in places(review(RICH, "UPDATE", oldObject=PLAIN)) if path]),
    by=ANYTHING,
    operation=st.sampled_from(["CREATE", "UPDATE"]),
    subresource=st.sampled_from(["", "ephemeralcontainers"]),
)
def test_whatever_stands_in_a_review_it_is_answered_or_malformed(path, by, operation, subresource):
    sent = review(RICH, operation, oldObject=PLAIN, subResource=subresource)
    try:
        _, content = asked(replaced(sent, path, by))
    except Malformed:
        return
    assert isinstance(content["response"]["allowed"], bool)
    json.dumps(content)


def test_a_pod_that_could_not_be_judged_is_not_admitted():
    found = failed(read(json.dumps(review(PLAIN)).encode()))
    assert found.outcome is Outcome.FAILED
    assert "the webhook failed, so the pod is not admitted" in refused(found.content)
    assert responded(found.content)["status"]["code"] == 500
