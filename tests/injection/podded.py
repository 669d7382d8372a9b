"""Pods for tests: one that has a bit of everything, and what chance makes of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

type Json = dict[str, Any]

PLAIN: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "plain", "labels": {"app": "plain"}},
    "spec": {"containers": [{"name": "main", "image": "registry.example/main:1"}]},
}
RICH: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "rich", "labels": {"app": "rich"}, "annotations": {"outgate.dev/dns": "true", "other": "x"}},
    "spec": {
        "os": {"name": "linux"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {"runAsUser": 1000},
        "restartPolicy": "Always",
        "initContainers": [{"name": "first", "env": [{"name": "A", "value": "b"}]}],
        "containers": [
            {
                "name": "main",
                "ports": [{"containerPort": 8080}],
                "env": [{"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                "envFrom": [{"secretRef": {"name": "s"}}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "securityContext": {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False},
            }
        ],
        "ephemeralContainers": [{"name": "debug", "targetContainerName": "main"}],
        "volumes": [{"name": "data", "projected": {"sources": [{"secret": {"name": "s"}}]}}],
    },
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 65536) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def pod(spec: Mapping[str, Any] | None = None, **metadata: Any) -> Json:
    """The plain one with more in its spec, and in its metadata."""
    made = copy.deepcopy(PLAIN)
    made["spec"] |= spec or {}
    made["metadata"] |= metadata
    return made


def container(**fields: Any) -> Json:
    """A pod whose one container has these."""
    return pod({"containers": [{"name": "main", **fields}]})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """A copy with something else at a place."""
    if not path:
        return by
    made = copy.deepcopy(value)
    owner = made
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = by
    return made
