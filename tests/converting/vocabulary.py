"""What the documents that are drawn here have in common: the vocabulary of `policy.strategies`, and its forms."""

from __future__ import annotations

from hypothesis import strategies as st

from policy.strategies import NAMESPACES

type Tree = dict[str, object]

HOSTS = ("a.example", "b.x.example", "api.test", "x1.y.x.example", "example")
WILD = ("*.x.example", "*.test")
NETWORKS = ("192.0.2.0/24", "93.184.216.34/32", "10.1.0.0/16")
SPACES = st.sampled_from(NAMESPACES)
TIMES = st.sampled_from(("1s", "250ms", "3s"))


def some(values: tuple[object, ...], least: int = 1, most: int = 2) -> st.SearchStrategy[list[object]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True)


def maybe(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[Tree]:
    """Each of the fields, or not."""
    return st.fixed_dictionaries({}, optional=fields)


def document(version: str, kind: str, name: str, namespace: str, spec: Tree) -> Tree:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
