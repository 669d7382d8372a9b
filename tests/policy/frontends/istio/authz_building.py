"""Short ways to write AuthorizationPolicies in tests, and to read them."""

import textwrap

import yaml

from outgate.policy import documents
from outgate.policy.access_model import AccessPolicy
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio.authorization import translate
from outgate.policy.model import Gate
from outgate.problems import Severity

GATE = Gate(namespace="prod", labels=(("app", "web"),))
ENVELOPE = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy"}


def translated(text: str, gate: Gate = GATE) -> Contribution:
    contribution = Contribution()
    translate(documents.parse(textwrap.dedent(text), "authz.yaml"), Setting(gate=gate), contribution)
    return contribution


def of(spec: object, gate: Gate = GATE, **metadata: object) -> Contribution:
    """A policy of the gate's own namespace, or as `metadata` says."""
    given = {"name": "p", "namespace": "prod"} | metadata
    return translated(yaml.safe_dump(ENVELOPE | {"metadata": given, "spec": spec}), gate)


def one(spec: object, gate: Gate = GATE, **metadata: object) -> AccessPolicy:
    """The one policy of a document without any problem."""
    contribution = of(spec, gate, **metadata)
    assert [str(problem) for problem in contribution.problems] == []
    (policy,) = contribution.access
    return policy


def faults(contribution: Contribution) -> list[str]:
    """Fields with an error."""
    return [problem.field for problem in contribution.problems if problem.severity is Severity.ERROR]


def source(**fields: object) -> dict[str, object]:
    return {"rules": [{"from": [{"source": fields}]}]}


def operation(**fields: object) -> dict[str, object]:
    return {"rules": [{"to": [{"operation": fields}]}]}


def when(key: str, **fields: object) -> dict[str, object]:
    return {"rules": [{"when": [{"key": key} | fields]}]}
