"""Names of workloads: the parts of a principal, and one principal under every name of its trust domain.

A principal is `TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, the SPIFFE identity without its scheme. Owns that text and
nothing else: who a caller is has been established by others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SCHEME = "spiffe://"
LOCAL = "cluster.local"
"""Stands for the mesh's own trust domain in a policy, whatever that is called."""
PARTS = 5


@dataclass(frozen=True, slots=True)
class Name:
    """What a principal says. Empty: it does not say."""

    trust_domain: str
    namespace: str
    account: str


def parse(principal: str) -> Name:
    """The parts of a principal. Further `/key/value` pairs, which SPIFFE allows, are passed over; those that repeat a
    part, too."""
    domain, *rest = principal.removeprefix(SCHEME).split("/")
    pairs = dict(reversed(list(zip(rest[::2], rest[1::2], strict=False))))
    return Name(domain, pairs.get("ns", ""), pairs.get("sa", ""))


def compose(trust_domain: str, namespace: str, account: str) -> str:
    """The principal of an account, or nothing where a part is missing."""
    return f"{trust_domain}/ns/{namespace}/sa/{account}" if trust_domain and namespace and account else ""


def aliased(values: Iterable[str], domains: Sequence[str]) -> tuple[str, ...]:
    """Principals of a policy under all names of the local trust domain. `domains` is its name, then its aliases.

    A value that names one of them, or `cluster.local`, is repeated under each. A wildcard in the trust domain stays as
    it is for the names it covers. Values that name no trust domain (`*`, `*/ns/...`) and foreign ones are kept.
    """
    return tuple(dict.fromkeys(name for value in values for name in _aliased(value, domains)))


def same_domains(values: Iterable[str], domains: Sequence[str]) -> tuple[str, ...]:
    """Trust domains of a policy: the name of the local one, or an alias of it, stands for all of its names."""
    spread = (domains if value in domains else (value,) for value in values)
    return tuple(dict.fromkeys(name for names in spread for name in names))


def _aliased(value: str, domains: Sequence[str]) -> Iterable[str]:
    domain, _, rest = value.partition("/")
    if domain == "*" or value.count("/") != PARTS - 1:
        return (value,)
    if domain != LOCAL and not any(_overlap(domain, name) for name in domains):
        return (value,)
    return [value if _ends(name, domain) else f"{name}/{rest}" for name in domains]


def _overlap(left: str, right: str) -> bool:
    """Whether the two are one name, or one is a pattern that covers the other."""
    return left == right or any(
        _ends(text, pattern) or _starts(text, pattern) for text, pattern in ((left, right), (right, left))
    )


def _ends(text: str, pattern: str) -> bool:
    return pattern.startswith("*") and text.endswith(pattern[1:])


def _starts(text: str, pattern: str) -> bool:
    return pattern.endswith("*") and text.startswith(pattern[:-1])
