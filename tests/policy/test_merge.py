"""Meshes say what holds for the gate: lists join, scalars must agree, later directories win."""

from ipaddress import ip_network

from outgate.policy.frontends import Contribution, Override
from outgate.policy.merge import merged
from outgate.policy.model import Defaults, Mode, Source
from outgate.problems import Severity, Where


def says(field, value, file="a.yaml", line=1, kind="EgressDefaults"):
    source = Source(Where(file, line, 1), kind, "d", field=field)
    return Contribution(defaults={field: [Override(value, source)]})


def merge(*parts, layers=None):
    problems = []
    defaults, replaced = merged(parts, layers or {}, problems)
    return defaults, replaced, problems


def test_nothing_said_is_the_defaults():
    assert merge() == (Defaults(), (), [])


def test_each_value_lands_in_its_field_and_the_mode_keeps_its_document():
    defaults, _, problems = merge(says("mode", Mode.ALLOW_ANY, line=7), says("deny_status", 403))
    assert (defaults.mode, defaults.mode_source.where.line, defaults.deny_status, problems) == (
        Mode.ALLOW_ANY,
        7,
        403,
        [],
    )


def test_lists_are_joined_without_repetition():
    one, two = ip_network("10.0.0.0/8"), ip_network("fd00::/8")
    defaults, _, problems = merge(
        says("internal_networks", (one,)),
        says("internal_networks", (two, one), "b.yaml"),
        says("trust_domain_aliases", ("old",)),
    )
    assert defaults.internal_networks == (one, two)
    assert defaults.trust_domain_aliases == ("old",)
    assert problems == []


def test_two_different_scalars_are_an_error_that_names_both():
    _, _, (problem,) = merge(says("mode", Mode.ALLOW_ANY, "a.yaml", 3), says("mode", Mode.REGISTRY_ONLY, "b.yaml", 5))
    assert str(problem).startswith(
        "b.yaml:5:1: mode is REGISTRY_ONLY here and ALLOW_ANY in EgressDefaults d (a.yaml:3:1)"
    )


def test_observation_is_laid_over_what_a_mesh_says_with_a_warning():
    observing, mesh = says("mode", Mode.OBSERVE, line=3), says("mode", Mode.REGISTRY_ONLY, line=5, kind="MeshConfig")
    for parts in ((observing, mesh), (mesh, observing)):
        defaults, _, (problem,) = merge(*parts)
        assert (defaults.mode, defaults.mode_source.where.line) == (Mode.OBSERVE, 3)
        assert (problem.severity, problem.where.line) == (Severity.WARNING, 5)


def test_two_documents_of_one_kind_that_differ_about_observation_are_an_error():
    _, _, (problem,) = merge(says("mode", Mode.REGISTRY_ONLY), says("mode", Mode.OBSERVE, "b.yaml"))
    assert problem.severity is Severity.ERROR


def test_a_later_directory_ends_observation():
    later = says("mode", Mode.REGISTRY_ONLY, "b.yaml", kind="MeshConfig")
    defaults, _, problems = merge(says("mode", Mode.OBSERVE), later, layers={"a.yaml": 0, "b.yaml": 1})
    assert (defaults.mode, problems) == (Mode.REGISTRY_ONLY, [])


def test_the_same_scalar_twice_is_no_conflict():
    defaults, replaced, problems = merge(says("mode", Mode.OBSERVE), says("mode", Mode.OBSERVE, "b.yaml"))
    assert (defaults.mode, replaced, problems) == (Mode.OBSERVE, (), [])


def test_a_later_directory_wins_and_says_over_whom():
    layers = {"base/a.yaml": 0, "prod/b.yaml": 1}
    base, prod = says("deny_status", 502, "base/a.yaml"), says("deny_status", 403, "prod/b.yaml")
    for parts in ((base, prod), (prod, base)):
        defaults, ((winner, loser),), problems = merge(*parts, layers=layers)
        assert (defaults.deny_status, problems) == (403, [])
        assert (winner.where.file, loser.where.file) == ("prod/b.yaml", "base/a.yaml")


def test_two_in_the_later_directory_still_conflict():
    layers = {"base/a.yaml": 0, "prod/b.yaml": 1, "prod/c.yaml": 1}
    parts = [
        says("deny_status", n, file) for n, file in ((502, "base/a.yaml"), (403, "prod/b.yaml"), (451, "prod/c.yaml"))
    ]
    _, replaced, problems = merge(*parts, layers=layers)
    assert len(replaced) == len(problems) == 1


def test_what_is_internal_is_sourced_to_who_says_so():
    defaults, _, _ = merge(says("mode", Mode.OBSERVE, line=1), says("internal_hosts", ("*.mesh",), line=2))
    assert defaults.source.where.line == 2
