"""How Istio compares host names with wildcards.

Owns containment, overlap and specificity of names as they stand in documents: any case, `*`, `*.suffix`, `*suffix`.
"""

from __future__ import annotations


def subset_of(name: str, wider: str) -> bool:
    """Whether everything that one name stands for is within another."""
    name, wider = name.lower().removesuffix("."), wider.lower().removesuffix(".")
    if not wider.startswith("*"):
        return name == wider
    return name.removeprefix("*").endswith(wider[1:])


def overlap(one: str, other: str) -> bool:
    """Whether two names have a host in common."""
    return subset_of(one, other) or subset_of(other, one)


def weight(name: str) -> int:
    """How specific a name is: an exact one above every wildcard, longer wildcards above shorter ones."""
    return 1000 + len(name) if not name.startswith("*") else len(name)
