"""What a pod may choose for itself, and what it is told where it cannot."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from outgate.injection.annotations import CHOICES, Refusal, chosen, wanted
from outgate.injection.settings import Form, Mode, Redirect, Resources, Settings
from outgate.netfilter.options import Ports

SETTINGS = Settings()


def annotated(**annotations):
    return {"annotations": {f"outgate.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}}


CHOSEN = {
    "sidecar": ("classic", lambda made: made.sidecar is Form.CLASSIC),
    "mode": ("regular", lambda made: made.mode is Mode.REGULAR),
    "policy": ("one, two", lambda made: made.policy == ("one", "two")),
    "dns": ("true", lambda made: made.dns is True),
    "ports": ("443,8000-8100", lambda made: made.redirect == Redirect((Ports(443, 443), Ports(8000, 8100)))),
    "exclude-ports": ("5432", lambda made: made.redirect == Redirect(exclude_ports=(Ports(5432, 5432),))),
    "exclude-cidrs": (
        "10.0.0.0/8,fd00::/8",
        lambda made: made.redirect == Redirect(exclude_cidrs=(ip_network("10.0.0.0/8"), ip_network("fd00::/8"))),
    ),
    "cpu-request": ("50m", lambda made: made.resources.requests == {"cpu": "50m", "memory": "128Mi"}),
    "memory-request": ("64Mi", lambda made: made.resources.requests == {"cpu": "100m", "memory": "64Mi"}),
    "cpu-limit": ("2", lambda made: made.resources.limits == {"cpu": "2", "memory": "512Mi"}),
    "memory-limit": ("1Gi", lambda made: made.resources.limits == {"memory": "1Gi"}),
}


def test_each_choice_is_tried_here():
    assert CHOSEN.keys() == CHOICES.keys()


@pytest.mark.parametrize(("name", "text", "holds"), [(name, *case) for name, case in CHOSEN.items()])
def test_a_choice_is_taken_and_the_defaults_stay(name, text, holds):
    before = Settings()
    assert holds(chosen(annotated(**{name: text}), SETTINGS))
    assert before == SETTINGS
    assert SETTINGS.resources == Resources()


@pytest.mark.parametrize("name", CHOSEN)
def test_what_may_not_be_chosen_is_refused(name):
    with pytest.raises(Refusal, match=f"outgate.dev/{name} may not be chosen by pods here; remove it"):
        chosen(annotated(**{name: CHOSEN[name][0]}), Settings(annotations=("inject",)))
    assert CHOSEN[name][1](chosen(annotated(**{name: CHOSEN[name][0]}), Settings(annotations=(name,))))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("mode", "tproxy", 'the annotation outgate.dev/mode is "tproxy"; write transparent or regular'),
        ("sidecar", "", "write native or classic"),
        ("policy", "a,,b", "write names of ConfigMaps with commas between them"),
        ("dns", "yes", 'write "true" or "false"'),
        ("dns", True, "quote it: annotations are texts"),
        ("ports", "", 'write ports such as "443,8000-8100", or "all"'),
        ("ports", "http", "'http' is not a number"),
        ("exclude-cidrs", "10.0.0.0/33", "10.0.0.0/33"),
        ("exclude-cidrs", "0.0.0.0/0", "would exempt every address"),
        ("cpu-limit", "lots", "write a quantity such as 100m or 512Mi"),
        ("cpu-limit", "1\n", "write a quantity"),
        ("exclude-port", "1", "is not known; did you mean outgate.dev/exclude-ports?"),
        ("zzz", "1", "is not known; known: cpu-limit, "),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_write(name, text, told):
    with pytest.raises(Refusal) as caught:
        chosen(annotated(**{name: text}), SETTINGS)
    assert told in str(caught.value)


def test_a_text_of_any_length_is_told_in_short():
    with pytest.raises(Refusal) as caught:
        chosen(annotated(mode="x" * 100_000), SETTINGS)
    assert len(str(caught.value)) < 200


def test_choices_that_do_not_go_together_are_refused():
    with pytest.raises(Refusal, match="leave out one of mode and dns"):
        chosen(annotated(mode="regular", dns="true"), SETTINGS)


def test_annotations_of_others_are_none_of_ours():
    foreign = {
        "annotations": {"sidecar.istio.io/inject": "false", "outgate.dev.example/mode": "x", "mode": "y", 7: "z"}
    }
    assert chosen(foreign, SETTINGS) == SETTINGS


@pytest.mark.parametrize(
    ("labels", "annotations", "answer"),
    [
        ({}, {}, True),
        (None, None, True),
        ({}, {"outgate.dev/inject": "true"}, True),
        ({}, {"outgate.dev/inject": "false"}, False),
        ({"outgate.dev/inject": "false"}, {}, False),
        ({"outgate.dev/inject": "false"}, {"outgate.dev/inject": "false"}, False),
        ({}, {"sidecar.istio.io/inject": "false"}, True),
    ],
)
def test_a_pod_has_a_sidecar_unless_it_says_no(labels, annotations, answer):
    assert wanted({"labels": labels, "annotations": annotations}, SETTINGS) is answer


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"annotations": {"outgate.dev/inject": "no"}}, 'the annotation outgate.dev/inject is "no"; write "true" or'),
        ({"labels": {"outgate.dev/inject": False}}, 'the label outgate.dev/inject is "False"; write'),
        ({"labels": {"outgate.dev/inject": "true"}, "annotations": {"outgate.dev/inject": "false"}}, "keep one"),
        ({"labels": []}, None),
        ({"labels": [1]}, "metadata.labels is no mapping"),
    ],
)
def test_an_answer_that_is_none_is_refused(metadata, told):
    if told is None:
        assert wanted(metadata, SETTINGS)
        return
    with pytest.raises(Refusal) as caught:
        wanted(metadata, SETTINGS)
    assert told in str(caught.value)


def test_to_say_no_may_be_forbidden():
    with pytest.raises(Refusal, match=r"outgate\.dev/inject may not be chosen by pods here; remove it"):
        wanted(annotated(inject="false"), Settings(annotations=("mode",)))
    assert wanted(annotated(inject="true"), Settings(annotations=("mode",)))
