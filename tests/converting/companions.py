"""What a document of a mesh's own is about and does not bring: services outside that it names, registered plainly."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from outgate.policy.documents import Document, Node

MOST = 4
ENTRY = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  hosts: [{host}]
  ports: [{{number: 80, name: http, protocol: HTTP}}, {{number: 443, name: https, protocol: HTTPS}}]
  resolution: DNS
"""
EXTERNAL = """type: MeshExternalService
name: {name}
mesh: default
spec:
  match: {{type: HostnameGenerator, port: {port}, protocol: http}}
  endpoints: [{{address: {name}.example, port: {port}}}]
"""
KUMA = "type: Mesh\nname: default\nnetworking: {outbound: {passthrough: false}}\n"


def companions(mesh: str, documents: list[Document]) -> list[str]:
    """In YAML; none where a mesh's documents bring all that they need."""
    if mesh == "istio":
        return list(_entries(documents))
    return [KUMA, *_externals(documents)] if mesh == "kuma" else []


def _entries(documents: list[Document]) -> Iterator[str]:
    """One for each name of a route or a rule that no ServiceEntry has."""
    known = {text for each in documents if each.kind == "ServiceEntry" for text in _texts(each.root, ("hosts",))}
    named = [text for each in documents for text in _texts(each.root, ("host", "hosts"))]
    hosts = [host for host in dict.fromkeys(named) if "." in host and "*" not in host and host not in known]
    if not hosts and not known:
        hosts = ["a.example"]
    namespace = next((each.namespace for each in documents if each.namespace), "default")
    for number, host in enumerate(hosts[:MOST]):
        yield ENTRY.format(name=f"companion-{number}", namespace=namespace, host=yaml.safe_dump(host).split("\n")[0])


def _externals(documents: list[Document]) -> Iterator[str]:
    """One for each reference, and one where there is none, for policies about all of them."""
    known = {each.name for each in documents if each.kind == "MeshExternalService"}
    named = [name for each in documents for name in _references(each.root)]
    for number, name in enumerate([name for name in dict.fromkeys(named) if name not in known][:MOST]):
        yield EXTERNAL.format(name=name, port=8080 + number)
    if not named and not known:
        yield EXTERNAL.format(name="partner", port=8080)


def _references(node: Node) -> Iterator[str]:
    if node.text("kind") == "MeshExternalService" and node.text("name"):
        yield node.text("name")
    for child in (*node.mapping.values(), *node.sequence):
        yield from _references(child)


def _texts(node: Node, names: tuple[str, ...]) -> Iterator[str]:
    for key, child in node.mapping.items():
        if key in names:
            yield from (each.data for each in (child, *child.sequence) if isinstance(each.data, str))
        yield from _texts(child, names)
    for child in node.sequence:
        yield from _texts(child, names)
