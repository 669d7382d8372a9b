"""Whether a pod is made as Kubernetes makes one, as far as the injection looks into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from outgate.injection.annotations import Refusal

NAMED = ("containers", "initContainers", "ephemeralContainers", "volumes")
WITHIN = ("env", "volumeMounts", "ports", "envFrom")
CONTAINERS = NAMED[:3]
WORDS: dict[type, str] = {dict: "mapping", list: "list", str: "text"}


def check_shape(pod: Any) -> None:
    """Raises `Refusal` where something is of another kind."""
    for path, value, kind, needed in _shape(pod):
        if (value is None and not needed) or isinstance(value, kind):
            continue
        raise Refusal(f"{path} is no {WORDS[kind]}; write one")


def _shape(pod: Any) -> Iterator[tuple[str, Any, type, bool]]:
    """Path, value, kind, and whether it has to be there; each in its turn, so that what follows may rely on it."""
    yield "the pod", pod, dict, True
    metadata, spec = pod.get("metadata"), pod.get("spec")
    yield "metadata", metadata, dict, False
    yield from ((f"metadata.{name}", (metadata or {}).get(name), dict, False) for name in ("annotations", "labels"))
    yield "spec", spec, dict, True
    yield "spec.containers", spec.get("containers"), list, True
    yield from (
        (f"spec.{name}", spec.get(name), dict, False) for name in ("securityContext", "nodeSelector", "os", "dnsConfig")
    )
    for name in NAMED:
        yield f"spec.{name}", spec.get(name), list, False
        for number, each in enumerate(spec.get(name) or ()):
            path = f"spec.{name}[{number}]"
            yield path, each, dict, True
            yield f"{path}.name", each.get("name"), str, True
            if name in CONTAINERS:
                yield from _container(each, path)


def _container(container: dict[str, Any], path: str) -> Iterator[tuple[str, Any, type, bool]]:
    security = container.get("securityContext")
    yield f"{path}.securityContext", security, dict, False
    capabilities = (security or {}).get("capabilities")
    yield f"{path}.securityContext.capabilities", capabilities, dict, False
    for name in ("add", "drop"):
        yield f"{path}.securityContext.capabilities.{name}", (capabilities or {}).get(name), list, False
    for name in WITHIN:
        yield f"{path}.{name}", container.get(name), list, False
        for number, each in enumerate(container.get(name) or ()):
            yield f"{path}.{name}[{number}]", each, dict, True
            if name == "env":
                yield f"{path}.{name}[{number}].name", each.get("name"), str, True
