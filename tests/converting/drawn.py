"""Random documents of each mesh, over the vocabulary of `policy.strategies`, so that they meet its attempts.

`documents(mesh)` draws the YAML of a few of them. They are mostly valid: what a load refuses says nothing here.
"""

from __future__ import annotations

from collections.abc import Callable

import yaml
from hypothesis import strategies as st

from converting import drawn_istio, drawn_kuma, drawn_linkerd, drawn_osm
from converting.vocabulary import Tree

type Drawn = st.SearchStrategy[list[Tree]]

SAYING_MODE = {"osm", "kuma"}
"""Meshes whose own documents say what becomes of what is not registered."""


def numbered(make: Callable[[int], st.SearchStrategy[Tree]], most: int, least: int = 0) -> Drawn:
    return st.integers(least, most).flatmap(lambda count: st.tuples(*map(make, range(count))).map(list))


@st.composite
def joined(draw: st.DrawFn, *parts: Drawn) -> list[Tree]:
    return [each for part in parts for each in draw(part)]


def mode(name: str) -> list[Tree]:
    metadata = {"name": "d"}
    return [
        {"apiVersion": "outgate.dev/v1alpha1", "kind": "EgressDefaults", "metadata": metadata, "spec": {"mode": name}}
    ]


NATIVE_MODE: Drawn = st.one_of(st.just([]), st.sampled_from(("REGISTRY_ONLY", "ALLOW_ANY", "OBSERVE")).map(mode))
MESHES: dict[str, Callable[[bool], Drawn]] = {
    "istio": lambda _: joined(
        numbered(drawn_istio.service_entry, 3, 1),
        numbered(drawn_istio.destination_rule, 2),
        numbered(drawn_istio.virtual_service, 2),
        numbered(drawn_istio.authorization, 2),
        numbered(drawn_istio.sidecar, 2),
    ),
    "osm": lambda opened: joined(
        st.just([drawn_osm.mesh_config(opened), *drawn_osm.shared()]), numbered(drawn_osm.egress, 3, 1)
    ),
    "linkerd": lambda _: joined(numbered(drawn_linkerd.network, 2, 1), numbered(drawn_linkerd.bound_route, 3)),
    "kuma": lambda opened: joined(
        drawn_kuma.mesh(opened), numbered(drawn_kuma.external, 2, 1), numbered(drawn_kuma.policy, 4)
    ),
}
"""By mesh, and by whether everything is open that is not registered."""


def documents(*meshes: str) -> st.SearchStrategy[str]:
    """Of some meshes together, in YAML; with the mode in a native document, sometimes, where none of them says it."""
    own = st.just([]) if SAYING_MODE & set(meshes) else NATIVE_MODE
    return st.booleans().flatmap(
        lambda opened: joined(*(MESHES[mesh](opened) for mesh in meshes), own).map(
            lambda found: yaml.safe_dump_all(found, sort_keys=False)
        )
    )
