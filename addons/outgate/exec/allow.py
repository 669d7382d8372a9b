"""What a command line allows, as documents like those of a policy directory, so that it is judged as they are.

Owns the reading of `--allow` and `--allow-any`. Raises `AllowError`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from outgate.policy import documents
from outgate.policy.documents import Document
from outgate.policy.hosts import HostError, canonical_authority, canonical_pattern, literal
from outgate.policy.model import Mode

FILE = "--allow"
"""What problems and rules name as the place of these documents."""
WEB = {80: "HTTP", 443: "HTTPS"}
"""Allowed where no port is named."""

type Addresses = Mapping[str, Sequence[str]]


class AllowError(ValueError):
    """Not a host that can be allowed: says why and what to write."""


def parse(words: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """`HOST[:PORT]` by canonical host, with ports in order. Raises AllowError."""
    found: dict[str, set[int]] = {}
    for word in words:
        host, port = _read(word)
        found.setdefault(host, set()).update((port,) if port else WEB)
    return {host: tuple(sorted(ports)) for host, ports in found.items()}


def named(hosts: Iterable[str]) -> list[str]:
    """Those that are one name, neither a pattern nor an address: such a name can have an address of its own."""
    return [host for host in hosts if not host.startswith("*") and literal(host) is None]


def written(
    hosts: Mapping[str, tuple[int, ...]], mode: Mode | None, addresses: Addresses, layer: int = 0
) -> list[Document]:
    """The documents: a destination for each host, and the mode where it is not a policy's.

    `addresses` are those that the command's resolver gives for a name: bytes that name no host are told by them.
    """
    numbered = enumerate(hosts.items(), start=1)
    texts = [_destination(number, host, ports, addresses.get(host, ())) for number, (host, ports) in numbered]
    if mode is not None:
        texts.append(_document("EgressDefaults", "exec-mode", {"mode": str(mode)}))
    return documents.parse("\n---\n".join(texts), FILE, layer) if texts else []


def _read(word: str) -> tuple[str, int]:
    """The canonical host or pattern, and the port, 0 where none is named."""
    try:
        if not word.startswith("*"):
            return canonical_authority(word, 0)
        pattern, _, port = word.partition(":")
        return canonical_pattern(pattern), canonical_authority(f"any:{port}", 0)[1] if port else 0
    except HostError as error:
        raise AllowError(f"{error}; write HOST or HOST:PORT, such as api.example.com or *.example.com:8443") from error


def _destination(number: int, host: str, ports: tuple[int, ...], addresses: Sequence[str]) -> str:
    """Under a name that replaces no document of a policy."""
    spec: dict[str, Any] = {"ports": [_port(number) for number in ports]}
    spec["addresses" if literal(host) is not None else "hosts"] = [host]
    if addresses and not WEB.keys() >= set(ports):
        spec |= {"addresses": list(addresses), "endpoints": [{"address": host}], "resolution": "DNS"}
    return _document("EgressDestination", f"exec-allow-{number}-{_slug(host)}", spec)


def _port(number: int) -> dict[str, Any]:
    """Elsewhere than on the web's ports the first bytes tell what is spoken."""
    return {"number": number, **({"protocol": WEB[number]} if number in WEB else {})}


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> str:
    """JSON is YAML."""
    return json.dumps({"apiVersion": "outgate.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})


def _slug(host: str) -> str:
    return host.replace("*", "any").replace(".", "-").replace(":", "-")
