"""A document that no front-end claims is an error, a warning where it carries no policy, and never silence."""

import pytest

from outgate.policy.kinds import known, unclaimed
from outgate.policy.model import Fate
from outgate.problems import Severity
from policy.building import documents


def said(text, *, strict=True):
    (document,) = documents(text)
    return unclaimed(document, strict=strict)


def kind(name, version="v1"):
    return f"apiVersion: {version}\nkind: {name}\nmetadata: {{name: n}}"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("Namespace", "v1"),
        ("Service", "v1"),
        ("Secret", "v1"),
        ("ConfigMap", "v1"),
        ("Deployment", "apps/v1"),
        ("CronJob", "batch/v1"),
    ],
)
def test_kinds_without_egress_policy_are_ignored_aloud(name, version):
    problem, account = said(kind(name, version))
    assert (problem.severity, account.fate) == (Severity.WARNING, Fate.IGNORED)
    assert "carries no egress policy" in problem.what


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("EnvoyFilter", "networking.istio.io/v1alpha3"),
        ("Telemetry", "telemetry.istio.io/v1"),
        ("HTTPRoute", "gateway.networking.k8s.io/v1"),
        ("MeshTLS", "kuma.io/v1alpha1"),
        ("IngressBackend", "policy.openservicemesh.io/v1alpha1"),
        ("HTTPLocalRateLimitPolicy", "policy.linkerd.io/v1alpha1"),
    ],
)
def test_kinds_that_are_not_yet_applied_are_refused_when_strict_and_warned_of_when_lenient(name, version):
    problem, account = said(kind(name, version))
    assert (problem.severity, account.fate) == (Severity.ERROR, Fate.LATER)
    assert "not yet applied" in problem.what
    assert said(kind(name, version), strict=False)[0].severity is Severity.WARNING


def test_universal_kuma_kinds_are_known_by_their_type():
    assert "not yet applied" in said("type: HostnameGenerator\nname: n")[0].what


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        (
            kind("EgresDestination", "outgate.dev/v1alpha1"),
            'unknown kind "EgresDestination"',
            'did you mean "EgressDestination"?',
        ),
        (kind("ServiceEntri", "networking.istio.io/v1"), 'unknown kind "ServiceEntri"', 'did you mean "ServiceEntry"?'),
        (
            kind("ServiceEntry", "networking.istio.com/v1"),
            "unknown kind",
            "belongs to apiVersion networking.istio.io/...",
        ),
        (kind("EgressAccess", "outgate.io/v1"), "unknown kind", "belongs to apiVersion outgate.dev/..."),
        (kind("Deployment", "v1"), "unknown kind", "belongs to apiVersion apps/..."),
        ("kind: ServiceEntry", "(no apiVersion)", "belongs to apiVersion networking.istio.io/..."),
        (kind("Zzzz", "x/v1"), "unknown kind", "write a kind that outgate knows"),
        ("some: thing", "a document without a kind", ""),
        ("- a", "a document without a kind", ""),
        ("text", "a document without a kind", ""),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_nobody_knows_is_an_error_with_the_likeliest_meaning(text, what, hint, strict):
    problem, account = said(text, strict=strict)
    assert (problem.severity, account.fate) == (Severity.ERROR, Fate.REJECTED)
    assert what in problem.what
    assert hint in problem.hint


def test_every_kind_of_the_tables_can_be_suggested():
    assert {"EgressDefaults", "ServiceEntry", "HostnameGenerator", "Deployment"} <= set(known())
