"""How Istio compares host names with wildcards.

Owns containment, overlap and specificity of names as they stand in documents: any case, `*`, `*.suffix`, `*suffix`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def subset_of(name: str, wider: str) -> bool:
    """Whether everything that one name stands for is within another."""
    name, wider = _plain(name), _plain(wider)
    if not wider.startswith("*"):
        return name == wider
    return name.removeprefix("*").endswith(wider[1:])


def overlap(one: str, other: str) -> bool:
    """Whether two names have a host in common."""
    return subset_of(one, other) or subset_of(other, one)


def weight(name: str) -> int:
    """How specific a name is: an exact one above every wildcard, longer wildcards above shorter ones."""
    return 1000 + len(name) if not name.startswith("*") else len(name)


class Names[Value]:
    """Values by the names that they are for, found at a cost that does not grow with their number."""

    def __init__(self, pairs: Iterable[tuple[str, Value]]) -> None:
        self._named: dict[str, list[tuple[int, Value]]] = {}
        self._partial: list[tuple[str, int, Value]] = []
        for order, (name, value) in enumerate(pairs):
            plain = _plain(name)
            if plain.startswith("*") and plain != "*" and not plain.startswith("*."):
                self._partial.append((plain, order, value))
            else:
                self._named.setdefault(plain, []).append((order, value))

    def covering(self, host: str) -> list[Value]:
        """Every value with a name that covers all of a host pattern, once, in the order in which they were given."""
        found = [pair for key in _keys(_plain(host)) for pair in self._named.get(key, ())]
        found += [(order, value) for name, order, value in self._partial if subset_of(host, name)]
        return list({id(value): value for _, value in sorted(found, key=lambda pair: pair[0])}.values())


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _keys(host: str) -> Iterator[str]:
    yield host
    start = host.find(".", 2 if host.startswith("*.") else 0)
    while start >= 0:
        yield f"*{host[start:]}"
        start = host.find(".", start + 1)
    if host != "*":
        yield "*"
