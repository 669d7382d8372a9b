"""Istio's kinds that are recognised and not applied."""

import pytest

from outgate.policy.frontends.istio.later import OTHERS
from outgate.policy.model import Fate
from policy.frontends.istio.istio_building import document, entry, errors, loaded, refused, translate, warned


def other(kind: str, group: str = "", spec: str = "{}") -> str:
    text = document(kind, spec)
    return text.replace("networking.istio.io", group or OTHERS[kind].group)


SPECS = {"WorkloadEntry": "{address: 192.0.2.1}"}


@pytest.mark.parametrize("kind", [kind for kind, row in OTHERS.items() if row.guarded])
def test_what_decides_or_records_is_refused_when_strict(kind):
    assert refused(other(kind)) == ["kind"]
    assert "is not yet applied" in warned(other(kind), strict=False)


@pytest.mark.parametrize("kind", [kind for kind, row in OTHERS.items() if not row.guarded])
def test_what_changes_nothing_that_leaves_is_said(kind):
    assert f"{kind} it is" in warned(other(kind, spec=SPECS.get(kind, "{}")))


def test_the_kind_is_accounted_for():
    (report,) = loaded(other("PeerAuthentication")).fields
    assert (report.kind, report.fate, report.note) == ("PeerAuthentication", Fate.IGNORED, "it is about what comes in")


def test_a_misspelt_kind_names_the_likely_one():
    (problem,) = errors(translate(document("ServiceEntri", "{}")))
    assert problem.hint == 'did you mean "ServiceEntry"?'
    assert problem.where.line == 3


def test_a_kind_in_the_wrong_group_is_not_that_kind():
    assert refused(other("Telemetry", "networking.istio.io")) == ["kind"]
    assert refused(entry().replace("networking.istio.io", "security.istio.io")) == ["kind"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{}", "spec.address"),
        ("{address: 'unix:///a', ports: {a: 1}}", "spec.ports"),
        ("{address: 'unix://a'}", "spec.address"),
        ("{address: 192.0.2.1, ports: {a: 0}}", "spec.ports.a"),
        ("{address: 192.0.2.1, labels: {'@': a}}", "spec.labels.@"),
    ],
)
def test_a_workload_entry_is_checked_all_the_same(spec, field):
    assert refused(other("WorkloadEntry", spec=spec), strict=False) == [field]
