"""The fields of an AuthorizationPolicy: who, what and when, and the attribute that each looks at.

Owns shapes, the values that fields may have, and the table from field to attribute. What needs two fields at once, and
what a policy comes to, is `authorization.py`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.documents import Node
from outgate.policy.frontends.istio.common import NETWORK, Checked, Labels
from outgate.policy.frontends.istio.resource import envelope
from outgate.policy.matching import is_template, template_problem
from outgate.policy.model import Fate
from outgate.policy.principals import SCHEME
from outgate.policy.schema import Choice, Field, Fields, Reading, Record, Sequence, Shape, Text

MAX_ACCOUNTS = 16
MAX_TARGETS = 16
MAX_PORT = 65535

TOKENS = "the gate verifies no tokens: an ALLOW rule never matches by it, a DENY rule always does"
FILTERS = "the gate has no Envoy filters: an ALLOW rule never matches by it, a DENY rule always does"
REMOTE = "the caller's own address: a header that a workload sends does not say who it is"
DIALLED = "what will be dialled: not known where the gate resolves a name, so no ALLOW goes by it and a DENY denies"

BRACKETED = re.compile(r"(request\.headers|request\.auth\.claims)((?:\[[^\[\]]+\])+)")
FILTER = re.compile(r"experimental\.envoy\.filters\.[^\[\]]+\[[^\[\]]+\]")
ELSEWHERE = {
    "destination.namespace": "the policy's own namespace says it",
    "destination.labels": "the policy's selector says it",
    "destination.name": "the policy's selector says it",
    "destination.user": "the policy's selector says it",
}


def account_fault(text: str) -> str:
    if "*" in text:
        return "has a wildcard; service accounts are named in full"
    parts = text.split("/")
    return "" if len(parts) <= 2 and all(parts) else "is not ACCOUNT or NAMESPACE/ACCOUNT"


def port_fault(text: str) -> str:
    digits = text.isascii() and text.isdecimal()
    return "" if digits and len(text) <= 10 and int(text) <= MAX_PORT else f"is not a port, 0 to {MAX_PORT}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A string match. Warns of what is legal and matches otherwise than it looks. `glob`: every `*` is a wildcard."""

    glob: bool = False
    principal: bool = False

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        text: str | None = Text(empty=False).read(node, path, reading)
        if text is not None and not self.glob and "*" in _inner(text):
            reading.warn(
                node.where,
                path,
                f'"{text}" has a "*" that stands for itself',
                'only one "*", at the start or at the end, is a wildcard',
            )
        if text is not None and self.principal and text.startswith(SCHEME):
            reading.warn(node.where, path, f'"{text}" is read without "{SCHEME}"', "write the principal without it")
        return text


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A string match or a path template."""

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        if not isinstance(node.data, str) or not is_template(node.data):
            return Pattern().read(node, path, reading)
        if problem := template_problem(node.data):
            reading.error(node.where, path, f'"{node.data}": {problem}', 'write "/users/{*}/files/{**}"')
            return None
        return node.data


def _inner(text: str) -> str:
    """What is left of a pattern without its one wildcard."""
    return text[1:] if text.startswith("*") else text.removesuffix("*")


class Look(NamedTuple):
    """What a field looks at, and how its values are written."""

    attribute: Attribute
    value: Shape
    key: str = ""
    note: str = ""
    """How the gate's reading differs from Istio's; empty where it does not."""

    def field(self, most: int = 0) -> Field:
        fate = Fate.APPROXIMATED if self.note else Fate.APPLIED
        return Field(Sequence(self.value, most=most), fate=fate, note=self.note)

    def condition(self, values: list[str], *, negated: bool) -> Condition:
        return Condition(self.attribute, tuple(values), self.key, negated)


ACCOUNT = Checked(account_fault, 'write "name" or "namespace/name"', 320)
PORT = Checked(port_fault, 'write "443"')

SOURCES = {
    "principals": Look(Attribute.PRINCIPAL, Pattern(principal=True)),
    "requestPrincipals": Look(Attribute.REQUEST_PRINCIPAL, Pattern(), note=TOKENS),
    "namespaces": Look(Attribute.NAMESPACE, Pattern(glob=True)),
    "serviceAccounts": Look(Attribute.SERVICE_ACCOUNT, ACCOUNT),
    "ipBlocks": Look(Attribute.SOURCE_IP, NETWORK),
    "remoteIpBlocks": Look(Attribute.REMOTE_IP, NETWORK, note=REMOTE),
    "trustDomains": Look(Attribute.TRUST_DOMAIN, Pattern(glob=True)),
}
OPERATIONS = {
    "hosts": Look(Attribute.HOST, Pattern()),
    "ports": Look(Attribute.PORT, PORT),
    "methods": Look(Attribute.METHOD, Pattern()),
    "paths": Look(Attribute.PATH, PathPattern()),
}
KEYS = {
    "source.ip": SOURCES["ipBlocks"],
    "remote.ip": SOURCES["remoteIpBlocks"],
    "source.namespace": SOURCES["namespaces"],
    "source.principal": SOURCES["principals"],
    "source.serviceAccount": SOURCES["serviceAccounts"],
    "source.trustDomain": SOURCES["trustDomains"],
    "request.auth.principal": SOURCES["requestPrincipals"],
    "request.auth.audiences": Look(Attribute.REQUEST_CLAIM, Pattern(), "aud", TOKENS),
    "request.auth.presenter": Look(Attribute.REQUEST_CLAIM, Pattern(), "azp", TOKENS),
    "destination.ip": Look(Attribute.DESTINATION_IP, NETWORK, note=DIALLED),
    "destination.port": OPERATIONS["ports"],
    "connection.sni": Look(Attribute.SNI, Pattern()),
}
"""The keys of `when`, but for those with a name in brackets."""


def negation(name: str) -> str:
    """The field for the opposite: `notHosts` for `hosts`."""
    return f"not{name[0].upper()}{name[1:]}"


def look(key: str) -> Look | None:
    """What a key of `when` looks at; None for a key that is not known."""
    if found := KEYS.get(key):
        return found
    if FILTER.fullmatch(key):
        return Look(Attribute.METADATA, Pattern(), key.removeprefix("experimental."), FILTERS)
    if not (match := BRACKETED.fullmatch(key)):
        return None
    names = match[2][1:-1].lower().split("][")
    if match[1] == "request.auth.claims":
        return Look(Attribute.REQUEST_CLAIM, Pattern(), ".".join(names), TOKENS)
    return Look(Attribute.HEADER, Pattern(), names[0]) if len(names) == 1 else None


@dataclass(frozen=True, slots=True)
class When:
    """One entry of `when`: the key says how the values are written."""

    def read(self, node: Node, path: str, reading: Reading) -> Record | None:
        key = node.text("key")
        found = look(key)
        if key and found is None:
            self._unknown(key, node, path, reading)
            return None
        values = (found or Look(Attribute.HEADER, Text())).field()
        fields = {"key": Field(Text(empty=False), required=True), "values": values, "notValues": values}
        known = len(reading.problems)
        record = Fields(fields, snake=True).read(node, path, reading)
        if len(reading.problems) == known and record and not record.get("values") and not record.get("notValues"):
            reading.error(node.where, path, f'"{key}" is compared with nothing', 'give "values" or "notValues"')
        return record

    def _unknown(self, key: str, node: Node, path: str, reading: Reading) -> None:
        known = f"known: {', '.join(KEYS)}, request.headers[name], request.auth.claims[name]"
        hint = ELSEWHERE.get(key.partition("[")[0], known)
        reading.error(node.mapping["key"].where, f"{path}.key", f'"{key}" is not a known key', hint)


def _both(table: dict[str, Look]) -> dict[str, Field]:
    fields = {}
    for name, found in table.items():
        most = MAX_ACCOUNTS if name == "serviceAccounts" else 0
        fields[name] = fields[negation(name)] = found.field(most)
    return fields


def _one(name: str, table: dict[str, Look]) -> Shape:
    """An entry of `from` or `to`: one mapping under one name."""
    return Fields({name: Field(Fields(_both(table), snake=True), required=True)}, snake=True)


TARGET = Fields({"kind": Field(Text()), "group": Field(Text()), "name": Field(Text()), "namespace": Field(Text())})
RULE = Fields(
    {
        "from": Field(Sequence(_one("source", SOURCES), least=1)),
        "to": Field(Sequence(_one("operation", OPERATIONS), least=1)),
        "when": Field(Sequence(When())),
    },
    snake=True,
)
SPEC = Fields(
    {
        "selector": Field(Fields({"matchLabels": Field(Labels(selector=True))}, snake=True)),
        "targetRef": Field(TARGET),
        "targetRefs": Field(Sequence(TARGET, most=MAX_TARGETS)),
        "action": Field(Choice(("ALLOW", "DENY", "AUDIT", "CUSTOM"))),
        "provider": Field(Fields({"name": Field(Text())})),
        "rules": Field(Sequence(RULE)),
    },
    snake=True,
)
SHAPE = envelope(Field(SPEC), annotations=Fate.APPLIED)
