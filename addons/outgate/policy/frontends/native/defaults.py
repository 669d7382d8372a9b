"""`EgressDefaults`: what holds for the gate as a whole.

Owns the kind's shape and its translation. Two documents that disagree are found where all of them are merged.
"""

from __future__ import annotations

from outgate.policy.frontends import Contribution, Override
from outgate.policy.frontends.native.resource import Resource
from outgate.policy.frontends.native.shapes import Cidr, Host, Nat64
from outgate.policy.model import Forwarding, IdentityMapping, Import, Intercept, Mode, Scope, Via
from outgate.policy.paths import NORMALIZATIONS
from outgate.policy.schema import Boolean, Choice, Field, Fields, Integer, Mapping, Record, Sequence, Text

IDENTITY = Fields(
    {
        "uids": Field(Sequence(Integer(0), least=1)),
        "addresses": Field(Sequence(Cidr(), least=1)),
        "namespace": Field(Text(empty=False), required=True),
        "serviceAccount": Field(Text(empty=False), required=True),
        "labels": Field(Mapping(Text())),
    }
)

FORWARDING = Fields(
    {
        "hosts": Field(Sequence(Host(), least=1)),
        "addresses": Field(Sequence(Cidr(), least=1)),
        "via": Field(Choice(tuple(Via), fold=True), required=True),
    }
)
IMPORT = Fields(
    {
        "namespace": Field(Text(empty=False)),
        "host": Field(Host()),
        "excluded": Field(Boolean()),
    }
)
SCOPE = Fields(
    {
        "namespace": Field(Text(empty=False)),
        "labels": Field(Mapping(Text())),
        "mode": Field(Choice(tuple(Mode), fold=True)),
        "imports": Field(Sequence(IMPORT)),
    }
)

SPEC = Fields(
    {
        "mode": Field(Choice(tuple(Mode), fold=True)),
        "denyStatus": Field(Integer(400, 599)),
        "internal": Field(Fields({"hosts": Field(Sequence(Host())), "networks": Field(Sequence(Cidr()))})),
        "tunnelHosts": Field(Choice(("sni", "istio"), fold=True)),
        "unregisteredTLS": Field(Choice(tuple(Intercept), fold=True)),
        "trustDomain": Field(Text(empty=False)),
        "trustDomainAliases": Field(Sequence(Text(empty=False))),
        "pathNormalization": Field(Choice(NORMALIZATIONS, fold=True)),
        "identities": Field(Sequence(IDENTITY)),
        "nat64": Field(Sequence(Nat64())),
        "forwarding": Field(Sequence(FORWARDING)),
        "scopes": Field(Sequence(SCOPE, least=1)),
    }
)

SCALARS = {
    "mode": ("mode", Mode),
    "denyStatus": ("deny_status", int),
    "tunnelHosts": ("tunnel_hosts", str),
    "unregisteredTLS": ("unregistered_tls", Intercept),
    "trustDomain": ("trust_domain", str),
    "trustDomainAliases": ("trust_domain_aliases", tuple),
    "pathNormalization": ("path_normalization", str),
    "nat64": ("nat64", tuple),
}
"""Field of the document -> field of `Defaults`, and its type."""


def translate(resource: Resource, spec: Record, into: Contribution) -> None:
    """Adds what one document says."""
    for name, (target, kind) in SCALARS.items():
        if name in spec:
            _say(resource, spec, name, target, kind(spec.get(name)), into)
    if "identities" in spec:
        mappings = tuple(_mapping(resource, record) for record in spec.get("identities"))
        _say(resource, spec, "identities", "identities", mappings, into)
    if "forwarding" in spec:
        rules = tuple(_forwarding(resource, record) for record in spec.get("forwarding"))
        _say(resource, spec, "forwarding", "forwarding", rules, into)
    into.scopes += [_scope(resource, record) for record in spec.get("scopes", ())]
    if (internal := spec.get("internal")) is not None:
        for name in ("hosts", "networks"):
            if name in internal:
                _say(resource, internal, name, f"internal_{name}", tuple(internal.get(name)), into)


def _scope(resource: Resource, record: Record) -> Scope:
    """What some callers see: everything that is exported to them, unless it lists imports."""
    imports = tuple(
        Import(each.get("namespace", "*"), each.get("host", "*"), each.get("excluded", False))
        for each in record.get("imports", ())
    )
    return Scope(
        record.get("namespace", ""),
        tuple(sorted(record.get("labels", {}).items())),
        Mode(record.get("mode")) if "mode" in record else None,
        imports if "imports" in record else None,
        resource.source(record.path, record.where),
    )


def _mapping(resource: Resource, record: Record) -> IdentityMapping:
    if "uids" not in record and "addresses" not in record:
        resource.reading.error(
            record.where, record.path, "says whose identity this is, and not who has it", "give uids or addresses"
        )
    return IdentityMapping(
        record.get("namespace", ""),
        record.get("serviceAccount", ""),
        tuple(record.get("uids", ())),
        tuple(record.get("addresses", ())),
        tuple(sorted(record.get("labels", {}).items())),
        resource.source(record.path, record.where),
    )


def _forwarding(resource: Resource, record: Record) -> Forwarding:
    return Forwarding(
        Via(record.get("via", Via.DIRECT)),
        tuple(record.get("hosts", ())),
        tuple(record.get("addresses", ())),
        resource.source(record.path, record.where),
    )


def _say(resource: Resource, record: Record, name: str, target: str, value: object, into: Contribution) -> None:
    source = resource.source(record.under(name), record.at(name))
    into.defaults.setdefault(target, []).append(Override(value, source))
