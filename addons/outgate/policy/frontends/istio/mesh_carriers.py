"""Where MeshConfig is carried: an IstioOperator, the ConfigMap `istio`, Helm values, or a fragment by itself.

Owns finding it, and the places of a YAML text inside a YAML text. What it says is `mesh_config.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from outgate.policy.documents import Document, Node, parse
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio import mesh_config
from outgate.policy.frontends.istio.common import unapplied
from outgate.policy.frontends.istio.components import Components
from outgate.policy.frontends.istio.mesh_config import MESH
from outgate.policy.frontends.istio.resource import Resource, envelope
from outgate.policy.model import Fate
from outgate.policy.schema import Anything, Field, Fields, Reading, Record, Shape, Text
from outgate.problems import PolicyError, Where

OPERATOR_GROUPS = ("install.istio.io", "insight.istio.io")
INSTALLED = "of the installation"
CONFIG = "istio"
"""The ConfigMap; those of revisions have the revision after a hyphen."""


def _installed(*names: str) -> dict[str, Field]:
    return {name: Field(Anything(), fate=Fate.IGNORED, note=INSTALLED) for name in names}


@dataclass(frozen=True, slots=True)
class Values:
    """Helm values: free, but mesh settings among them would be read nowhere."""

    def read(self, node: Node, path: str, reading: Reading) -> Node:
        if node.child("meshConfig") is not None:
            unapplied(reading, node.keys["meshConfig"], f"{path}.meshConfig", "mesh settings stand under values")
        return node


@dataclass(frozen=True, slots=True)
class Inner:
    """A YAML text inside a string, read by a shape."""

    of: Shape

    def read(self, node: Node, path: str, reading: Reading) -> object | None:
        text = Text().read(node, path, reading)
        if text is None:
            return None
        try:
            documents = parse(text, node.where.file)
        except PolicyError as error:
            reading.problems += [
                replace(problem, where=_moved(problem.where, node.where), field=path) for problem in error.problems
            ]
            return None
        if len(documents) > 1:
            where = _moved(documents[1].where, node.where)
            reading.error(where, path, "holds more than one document", "keep one: nothing reads the others")
        root = _placed(documents[0].root, node.where, {}) if documents else Node({}, node.where)
        read: object | None = self.of.read(root, path, reading)
        return read


def _placed(node: Node, start: Where, known: dict[int, Node]) -> Node:
    """The same tree with the places that it has in the file around it. What is shared is placed once."""
    if id(node) not in known:
        data: object = node.data
        if isinstance(data, dict):
            data = {key: _placed(value, start, known) for key, value in data.items()}
        elif isinstance(data, list):
            data = [_placed(value, start, known) for value in data]
        keys = {key: _moved(where, start) for key, where in node.keys.items()}
        known[id(node)] = Node(data, _moved(node.where, start), keys)
    return known[id(node)]


def _moved(where: Where, start: Where) -> Where:
    """A block text begins on the line after its key. Its indentation is not known: columns count from its own edge."""
    return Where(start.file, start.line + where.line, where.column) if where.line else start


OPERATOR = envelope(
    Field(
        Fields(
            {
                "meshConfig": Field(MESH),
                "values": Field(Values(), fate=Fate.IGNORED, note=INSTALLED),
                "components": Field(Components(), fate=Fate.IGNORED, note=INSTALLED),
                **_installed(
                    "profile",
                    "hub",
                    "tag",
                    "revision",
                    "namespace",
                    "addonComponents",
                    "unvalidatedValues",
                    "installPackagePath",
                    "resourceSuffix",
                    "compatibilityVersion",
                    "targetKube",
                ),
            }
        )
    )
)

CONFIG_MAP = envelope(
    Field(
        Fields(
            {
                "mesh": Field(Inner(MESH)),
                "meshNetworks": Field(Text(), fate=Fate.IGNORED, note="every address is dialled directly"),
            }
        ),
        required=True,
    ),
    body="data",
)

HELM = Fields({"meshConfig": Field(MESH, required=True)})


def claims(document: Document) -> bool:
    """Whether a document carries MeshConfig."""
    if document.kind == "IstioOperator":
        return document.group in OPERATOR_GROUPS
    if document.kind == "ConfigMap":
        of_istio = document.name == CONFIG or document.name.startswith(f"{CONFIG}-")  # of a revision
        return of_istio and document.root.child("data", "mesh") is not None
    if document.kind or document.api_version:
        return False
    keys = set(document.root.mapping)
    return bool(keys) and (keys == {"meshConfig"} or not keys.isdisjoint(MESH.fields))


def read(document: Document, setting: Setting, contribution: Contribution) -> Resource | None:
    """The MeshConfig of a document as the spec of a resource, or None where there is none to be used."""
    reading = Reading(document.kind or "MeshConfig", setting.strict)
    root, mesh = _mesh(document, reading)
    if root is not None and mesh is not None:
        mesh_config.check(mesh, document.namespace or setting.gate.root_namespace, reading)
    contribution.fields += reading.fields
    if reading.failed or root is None or mesh is None:
        contribution.problems += reading.problems
        return None
    return Resource(document, root, mesh, reading, document.namespace or setting.gate.root_namespace)


def _mesh(document: Document, reading: Reading) -> tuple[Record | None, Record | None]:
    if document.kind == "IstioOperator":
        root = OPERATOR.read(document.root, "", reading)
        spec = root.get("spec") if root is not None else None
        return root, spec.get("meshConfig") if spec is not None else None
    if document.kind == "ConfigMap":
        root = CONFIG_MAP.read(document.root, "", reading)
        data = root.get("data") if root is not None else None
        return root, data.get("mesh") if data is not None else None
    if "meshConfig" in document.root.mapping:
        root = HELM.read(document.root, "", reading)
        return root, root.get("meshConfig") if root is not None else None
    root = MESH.read(document.root, "", reading)
    return root, root
