"""AuthorizationPolicies decide as the Envoy filters that Istio makes of them.

The corpus pairs policies with the filters that Istio's own tests expect. Each pair is tried with attempts made of the
texts in both, and the two sides must agree on every one, shadow verdicts included.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from outgate.policy import documents
from outgate.policy.access import judge
from outgate.policy.access_model import AccessLayer, AccessPolicy
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio.authorization import translate
from outgate.policy.model import Attempt, AttemptKind, Defaults, Gate, Identity, ShadowVerdict, Verdict
from outgate.policy.steps import Steps
from policy.frontends.istio.authz_attempts import Draft, drafts
from policy.frontends.istio.authz_facets import UNKNOWABLE, facets
from policy.frontends.istio.envoy_rbac import Connection, evaluate

ATTEMPTS = 2500
"""For each pair of a policy file and its filters."""
ALONE = 400
"""For each condition by itself."""
CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent")
ORACLE = CORPUS / "oracle" / "istio" / "authz"

# The workload that Istio's tests generate filters for.
SETTING = Setting(gate=Gate(namespace="foo", labels=(("app", "httpbin"), ("version", "v1"))))

# The mesh configuration of those tests, where a case has one: the trust domain, then its aliases.
DOMAINS = {
    "simple-policy-td-aliases": ("td1", "cluster.local"),
    "simple-policy-multiple-td-aliases": ("td1", "cluster.local", "some-td"),
    "simple-policy-principal-with-wildcard": ("td1", "foobar"),
    "td-aliases-source-principal": ("new-td", "old-td", "some-trustdomain"),
}

# The policies of the cases whose inputs are not in the corpus, by what their filters say.
UNGIVEN = {
    "extended-dry-run-allow": """
metadata: {name: httpbin-1, namespace: foo, annotations: {"istio.io/dry-run": "true"}}
spec: {rules: [{to: [{operation: {paths: [/exact]}}]}]}
""",
    "extended-simple-policy-multiple-td-aliases": """
metadata: {name: httpbin, namespace: foo}
spec:
  rules:
    - from:
        - source: {principals: ["cluster.local/ns/rule[0]/sa/from[0]-principal[0]"]}
        - source:
            principals:
              - "cluster.local/ns/rule[0]/sa/from[1]-principal[0]"
              - "cluster.local/ns/rule[0]/sa/from[1]-principal[1]"
            namespaces: ["rule[0]-from[1]-ns[0]"]
""",
}
ENVELOPE = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"

pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason="MESH_CORPUS names no corpus with an oracle")


@dataclass(frozen=True)
class Case:
    """One policy file and the filters it became."""

    name: str
    tcp: bool
    policies: str
    filters: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{'tcp' if self.tcp else 'http'}/{self.name}"

    @property
    def custom(self) -> bool:
        return "action: CUSTOM" in self.policies

    @property
    def documents(self) -> list[Any]:
        return [document for document in yaml.safe_load_all(self.policies) if document]

    @property
    def configs(self) -> list[Any]:
        return [yaml.safe_load(path.read_text()) for path in self.filters]

    @property
    def defaults(self) -> Defaults:
        domain, *aliases = DOMAINS.get(self.name.removeprefix("extended-"), ("cluster.local",))
        return Defaults(tunnel_hosts="istio", trust_domain=domain, trust_domain_aliases=tuple(aliases))


def cases(kind: str) -> Iterator[Case]:
    """All pairs of one kind, `http` or `tcp`. The extended form of a case has the policies of the plain one."""
    given = {path.name.removesuffix("-in.yaml"): path for path in (ORACLE / kind).glob("*-in.yaml")}
    for path in (CORPUS / "istio").glob(f"authz-{kind}-*-in.yaml"):
        given.setdefault(path.name.removeprefix(f"authz-{kind}-").removesuffix("-in.yaml"), path)
    made: dict[str, list[Path]] = {}
    for path in sorted((ORACLE / kind).glob("*-out*.yaml")):
        made.setdefault(re.sub(r"-out\d*\.yaml$", "", path.name), []).append(path)
    for name in sorted({*made, *given}):
        path = given.get(name.removeprefix("extended-"))
        policies = path.read_text() if path is not None else ENVELOPE + UNGIVEN[name] if name in UNGIVEN else ""
        if policies and (name in made or "action: CUSTOM" in policies):
            yield Case(name, kind == "tcp", policies, tuple(made.get(name, ())))


def every_case() -> list[Case]:
    return [*cases("http"), *cases("tcp")] if ORACLE.is_dir() else []


def told(draft: Draft, case: Case, *, by_address: bool) -> tuple[Attempt, Connection]:
    """The attempt as each side sees it. Every one carries an identity: Envoy reads its absence as no match."""
    headers = {":authority": draft.host, **draft.headers}
    caller = Identity(principal=draft.principal, address=draft.source, how="test")
    seen = Connection(
        principal=f"spiffe://{draft.principal}",
        source_ip=draft.source,
        destination_ip=draft.destination,
        port=draft.port,
        sni=draft.sni.lower(),
        headers={} if case.tcp else {**headers, ":method": draft.method, ":path": draft.path},
    )
    if case.tcp:
        kind = AttemptKind.TLS if draft.sni else AttemptKind.TCP
        return Attempt(kind, caller, draft.port, address=draft.destination, sni=draft.sni or None), seen
    # The gate resolves a name itself, so for named hosts no ALLOW rule goes by the dialled address.
    host = None if by_address else draft.host.lower()
    return Attempt(
        AttemptKind.HTTP,
        caller,
        draft.port,
        host=host,
        address=draft.destination,
        sni=draft.sni or None,
        encrypted=bool(draft.sni),
        method=draft.method,
        path=draft.path,
        headers=headers,
    ), seen


def dry_run(shadows: tuple[ShadowVerdict, ...], policies: list[AccessPolicy]) -> dict[str, bool]:
    """Whether each engine in dry-run lets the attempt through, as Envoy tells it: one engine for each action."""
    engines = {str(policy.action) for policy in policies if policy.shadow}
    actions = {policy.source: policy.action for policy in policies} | {
        rule.source: policy.action for policy in policies for rule in policy.rules
    }
    refusing = {str(actions[shadow.source]) for shadow in shadows if shadow.verdict is Verdict.DENY}
    return {engine: engine not in refusing for engine in engines}


def compare(
    case: Case, specs: list[Any], filters: list[Any], policies: list[AccessPolicy], name: str, count: int
) -> Counter[str]:
    """Tries policies against filters, and fails on the first attempt on which they differ, with our reasons."""
    layers = (AccessLayer("istio", tuple(policies)),)
    by_address, closed = "destination.ip" in str(specs), closes(specs)
    found: Counter[str] = Counter()
    for draft in drafts(specs, filters, count, name):
        attempt, seen = told(draft, case, by_address=by_address)
        ours, theirs = judge(layers, attempt, case.defaults), evaluate(filters, seen)
        told_apart = (ours.allowed, dry_run(ours.shadows, policies)) != (theirs.allowed, theirs.shadows)
        if (told_apart or bool(ours.audited) != theirs.logged) and not (closed and ours.allowed <= theirs.allowed):
            steps = Steps()
            judge(layers, attempt, case.defaults, steps)
            reasons = "\n".join(f"{step.what} ({step.source})" for step in steps.taken)
            pytest.fail(f"{case}, {name}: {draft}\nours: {ours}\nEnvoy: {theirs}\n{reasons}")
        found["closed" if told_apart else "allowed" if theirs.allowed else "denied"] += 1
    return found


def closes(specs: list[Any]) -> bool:
    """Whether a rule that refuses or marks names what the gate never knows: there it is closed, and Envoy is open."""
    return any(
        spec.get("action") in ("DENY", "AUDIT") and any(word in str(rule) for word in UNKNOWABLE)
        for spec in specs
        for rule in spec.get("rules") or []
    )


def loaded(text: str, file: str) -> list[AccessPolicy]:
    """The access policies of a text, all of which must be about the workload of the tests."""
    contribution = Contribution()
    translate(documents.parse(text, file), SETTING, contribution)
    assert [str(problem) for problem in contribution.problems] == []
    return contribution.access


def test_policies_decide_as_the_filters_that_istio_makes_of_them():
    total: Counter[str] = Counter()
    compared = [case for case in every_case() if not case.custom]
    for case in compared:
        policies = loaded(case.policies, case.name)
        specs = [document.get("spec") or {} for document in case.documents]
        assert len(policies) == len(specs)
        count = compare(case, specs, case.configs, policies, case.name, ATTEMPTS)
        print(f"{case}: {dict(count)}")
        total += count
    print(f"{len(compared)} cases, {total.total()} attempts: {dict(total)}")
    assert {case.tcp for case in compared} == {True, False}
    assert min(total["allowed"], total["denied"]) > total.total() // 10


def test_every_condition_by_itself_decides_as_the_matcher_that_istio_makes_of_it():
    total: Counter[str] = Counter()
    number = 0
    for case in every_case():
        for facet in facets(case.documents, case.configs, tcp=case.tcp) if not case.custom else ():
            metadata = {"name": "alone", "namespace": "foo"}
            document = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata}
            policies = loaded(yaml.safe_dump(document | {"spec": facet.spec}), facet.name)
            total += compare(case, [facet.spec], facet.filters, policies, facet.name, ALONE)
            number += 1
    print(f"{number} conditions, {total.total()} attempts: {dict(total)}")
    assert total["closed"] == 0
    assert min(total["allowed"], total["denied"]) > total.total() // 3


def test_external_authorizers_are_refused():
    custom = [case for case in every_case() if case.custom]
    print(f"{len(custom)} cases refused")
    for case in custom:
        contribution = Contribution()
        translate(documents.parse(case.policies, case.name), SETTING, contribution)
        assert contribution.access == []
        assert {problem.field for problem in contribution.problems} == {"spec.action"}
    assert custom
