"""EgressGateway: which gateways osm-edge sends egress through.

Owns the shape, and what is said of it: the gate stands for the sidecar and for its gateways at once, so that all of it
leaves from here.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.osm.resource import Resource, read
from outgate.policy.model import Fate
from outgate.policy.schema import Field, Fields, Integer, Sequence, Text
from outgate.problems import Problem, Severity

GROUPS = ("policy.openservicemesh.io", "policy.flomesh.io")
HERE = "the gate stands for its gateways: this leaves from it"
NAME = Field(Text(empty=False), required=True)
BY_NAME = Fields({"name": NAME, "namespace": NAME})
GATEWAYS = Field(
    Sequence(Fields({"service": NAME, "namespace": NAME, "weight": Field(Integer(0, 2**31 - 1))})),
    fate=Fate.APPROXIMATED,
    note=HERE,
)
RULE = Fields(
    {
        "name": Field(Text(), fate=Fate.IGNORED, note="a name for people"),
        "egressPolicies": Field(Sequence(BY_NAME), fate=Fate.APPROXIMATED, note=HERE),
        "egressGateways": GATEWAYS,
    }
)
OBJECT = Fields({"apiGroup": Field(Text()), "kind": NAME, "name": NAME})
SPEC = Fields(
    {
        "global": GATEWAYS,
        "rules": Field(Sequence(RULE)),
        "matches": Field(Sequence(OBJECT), fate=Fate.IGNORED, note="of settings towards gateways within the mesh"),
    }
)


def egress_gateways(
    documents: Iterable[Document], egresses: Iterable[Resource], setting: Setting, made: Contribution
) -> None:
    """Reads them all. Rules about an Egress that is not there are warned of."""
    known = {(one.namespace, one.name) for one in egresses}
    for document in documents:
        resource = read(document, SPEC, setting, made)
        if resource is None:
            continue
        made.problems += resource.reading.problems
        for rule in resource.spec.get("rules", []):
            for policy in rule.get("egressPolicies", []):
                named = (policy.get("namespace"), policy.get("name"))
                if named not in known:
                    what = f"{policy.path}: there is no Egress {'/'.join(named)}"
                    made.problems.append(
                        Problem(policy.where, what, "add it, or correct the reference", Severity.WARNING, policy.path)
                    )
