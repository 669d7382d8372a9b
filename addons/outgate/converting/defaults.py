"""What holds for the gate as a whole, and what its callers see, as `EgressDefaults`.

Owns the fields of that kind. What nobody has said is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.converting.naming import Names
from outgate.converting.values import Content, given
from outgate.converting.writing import Written, written
from outgate.policy.model import Defaults, Forwarding, IdentityMapping, Import, Scope, Source

KIND = "EgressDefaults"
SCALARS = {
    "denyStatus": "deny_status",
    "tunnelHosts": "tunnel_hosts",
    "unregisteredTLS": "unregistered_tls",
    "trustDomain": "trust_domain",
    "pathNormalization": "path_normalization",
}


def documents(said: Defaults, scopes: tuple[Scope, ...], namespace: str, names: Names) -> Iterator[Written]:
    """One, or none where nothing is said."""
    spec: Content = {} if said.mode_source is None else {"mode": str(said.mode)}
    for name, field in SCALARS.items():
        value = getattr(said, field)
        if value != getattr(Defaults(), field):
            spec[name] = value if isinstance(value, int) else str(value)
    internal = {"hosts": list(said.internal_hosts), "networks": list(map(str, said.internal_networks))}
    spec |= given(
        {
            "internal": given(internal),
            "trustDomainAliases": list(said.trust_domain_aliases),
            "identities": [_identity(each) for each in said.identities],
            "nat64": list(map(str, said.nat64)),
            "forwarding": [_forwarding(each) for each in said.forwarding],
            "scopes": [_scope(each) for each in scopes],
        }
    )
    more: tuple[IdentityMapping | Forwarding | Scope, ...] = (*said.identities, *said.forwarding, *scopes)
    sources = [said.mode_source, said.source, *(each.source for each in more)]
    if spec:
        owner = said.mode_source or said.source
        own = owner.namespace if owner is not None and owner.kind == KIND else namespace
        yield written(KIND, own, names.free(KIND, own, _name(sources)), spec, sources)


def _name(sources: list[Source | None]) -> str:
    """As it is called already, else as everybody calls it."""
    return next((each.name for each in sources if each is not None and each.kind == KIND), "defaults")


def _identity(said: IdentityMapping) -> Content:
    made = given({"uids": list(said.uids), "addresses": list(map(str, said.networks))})
    made |= {"namespace": said.namespace, "serviceAccount": said.service_account}
    return made | given({"labels": dict(said.labels)})


def _forwarding(said: Forwarding) -> Content:
    made = given({"hosts": list(said.hosts), "addresses": list(map(str, said.networks))})
    return made | {"via": str(said.via)}


def _scope(said: Scope) -> Content:
    made = given({"namespace": said.namespace, "labels": dict(said.labels)})
    made |= given({"mode": str(said.mode) if said.mode is not None else None})
    return made if said.imports is None else made | {"imports": [_import(each) for each in said.imports]}


def _import(said: Import) -> Content:
    return {"namespace": said.namespace, "host": said.host} | given({"excluded": said.excluded})
