"""A policy is one immutable value with its indexes and bounded caches."""

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from outgate.policy.access_model import AccessLayer, AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.model import Defaults, Identity, Mode, Scope, Source
from outgate.policy.snapshot import CALLERS, Policy
from outgate.policy.telemetry_model import TelemetryPolicy, TelemetryRule, TraceRule
from outgate.problems import Where
from policy.building import WEB, destination

RULE = Source(Where("rules.yaml", 1, 1), "EgressAccess", "rule")


def access(attribute, action=Action.DENY, *, shadow=False, key=""):
    condition = Condition(attribute, ("x",), key)
    rule = AccessRule(sources=((condition,),), operations=((condition, condition),), conditions=(condition,))
    return AccessPolicy(action, (rule,), RULE, shadow)


def test_it_cannot_be_changed_and_a_changed_copy_has_its_own_indexes():
    policy = Policy("test", destinations=(destination("a.example"),))
    with pytest.raises(FrozenInstanceError):
        policy.generation = "other"
    copy = replace(policy, destinations=(destination("b.example"),))
    assert policy.registry.named("a.example")
    assert not copy.registry.named("a.example")
    assert copy.registry.named("b.example")


def test_what_a_caller_sees_is_remembered_by_namespace_and_labels():
    policy = Policy("test", Defaults(mode=Mode.ALLOW_ANY), scopes=(Scope("prod", mode=Mode.OBSERVE),))
    assert policy.sight(WEB) is policy.sight(replace(WEB, service_account="other", address="10.0.0.1"))
    assert policy.sight(WEB).mode is Mode.OBSERVE
    assert policy.sight(Identity(namespace="dev")).mode is Mode.ALLOW_ANY


def test_callers_without_end_do_not_fill_the_memory():
    policy = Policy("test")
    for number in range(CALLERS + 10):
        policy.sight(Identity(namespace=f"n{number}"))
    assert policy._sights.cache_info().currsize == CALLERS


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (access(Attribute.PATH), True),
        (access(Attribute.PATH, Action.ALLOW), True),
        (access(Attribute.HEADER, key=":path"), True),
        (access(Attribute.HEADER, key=":Path"), True),
        (access(Attribute.HEADER, key="path"), False),
        (access(Attribute.HOST), False),
        (access(Attribute.PATH, Action.AUDIT), False),
        (access(Attribute.PATH, shadow=True), False),
    ],
)
def test_it_knows_whether_an_enforced_rule_looks_at_paths(made, expected):
    assert Policy("test", access=(AccessLayer("native", (made,)),)).judges_paths is expected


def test_a_policy_goes_to_another_process_and_is_the_same_there():
    made = Policy("test", Defaults(mode=Mode.ALLOW_ANY), (destination("a.example"),))
    came = pickle.loads(pickle.dumps(made))
    assert came == made
    assert came.sight(Identity()).mode is Mode.ALLOW_ANY


def test_how_a_caller_is_recorded_is_remembered_by_namespace_and_labels():
    rules = (TelemetryRule("prod", traces=(TraceRule(sampling=0.5),)),)
    policy = Policy("test", telemetry=TelemetryPolicy(rules=rules))
    assert policy.telemetry_of(WEB) is policy.telemetry_of(replace(WEB, service_account="other"))
    assert policy.telemetry_of(WEB).trace.sampling == 0.5
    assert policy.telemetry_of(Identity(namespace="dev")).trace.sampling is None
    assert pickle.loads(pickle.dumps(policy)).telemetry_of(WEB) == policy.telemetry_of(WEB)
