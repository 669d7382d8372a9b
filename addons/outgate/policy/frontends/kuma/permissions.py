"""MeshTrafficPermission: who may use what is outside.

Owns the conf's shape, its checks, and the access policies that it comes to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from outgate.policy.access_model import AccessPolicy, AccessRule, Action
from outgate.policy.frontends.kuma import inbound
from outgate.policy.frontends.kuma.callers import Caller, of_identity
from outgate.policy.frontends.kuma.dialect import Dialect
from outgate.policy.frontends.kuma.entries import Entry, Kind, check_sni, check_spiffe
from outgate.policy.frontends.kuma.external_service import ExternalService
from outgate.policy.frontends.kuma.mesh import Mesh
from outgate.policy.frontends.kuma.policies import Policies, about
from outgate.policy.frontends.kuma.shapes import OneOf
from outgate.policy.model import Source
from outgate.policy.schema import Field, Fields, Reading, Record, Sequence, Text

ACTIONS = ("Allow", "Deny", "AllowWithShadowDeny")
IDENTITY = Fields({"type": Field(Text()), "value": Field(Text())})
MATCHES = Field(Sequence(Fields({"spiffeID": Field(IDENTITY), "sni": Field(IDENTITY)})))
LISTS = ("deny", "allowWithShadowDeny", "allow")
CONF = Fields({"action": Field(OneOf("action", ACTIONS)), **dict.fromkeys(LISTS, MATCHES)})


def access(policies: Policies, service: ExternalService, mesh: Mesh | None) -> Iterator[AccessPolicy]:
    """What the permissions about a destination allow, and nobody else; without any, what its mesh says. Raises
    `TooManyError`."""
    forbids = mesh.forbids if mesh is not None else service.resource.dialect is Dialect.V3_0
    entries = policies.use(
        entry
        for entry in policies.entries.get(KIND.name, [])
        if about(entry, service.resource) and (forbids or _named(entry, service))
    )
    target = (f"{service.resource.kind}/{service.resource.namespace}/{service.resource.name}",)
    if not entries:
        if forbids:
            by = mesh.resource.source("routing.defaultForbidMeshExternalServiceAccess") if mesh is not None else None
            yield AccessPolicy(Action.ALLOW, (), by or service.resource.source(), targets=target)
        return
    found = inbound.said([entry for entry in entries if entry.side == "from"], service)
    rules = [entry for entry in entries if entry.side == "rules"]
    allowed = _rules(found, ("Allow", "AllowWithShadowDeny")) + _listed(rules, LISTS[1:], service)
    source = entries[-1].source
    yield from _policy(Action.DENY, _listed(rules, LISTS[:1], service), source, target)
    yield AccessPolicy(Action.ALLOW, tuple(allowed), source, targets=target)
    shadow = _rules(found, ("AllowWithShadowDeny",)) + _listed(rules, LISTS[1:2], service)
    yield from _policy(Action.DENY, shadow, source, target, shadow=True)


def _named(entry: Entry, service: ExternalService) -> bool:
    if inbound.is_outside(entry, service):
        return True
    lists = [match for name in LISTS for match in entry.conf.get(name, [])]
    return any("sni" in match and inbound.meant_by_sni(match.get("sni"), service) for match in lists)


def _policy(
    action: Action, rules: list[AccessRule], source: Source, target: tuple[str, ...], *, shadow: bool = False
) -> Iterator[AccessPolicy]:
    if rules:
        yield AccessPolicy(action, tuple(rules), source, shadow, target)


def _rules(found: Iterable[inbound.Said], actions: tuple[str, ...]) -> list[AccessRule]:
    return [
        _rule(caller, each.sources[0])
        for each in found
        if each.conf.get("action") in actions
        for caller in each.callers
    ]


def _listed(entries: Iterable[Entry], names: tuple[str, ...], service: ExternalService) -> list[AccessRule]:
    return [
        _rule(of_identity(match.get("spiffeID")), entry.source)
        for entry in entries
        for name in names
        for match in entry.conf.get(name, [])
        if inbound.meant_by_sni(match.get("sni"), service)
    ]


def _rule(caller: Caller, source: Source) -> AccessRule:
    return AccessRule(sources=(caller,) if caller else (), source=source)


def _check(conf: Record, reading: Reading) -> None:
    for name in LISTS:
        for match in conf.get(name, []):
            if "spiffeID" not in match and "sni" not in match:
                reading.error(match.where, match.path, "either spiffeID or sni must be set", "add one")
            check_spiffe(match.get("spiffeID"), reading)
            check_sni(match.get("sni"), reading)


def _check_item(entry: Entry) -> None:
    conf, reading = entry.conf, entry.resource.reading
    if entry.side == "from" and "action" not in conf.places:
        reading.error(conf.where, conf.under("action"), "must be defined", f"use one of {', '.join(ACTIONS)}")
    wrong = ("action",) if entry.side == "rules" else LISTS
    for name in wrong:
        if name in conf:
            reading.error(conf.at(name), conf.under(name), "unknown field", f"it is none of {entry.side}")
    if entry.side == "rules" and not any(name in conf.places for name in LISTS):
        what = f"at least one of {', '.join(LISTS)} has to be defined"
        reading.error(conf.where, conf.path, what, "add one")


KIND = Kind("MeshTrafficPermission", CONF, ("from", "rules"), _check, _check_item)
