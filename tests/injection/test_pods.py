"""The sidecar in a pod: it goes in, is brought up to date, and comes out; and the pod that is given stays as it was."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from injection.podded import ANYTHING, PLAIN, RICH, places, pod, replaced
from outgate.injection import pods
from outgate.injection.annotations import INJECTED, STATUS, Refusal
from outgate.injection.settings import Form, Mode, Settings

SETTINGS = Settings()


def names(containers):
    return [each["name"] for each in containers]


def test_a_native_sidecar_is_there_before_everything_else():
    made, _ = pods.inject(RICH, SETTINGS)
    assert names(made["spec"]["initContainers"]) == ["outgate-redirect", "outgate-trust", "outgate", "first"]
    assert made["spec"]["initContainers"][2]["restartPolicy"] == "Always"
    assert names(made["spec"]["containers"]) == ["main"]


def test_a_classic_sidecar_is_the_first_container():
    made, _ = pods.inject(RICH, Settings(sidecar=Form.CLASSIC))
    assert names(made["spec"]["initContainers"]) == ["outgate-redirect", "outgate-trust", "first"]
    assert names(made["spec"]["containers"]) == ["outgate", "main"]


def test_only_the_redirect_has_any_power():
    made, _ = pods.inject(RICH, SETTINGS)
    granted = {
        each["name"]: each["securityContext"]["capabilities"].get("add") for each in made["spec"]["initContainers"][:3]
    }
    assert granted == {
        "outgate-redirect": ["NET_ADMIN", "NET_RAW", "SETGID", "SETUID"],
        "outgate-trust": None,
        "outgate": None,
    }


def test_in_regular_mode_nothing_has_any_and_the_label_is_not_there():
    made, _ = pods.inject(PLAIN, Settings(mode=Mode.REGULAR))
    assert names(made["spec"]["initContainers"]) == ["outgate-trust", "outgate"]
    assert made["metadata"]["labels"] == {"app": "plain"}


def test_what_turns_the_traffic_sets_the_label_that_lets_it_leave():
    made, _ = pods.inject(PLAIN, SETTINGS)
    assert made["metadata"]["labels"] == {"app": "plain", INJECTED: "true"}


def test_the_label_of_a_pod_that_had_it_stays_when_the_sidecar_goes():
    claimed = pod(labels={INJECTED: "true"})
    made, _ = pods.inject(claimed, SETTINGS)
    assert pods.remove(made) == claimed


@pytest.mark.parametrize(
    ("labels", "settings", "told"),
    [
        ({INJECTED: "true", "outgate.dev/inject": "false"}, SETTINGS, "turned to a gate; remove it"),
        ({INJECTED: "true"}, Settings(mode=Mode.REGULAR), "turned to a gate; remove it"),
        ({INJECTED: "yes"}, SETTINGS, "is the injection's to write; remove it"),
        ({INJECTED: True}, SETTINGS, "is the injection's to write; remove it"),
    ],
)
def test_a_label_that_would_let_it_leave_without_a_gate_is_refused(labels, settings, told):
    with pytest.raises(Refusal, match=told):
        pods.inject(pod(labels=labels), settings)


@pytest.mark.parametrize("given_", [PLAIN, RICH])
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("mode", Mode)
def test_what_is_given_is_not_changed_and_comes_back(given_, form, mode):
    given_ = replaced(given_, ("metadata", "annotations"), {"other": "x"})
    before = copy.deepcopy(given_)
    settings = Settings(sidecar=form, mode=mode)
    once, _ = pods.inject(given_, settings)
    between = copy.deepcopy(once)
    assert pods.inject(once, settings)[0] == once
    assert pods.remove(once) == given_ == before
    assert once == between


def test_by_other_settings_it_is_made_anew_and_not_beside_the_old_one():
    old, _ = pods.inject(RICH, Settings(sidecar=Form.CLASSIC, policy=("a", "b", "c")))
    assert pods.inject(old, SETTINGS)[0] == pods.inject(RICH, SETTINGS)[0]


def test_containers_that_come_between_injection_and_removal_stay():
    made, _ = pods.inject(RICH, SETTINGS)
    made["spec"]["containers"].insert(0, {"name": "late", "env": [{"name": "SSL_CERT_FILE", "value": "/own"}]})
    bare = pods.remove(made)
    assert bare["spec"]["containers"] == [
        {"name": "late", "env": [{"name": "SSL_CERT_FILE", "value": "/own"}]},
        *RICH["spec"]["containers"],
    ]


def test_a_variable_that_says_the_same_as_ours_is_the_containers_own():
    own = [{"name": "SSL_CERT_FILE", "value": "/etc/outgate/trust/ca-bundle.pem"}]
    given_ = pod({"containers": [{"name": "main", "env": own}]})
    assert pods.remove(pods.inject(given_, SETTINGS)[0]) == given_


FORGED = [
    "",
    "[]",
    "null",
    "{",
    json.dumps({"trust": "/x", "proxy": "", "kept": []}),
    json.dumps({"trust": "/x", "proxy": "", "kept": {"containers.main": 1}, "empty": {}}),
    "[" * 100_000,
    7,
]


@pytest.mark.parametrize("text", FORGED, ids=range(len(FORGED)))
def test_a_note_that_cannot_be_read_is_refused(text):
    noted = pod(annotations={STATUS: text})
    for step in (pods.remove, lambda given_: pods.inject(given_, SETTINGS)):
        with pytest.raises(Refusal, match=f"{STATUS} cannot be read"):
            step(noted)


def test_a_forged_sidecar_is_replaced_by_the_real_one():
    forged = pod({"initContainers": [{"name": "outgate", "image": "evil", "command": ["true"]}]})
    with pytest.raises(Refusal, match="a container is called outgate already"):
        pods.inject(forged, SETTINGS)
    forged["metadata"]["annotations"] = {STATUS: json.dumps({"trust": "/x", "proxy": "", "kept": {}, "empty": {}})}
    assert pods.inject(forged, SETTINGS)[0]["spec"] == pods.inject(PLAIN, SETTINGS)[0]["spec"]


@given(path=st.sampled_from(list(places(RICH))), by=ANYTHING)
@example(path=("spec", "volumes", 0, "projected", "sources"), by=1)
@example(path=("spec", "containers", 0, "envFrom", 0, "secretRef"), by="s")
@example(path=("spec", "ephemeralContainers", 0, "targetContainerName"), by=[])
@example(path=("metadata", "labels"), by={"": None})
def test_whatever_stands_in_a_pod_it_is_done_or_refused(path, by):
    mangled = replaced(RICH, path, by)
    before = copy.deepcopy(mangled)
    try:
        once, _ = pods.inject(mangled, SETTINGS)
    except Refusal:
        pass
    else:
        assert pods.inject(once, SETTINGS)[0] == once
        assert pods.remove(once) == mangled
    assert mangled == before
