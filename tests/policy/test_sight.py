"""A caller sees what is exported to it and what its scope imports; the rest is unknown to it."""

import pytest

from outgate.policy.model import Defaults, Gate, Identity, Import, Mode, Scope
from outgate.policy.registry import By, Match
from outgate.policy.sight import exported, sight
from policy.building import destination

GATE = Gate(namespace="edge")


def look(*scopes, namespace="prod", labels=(), mode=Mode.REGISTRY_ONLY):
    return sight(scopes, Defaults(mode), GATE, Identity(namespace=namespace, labels=labels))


def match(pattern="a.example", by=By.NAME, **more):
    return Match(destination(pattern, **more), pattern, by)


@pytest.mark.parametrize(
    ("export_to", "namespace", "seen"),
    [
        (("*",), "prod", True),
        ((".",), "default", True),
        ((".",), "prod", False),
        (("prod", "dev"), "dev", True),
        (("prod",), "dev", False),
        (("~",), "default", False),
        (("*", "~prod"), "prod", False),
        (("*", "~prod"), "dev", True),
        ((), "default", False),
    ],
)
def test_export_decides_first(export_to, namespace, seen):
    assert exported(destination("a.example", export_to=export_to), namespace) is seen
    assert look(namespace=namespace).sees(match(export_to=export_to)) is seen


def test_a_caller_without_a_namespace_sees_what_the_gate_namespace_sees():
    unknown = look(namespace="")
    assert unknown.namespace == "edge"
    assert unknown.sees(match(export_to=("edge",)))
    assert unknown.sees(match(export_to=("*",)))
    assert not unknown.sees(match(export_to=("prod",)))


@pytest.mark.parametrize(
    ("imports", "seen"),
    [
        (None, True),
        ((), False),
        ((Import("*", "*"),), True),
        ((Import("default", "*"),), True),
        ((Import("other", "*"),), False),
        ((Import(".", "*"),), False),
        ((Import("*", "a.example"),), True),
        ((Import("*", "*.example"),), True),
        ((Import("*", "*.a.example"),), False),
        ((Import("*", "b.example"),), False),
        ((Import("*", "*"), Import("default", "a.example", excluded=True)), False),
        ((Import("default", "a.example", excluded=True), Import("*", "*")), False),
        ((Import("*", "*"), Import("*", "b.example", excluded=True)), True),
        ((Import("default", "*", excluded=True),), False),
    ],
)
def test_imports_narrow_what_is_seen(imports, seen):
    assert look(Scope("prod", imports=imports)).sees(match()) is seen


def test_a_wildcard_is_imported_only_by_what_is_as_wide():
    narrow = look(Scope("prod", imports=(Import("*", "a.example"),)))
    wide = look(Scope("prod", imports=(Import("*", "*.example"),)))
    assert not narrow.sees(match("*.example"))
    assert wide.sees(match("*.example"))


def test_own_namespace_means_the_caller_s():
    scope = Scope("", imports=(Import(".", "*"),))
    assert look(scope, namespace="default").sees(match())
    assert not look(scope, namespace="prod").sees(match())


def test_found_by_address_it_is_seen_if_any_of_its_names_is_imported():
    named = Match(destination("a.example", "b.example"), "10.0.0.0/8", By.NETWORK)
    nameless = Match(destination(), "10.0.0.0/8", By.NETWORK)
    scope = Scope("prod", imports=(Import("*", "b.example"),))
    assert look(scope).sees(named)
    assert not look(scope).sees(nameless)
    assert look(Scope("prod", imports=(Import("*", "*"),))).sees(nameless)


def test_a_selecting_scope_beats_the_namespace_s_which_beats_the_one_for_all():
    everyone = Scope("", mode=Mode.OBSERVE)
    space = Scope("prod", mode=Mode.ALLOW_ANY)
    chosen = Scope("prod", labels=(("app", "web"),), mode=Mode.REGISTRY_ONLY)
    scopes = (everyone, space, chosen)
    assert look(*scopes, labels=(("app", "web"), ("v", "1"))).mode is Mode.REGISTRY_ONLY
    assert look(*scopes, labels=(("app", "job"),)).mode is Mode.ALLOW_ANY
    assert look(*scopes, namespace="dev").mode is Mode.OBSERVE
    assert look(chosen, namespace="dev", labels=(("app", "web"),)).mode is Mode.REGISTRY_ONLY
    assert look(chosen, namespace="dev", labels=(("app", "web"),)).scope is None


def test_among_equal_scopes_the_first_counts():
    assert look(Scope("prod", mode=Mode.ALLOW_ANY), Scope("prod", mode=Mode.OBSERVE)).mode is Mode.ALLOW_ANY


def test_a_scope_without_a_mode_leaves_the_default():
    assert look(Scope("prod")).mode is Mode.REGISTRY_ONLY


def test_no_scope_takes_observation_back_but_it_still_narrows():
    for mode in (Mode.REGISTRY_ONLY, Mode.ALLOW_ANY, None):
        seen = look(Scope("prod", mode=mode, imports=()), mode=Mode.OBSERVE)
        assert seen.mode is Mode.OBSERVE
        assert not seen.sees(match())
