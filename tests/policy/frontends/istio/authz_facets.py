"""Policies and their filters taken apart: one condition on one side, the matcher that Istio made of it on the other.

A rule that names everything is hardly ever met as a whole, and says little about any of its parts. Istio writes the
matchers of a rule in a fixed order, so each can be found by its place.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

# In the order in which Istio writes them: of the permissions, then of the principals.
OPERATION = ("hosts", "methods", "paths", "ports")
SOURCE = (
    "principals",
    "requestPrincipals",
    "namespaces",
    "serviceAccounts",
    "trustDomains",
    "remoteIpBlocks",
    "ipBlocks",
)
OF_PERMISSIONS = ("destination.", "connection.", "experimental.")

HTTP_ONLY = ("hosts", "methods", "paths", "requestPrincipals", "request.")
UNKNOWABLE = ("requestPrincipals", "request.auth.", "experimental.")

type Tree = Mapping[str, Any]


class Facet(NamedTuple):
    """A policy with one condition, and the filter it would be."""

    name: str
    spec: Tree
    filters: list[Tree]


class Condition(NamedTuple):
    name: str
    negated: bool
    values: list[str]
    rule: Tree
    """The rule that has this condition alone."""


def facets(documents: list[Tree], filters: list[Tree], *, tcp: bool) -> Iterator[Facet]:
    """Every condition that the gate can know, with all of its values and then without `*`, which hides the others."""
    for document in documents:
        spec, meta = document.get("spec") or {}, document["metadata"]
        for number, rule in enumerate(spec.get("rules") or []):
            key = f"ns[{meta['namespace']}]-policy[{meta['name']}]-rule[{number}]"
            action, policy = _policy(filters, key)
            if policy is not None:
                for condition, permission, matcher in _paired(rule, policy, tcp=tcp):
                    yield from _both(f"{key} {condition.name}", action, condition, matcher, permission=permission)


def _policy(filters: list[Tree], key: str) -> tuple[str, Tree | None]:
    for config in (entry["typedConfig"] for entry in filters):
        for rules in (config.get("rules"), config.get("shadowRules")):
            if rules and key in rules.get("policies", {}):
                return rules.get("action", "ALLOW"), rules["policies"][key]
    return "", None


def _paired(rule: Tree, policy: Tree, *, tcp: bool) -> Iterator[tuple[Condition, bool, Tree]]:
    for part, inner, table, permission in (("to", "operation", OPERATION, True), ("from", "source", SOURCE, False)):
        kind, junction, items = ("permissions", "andRules", "rules") if permission else ("principals", "andIds", "ids")
        for entry, compiled in zip(rule.get(part) or [{inner: {}}], policy[kind], strict=True):
            if junction not in compiled:
                continue
            conditions = [
                condition
                for condition in _conditions(entry[inner], rule, part, inner, table, permission=permission)
                if not (tcp and condition.name.startswith(HTTP_ONLY))
            ]
            matchers = [one for one in compiled[junction][items] if one != {"any": True}]
            for condition, matcher in zip(conditions, matchers, strict=True):
                if not condition.name.startswith(UNKNOWABLE):
                    yield condition, permission, matcher


def _conditions(
    entry: Tree, rule: Tree, part: str, inner: str, table: tuple[str, ...], *, permission: bool
) -> Iterator[Condition]:
    for name in table:
        for field, negated in ((name, False), (f"not{name[0].upper()}{name[1:]}", True)):
            if entry.get(field):
                yield Condition(name, negated, entry[field], {part: [{inner: {field: entry[field]}}]})
    for when in rule.get("when") or []:
        if when["key"].startswith(OF_PERMISSIONS) is permission:
            for field, negated in (("values", False), ("notValues", True)):
                if when.get(field):
                    alone = {"when": [{"key": when["key"], field: when[field]}]}
                    yield Condition(when["key"], negated, when[field], alone)


def _both(name: str, action: str, condition: Condition, matcher: Tree, *, permission: bool) -> Iterator[Facet]:
    yield _facet(name, action, condition.rule, matcher, permission=permission)
    kept = [index for index, value in enumerate(condition.values) if value != "*"]
    if 0 < len(kept) < len(condition.values):
        yield _facet(
            f"{name} without *", action, _without_star(condition.rule), _thinned(matcher, kept), permission=permission
        )


def _without_star(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _without_star(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without_star(value) for value in tree if value != "*"]
    return tree


def _thinned(matcher: Tree, kept: list[int]) -> Tree:
    """A matcher with some of its alternatives."""
    ((kind, value),) = matcher.items()
    if kind in ("notRule", "notId"):
        return {kind: _thinned(value, kept)}
    ((items, alternatives),) = value.items()
    return {kind: {items: [alternatives[index] for index in kept]}}


def _facet(name: str, action: str, rule: Tree, matcher: Tree, *, permission: bool) -> Facet:
    anything = {"any": True}
    policy = {
        "permissions": [matcher if permission else anything],
        "principals": [anything if permission else matcher],
    }
    rules = {"action": action, "policies": {"only": policy}}
    spec_action = {"LOG": "AUDIT"}.get(action, action)
    return Facet(name, {"action": spec_action, "rules": [rule]}, [{"typedConfig": {"rules": rules}}])
