"""Short ways to write access rules and attempts in tests."""

from collections.abc import Iterable

from outgate.policy.access_model import AccessLayer, AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.model import Attempt, AttemptKind, Identity, Source
from outgate.problems import Where

CALLER = Identity(principal="cluster.local/ns/prod/sa/web", address="10.0.0.7", how="test")
STRANGER = Identity()


def source(name: str, line: int = 1) -> Source:
    return Source(Where("policy.yaml", line, 1), "AuthorizationPolicy", name, "prod")


def isin(attribute: Attribute, *values: str, key: str = "") -> Condition:
    return Condition(attribute, values, key)


def notin(attribute: Attribute, *values: str, key: str = "") -> Condition:
    return Condition(attribute, values, key, negated=True)


def rule(
    *conditions: Condition, sources: Iterable[tuple[Condition, ...]] = (), operations=(), line: int = 0
) -> AccessRule:
    """A rule that asks for all `conditions`, one of `sources` and one of `operations`."""
    place = source(f"line {line}", line) if line else None
    return AccessRule(tuple(sources), tuple(operations), conditions, place)


def policy(action: Action, *rules: AccessRule, name: str = "", shadow: bool = False, targets=()) -> AccessPolicy:
    return AccessPolicy(action, rules, source(name or action.lower()), shadow, tuple(targets))


def layers(*policies: AccessPolicy) -> tuple[AccessLayer, ...]:
    """One mesh."""
    return (AccessLayer("istio", policies),)


def get(host: str = "api.example", path: str = "/", port: int = 80, **more) -> Attempt:
    """A plain GET as the gate sees it, its authority as a client writes it."""
    given = {"caller": CALLER, "method": "GET", "headers": {"host": host if port == 80 else f"{host}:{port}"}} | more
    return Attempt(AttemptKind.HTTP, port=port, host=host, path=path, **given)


def tunnel(sni: str | None = "api.example", port: int = 443, **more) -> Attempt:
    """TLS that is not opened."""
    given = {"caller": CALLER, "address": "192.0.2.7"} | more
    return Attempt(AttemptKind.TLS, port=port, host=sni, sni=sni, **given)


def raw(port: int = 5432, **more) -> Attempt:
    """Bytes."""
    given = {"caller": CALLER, "address": "192.0.2.7"} | more
    return Attempt(AttemptKind.TCP, port=port, **given)
