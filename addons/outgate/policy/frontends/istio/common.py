"""What Istio's kinds share: host names and wildcards, ports, labels, selectors, export lists.

Owns the shapes and the fault finders for values that mean the same in every kind. A fault finder takes a text and says
what is wrong with it, empty for nothing. Knows no kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from outgate.policy.documents import Node
from outgate.policy.hosts import HostError, canonical_pattern
from outgate.policy.schema import Integer, Reading, Record, Sequence, Shape, Text
from outgate.problems import Where

LABEL = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
FIRST_LABEL = re.compile(r"\*|(?:\*-?)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
LABEL_KEY = re.compile(r"(?:[a-zA-Z0-9][-a-zA-Z0-9.]*/)?(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
LABEL_VALUE = re.compile(r"(?:(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
EGRESS = re.compile(r"(?:^|[^a-z0-9])egress-?gateway$")
UNIX = "unix://"
MAX_NAME = 255
MAX_LABEL = 63


def label_fault(text: str) -> str:
    """Of a DNS label: a port, subset, gateway or namespace name."""
    if len(text) <= MAX_LABEL and LABEL.fullmatch(text):
        return ""
    return f"is not a DNS label: up to {MAX_LABEL} letters, digits and inner hyphens"


def name_fault(text: str) -> str:
    """Of a fully qualified name without wildcards."""
    return _length_fault(text) or _labels_fault(text)


def pattern_fault(text: str) -> str:
    """Of a name whose first label may be a wildcard, or start with one."""
    if fault := _length_fault(text):
        return fault
    first, dot, rest = text.partition(".")
    if len(first) > MAX_LABEL or not FIRST_LABEL.fullmatch(first):
        return f'is not a host name ("{first}" is not a label; "*" may stand only first)'
    return _labels_fault(rest) if dot else ""


def host_fault(text: str) -> str:
    """Of a name or wildcard that traffic is compared with: also what the gate cannot spell in one way only."""
    if fault := pattern_fault(text):
        return fault
    try:
        canonical_pattern("*" if is_partial(text) else text)
    except HostError as error:
        return f"cannot be compared with: {error}"
    return ""


def is_partial(text: str) -> bool:
    """Whether a wildcard stands for part of a label: `*foo.com`."""
    return "*" in text and text != "*" and not text.startswith("*.")


def is_address(text: str) -> bool:
    """Of either version. A zone is local to one machine and says nothing here."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def address_fault(text: str) -> str:
    return "" if is_address(text) else "is not an IP address"


def network_fault(text: str) -> str:
    """Of an address or a network in CIDR notation."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return "is not an IP address or network"
    return ""


def unix_fault(text: str) -> str:
    """Of the part after `unix://`."""
    if text.startswith("@") or (text.startswith("/") and not text.endswith("/")):
        return ""
    return "is not an absolute path to a socket, nor an abstract socket (@name)"


def bind_fault(text: str) -> str:
    """Of what a listener binds to."""
    return unix_fault(text.removeprefix(UNIX)) if text.startswith(UNIX) else text and address_fault(text)


def qualified(host: str, namespace: str) -> str:
    """A short name in full, as Istio expands it in the namespace of the document that uses it."""
    name = host.lower().removesuffix(".")
    if "." in host or host.startswith("*") or is_address(host):
        return name
    return f"{name}.{namespace}.svc.cluster.local"


def _length_fault(text: str) -> str:
    if not text:
        return "is empty; a host name is needed"
    return "" if len(text) <= MAX_NAME else f"has {len(text)} characters; at most {MAX_NAME} are allowed"


def _labels_fault(text: str) -> str:
    labels = text.removesuffix(".").split(".")
    if text.rpartition(".")[2].isdecimal():
        return f'is not a host name (its last label "{labels[-1]}" is a number)'
    for label in labels:
        if len(label) > MAX_LABEL or not LABEL.fullmatch(label):
            return f'is not a host name ("{label}" is not a label)'
    return ""


@dataclass(frozen=True, slots=True)
class Item:
    """A value that was read, with its place."""

    value: Any
    where: Where
    path: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Any shape, its value kept with its place."""

    of: Shape

    def read(self, node: Node, path: str, reading: Reading) -> Item | None:
        value = self.of.read(node, path, reading)
        return None if value is None else Item(value, node.where, path)


@dataclass(frozen=True, slots=True)
class Checked:
    """A string without a fault."""

    fault: Callable[[str], str]
    hint: str = ""
    maximum: int = 0

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        text: str | None = Text(maximum=self.maximum).read(node, path, reading)
        if text is not None and (fault := self.fault(text)):
            reading.error(node.where, path, f'"{text}" {fault}', self.hint)
            return None
        return text


@dataclass(frozen=True, slots=True)
class Labels:
    """Label keys and values. A selector's are plain: no wildcard, no empty key."""

    selector: bool = False

    def read(self, node: Node, path: str, reading: Reading) -> dict[str, str] | None:
        if not isinstance(node.data, dict):
            reading.error(node.where, path, "expected a mapping of labels", 'write "app: name"')
            return None
        found: dict[str, str] = {}
        for key, value in node.mapping.items():
            text = Text().read(value, f"{path}.{key}", reading)
            if text is not None:
                self._check(key, text, value, f"{path}.{key}", reading)
                found[key] = text
        return found

    def _check(self, key: str, text: str, node: Node, path: str, reading: Reading) -> None:
        if not key:
            reading.error(node.where, path, "a label needs a key")
        elif self.selector and "*" in key + text:
            reading.error(node.where, path, f'"{key}: {text}" has a wildcard', "selectors compare whole labels")
        elif not LABEL_KEY.fullmatch(key) or len(key.rpartition("/")[2]) > MAX_LABEL:
            reading.error(node.where, path, f'"{key}" is not a label key')
        elif not LABEL_VALUE.fullmatch(text) or len(text) > MAX_LABEL:
            reading.error(node.where, path, f'"{text}" is not a label value')


HOST = Checked(host_fault, 'write "api.example.com" or "*.example.com"')
NAME = Checked(name_fault, 'write "api.example.com"')
DNS_LABEL = Checked(label_fault)
NETWORK = Checked(network_fault, 'write "10.0.0.0/8" or "192.0.2.1"', 64)
BIND = Checked(bind_fault)
PORT = Integer(1, 65535)
OPTIONAL_PORT = Integer(0, 65535)
TEXTS = Sequence(Text())
NAMES = Sequence(Placed(Text()))
EXPORTS = Sequence(Placed(Text()))


def check_exports(
    record: Record, namespace: str, reading: Reading, *, nobody: bool = False, field: str = "exportTo"
) -> None:
    """An export list: no doubles, `*` alone; `~` (nobody) alone, and only where `nobody` says so."""
    entries: list[Item] = record.get(field, [])
    seen: set[str] = set()
    for item in entries:
        name = namespace if item.value == "." else item.value
        if name in seen:
            reading.error(item.where, item.path, f'"{item.value}" is exported to twice', "keep one of the two")
        seen.add(name)
        if name in ("*", "~") and len(entries) > 1:
            reading.error(item.where, item.path, f'"{name}" stands alone', "remove the other entries")
        if name == "~" and not nobody:
            reading.error(item.where, item.path, '"~" is for ServiceEntry only', 'use ".", "*" or a namespace')
        if name not in ("*", "~") and (fault := label_fault(name)):
            reading.error(item.where, item.path, f'"{name}" {fault}', 'use ".", "*" or a namespace')


def exports(record: Record, default: Iterable[str]) -> tuple[str, ...]:
    """The export list of a document, or the default where it has none."""
    return tuple(item.value for item in record.get("exportTo", [])) or tuple(default)


def visible(export_to: Iterable[str], owner: str, namespace: str) -> bool:
    """Whether what a namespace exports is seen in another."""
    return any(entry == "*" or namespace == (owner if entry == "." else entry) for entry in export_to)


def covers(export_to: Iterable[str], owner: str, wanted: Iterable[str], of: str) -> bool:
    """Whether one export list reaches everywhere that another one, of namespace `of`, reaches."""
    reach = {owner if entry == "." else entry for entry in export_to}
    return "*" in reach or {of if entry == "." else entry for entry in wanted} <= reach


def selects(selector: Mapping[str, str], labels: Iterable[tuple[str, str]]) -> bool:
    """Whether a selector picks something with these labels. An empty one picks everything."""
    return set(selector.items()) <= set(labels)


def is_egress(name: str) -> bool:
    """Whether a label or a name is one that egress gateways go by: `egressgateway`, `istio-egress-gateway`. Not what
    only begins so, such as what logs for one."""
    return EGRESS.search(name.lower()) is not None


def one_of(record: Record, names: tuple[str, ...], reading: Reading) -> None:
    """At most one of some fields may be set."""
    given = [name for name in names if name in record]
    for name in given[1:]:
        reading.error(record.at(name), record.under(name), f'cannot stand beside "{given[0]}"', "keep one of them")


def unapplied(reading: Reading, where: Where, path: str, what: str) -> None:
    """Something that is valid and not yet applied, and without which traffic would be judged or go otherwise."""
    if reading.strict:
        reading.error(where, path, f"{what}, which is not yet applied", "remove it, or load with --lenient")
    else:
        reading.warn(where, path, f"{what}, which is not yet applied")


def check_gateway_names(items: Iterable[Item], reading: Reading) -> None:
    """`name`, `namespace/name`, or the older `name.namespace...`."""
    for item in items:
        namespace, slash, name = item.value.partition("/")
        if not slash:
            if "." in item.value:
                reading.warn(item.where, item.path, f'"{item.value}" is the old way', "write namespace/name")
            fault = name_fault(item.value)
        else:
            fault = label_fault(namespace) or label_fault(name)
        if fault:
            reading.error(item.where, item.path, f'"{item.value}" is no gateway: it {fault}', "write namespace/name")
