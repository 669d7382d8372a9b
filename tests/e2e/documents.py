"""Policy documents for tests, as data: one call a document, and their text.

Owns the envelope. What a document says is the test's, spelt as a user would spell it.
"""

from __future__ import annotations

import json
from typing import Any

type Document = dict[str, Any]


def destination(*hosts: str, ports: tuple[str, ...] = (), name: str = "", **spec: Any) -> Document:
    """An `EgressDestination`. A port is `80/HTTP`; what needs more than that is given as `spec`'s own `ports`."""
    written = [{"number": int(number), "protocol": protocol} for number, protocol in (one.split("/") for one in ports)]
    known = {"hosts": list(hosts)} if hosts else {}
    return native("EgressDestination", name or _slug(hosts[0]), {**known, "ports": written, **spec})


def access(name: str, **spec: Any) -> Document:
    """An `EgressAccess`. `from` is given as `sources`, for the word is taken."""
    if "sources" in spec:
        spec["from"] = spec.pop("sources")
    return native("EgressAccess", name, spec)


def defaults(**spec: Any) -> Document:
    return native("EgressDefaults", "default", spec)


def native(kind: str, name: str, spec: Document) -> Document:
    return {"apiVersion": "outgate.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def istio(kind: str, name: str, spec: Document, group: str = "networking", **metadata: Any) -> Document:
    version = f"{group}.istio.io/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def policy(*documents: Document) -> str:
    """The text of a policy file. JSON is YAML."""
    return "\n---\n".join(json.dumps(document, indent=1) for document in documents) + "\n"


def _slug(host: str) -> str:
    return host.replace("*", "any").replace(".", "-").replace(":", "-")
