"""Principals: their parts, and the other names of a trust domain."""

import pytest

from outgate.policy.principals import Name, aliased, compose, parse, same_domains


@pytest.mark.parametrize(
    ("principal", "name"),
    [
        ("cluster.local/ns/prod/sa/web", Name("cluster.local", "prod", "web")),
        ("spiffe://td/ns/prod/sa/web", Name("td", "prod", "web")),
        ("td/ns/prod/team/a/sa/web/pod/x", Name("td", "prod", "web")),
        ("td/workload", Name("td", "", "")),
        ("td", Name("td", "", "")),
        ("", Name("", "", "")),
    ],
)
def test_a_principal_says_trust_domain_namespace_and_account(principal, name):
    assert parse(principal) == name


def test_a_principal_is_composed_only_of_all_its_parts():
    assert compose("td", "prod", "web") == "td/ns/prod/sa/web"
    assert {compose("", "prod", "web"), compose("td", "", "web"), compose("td", "prod", "")} == {""}


@pytest.mark.parametrize(
    ("value", "domains", "names"),
    [
        ("cluster.local/ns/a/sa/b", ["cluster.local"], ["cluster.local/ns/a/sa/b"]),
        ("cluster.local/ns/a/sa/b", ["td1"], ["td1/ns/a/sa/b"]),
        ("td1/ns/a/sa/b", ["td1", "td2"], ["td1/ns/a/sa/b", "td2/ns/a/sa/b"]),
        ("td2/ns/a/sa/b", ["td1", "td2"], ["td1/ns/a/sa/b", "td2/ns/a/sa/b"]),
        ("foreign/ns/a/sa/b", ["td1", "td2"], ["foreign/ns/a/sa/b"]),
        ("*/ns/a/sa/b", ["td1", "td2"], ["*/ns/a/sa/b"]),
        ("*-td/ns/a/sa/b", ["new-td", "old-td", "other"], ["*-td/ns/a/sa/b", "other/ns/a/sa/b"]),
        ("*", ["td1", "td2"], ["*"]),
        ("td1/workload", ["td1", "td2"], ["td1/workload"]),
    ],
)
def test_a_principal_of_the_mesh_is_meant_under_every_name_of_its_trust_domain(value, domains, names):
    assert aliased([value], domains) == tuple(names)


def test_principals_are_not_repeated():
    assert aliased(["td1/ns/a/sa/b", "td2/ns/a/sa/b"], ["td1", "td2"]) == ("td1/ns/a/sa/b", "td2/ns/a/sa/b")


def test_a_trust_domain_stands_for_its_aliases_and_a_foreign_one_for_itself():
    assert same_domains(["td2", "foreign", "td*"], ["td1", "td2"]) == ("td1", "td2", "foreign", "td*")
