"""What is told as applied is read: without it, or with another value, something comes to something else.

The documents are those of the meshes, which lie beside the project in the directory that MESH_CORPUS names; without it
these tests are skipped. What upstream's documents are about is put beside them where it is in other files.
"""

import copy
import dataclasses
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from outgate.policy import documents
from outgate.policy.frontends import Contribution, Frontend, Setting
from outgate.policy.frontends.kuma.frontend import KumaFrontend
from outgate.policy.frontends.linkerd.frontend import LinkerdFrontend
from outgate.policy.frontends.osm.frontend import OsmFrontend
from outgate.policy.model import Fate
from outgate.problems import Severity, Where

CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent")
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="MESH_CORPUS names no directory of mesh documents")
FRONTENDS: dict[str, Frontend] = {"kuma": KumaFrontend(), "linkerd": LinkerdFrontend(), "osm": OsmFrontend()}
DIALECTS = {"kuma-3.0-dev": "kuma-3.0", "kuma-2.9": "kuma-2.9", "kuma-design-seed": "kuma-madr062"}
SERVICE = {"match": {"port": 80, "protocol": "http"}, "endpoints": [{"address": "a.example", "port": 443}]}


def files() -> list[dict]:
    index = json.loads((CORPUS / "index.json").read_text()) if CORPUS.is_dir() else []
    return [
        one for one in index if one["mesh"] in FRONTENDS and not one["invalid"] and "docs-legacy" not in one["caveats"]
    ]


def read(entry: dict) -> list[dict]:
    """The documents as JSON has them; none where the file is no YAML, which is others' business."""
    try:
        found = [one for one in yaml.safe_load_all((CORPUS / entry["rel"]).read_text()) if one]
    except yaml.YAMLError:
        return []
    return json.loads(json.dumps(found, default=str)) if all(isinstance(one, dict) for one in found) else []


def named(value: object) -> Iterator[str]:
    """Names of services outside that references name."""
    if isinstance(value, dict):
        if value.get("kind") == "MeshExternalService" and isinstance(value.get("name"), str):
            yield value["name"]
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from named(each)


def beside(given: list[dict]) -> list[dict]:
    """A service outside for each name, in each of the meshes."""
    meshes = sorted({str(one.get("mesh", "default")) for one in given})
    names = sorted({*(re.sub(r"[^a-z0-9-]", "-", name) for one in given for name in named(one)), "another"})
    kind = {"type": "MeshExternalService", "spec": SERVICE}
    return [{**kind, "name": name, "mesh": mesh} for name in names for mesh in meshes]


def made(frontend: Frontend, given: list[dict], setting: Setting) -> Contribution:
    text = "\n---\n".join(map(json.dumps, given))
    return frontend.translate([one for one in documents.parse(text, "p") if frontend.claims(one)], setting)


def model(value: object) -> object:
    """What documents come to, without where it stands."""
    if isinstance(value, Where):
        return None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(model(getattr(value, each.name)) for each in dataclasses.fields(value))]
    if isinstance(value, dict):
        return {str(key): model(each) for key, each in value.items()}
    return [model(each) for each in value] if isinstance(value, (list, tuple)) else str(value)


def comes_to(found: Contribution) -> object:
    said = (found.defaults, found.destinations, found.access, found.telemetry)
    return model(said), sorted((problem.severity, problem.field) for problem in found.problems)


def keys_of(node: object, path: str) -> tuple[object, ...] | None:
    """The keys that a path is made of, whatever dots they hold."""
    if not path:
        return ()
    if isinstance(node, list) and (index := re.match(r"\[(\d+)\]", path)) and int(index[1]) < len(node):
        rest = keys_of(node[int(index[1])], path[index.end() :])
        return None if rest is None else (int(index[1]), *rest)
    bare = path.removeprefix(".")
    for key in sorted(node, key=len, reverse=True) if isinstance(node, dict) else ():
        begins = bare.startswith(key) and bare[len(key) : len(key) + 1] in ("", ".", "[")
        if begins and (rest := keys_of(node[key], bare[len(key) :])) is not None:
            return (key, *rest)
    return None


def changed(document: dict, keys: tuple[object, ...]) -> Iterator[dict]:
    """The document without a value, and with others in its place."""
    for other in (None, "other", 7, "7s", True, False, "x.example", "9.9.9.9/32"):
        made = copy.deepcopy(document)
        node = made
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = other
        if other is None:
            del node[keys[-1]]
        yield made


def applied(base: Contribution, given: list[dict]) -> Iterator[tuple[int, tuple[object, ...], str]]:
    """Each single value that is told as applied: in which document, by which keys, and its path for people."""
    for report in base.account():
        number = (report.where.line - 1) // 2  # each document is one line, and a line of its own is before the next
        keys = keys_of(given[number], report.path) if number < len(given) and report.fate is Fate.APPLIED else None
        value: object = given[number] if keys else {"": ""}
        for key in keys or ():
            value = value[key]
        if keys and (not isinstance(value, (dict, list)) or not value):
            yield number, keys, f"{report.kind} {report.path}"


@pytest.mark.parametrize("entry", files(), ids=lambda entry: Path(entry["rel"]).stem)
def test_what_is_told_as_applied_is_read(entry):
    given, frontend = read(entry), FRONTENDS[entry["mesh"]]
    dialect = DIALECTS.get(next(iter(entry.get("dialects", [])), ""), "kuma-2.14")
    setting, others = Setting(strict=False, kuma_dialect=dialect), beside(given) if frontend.mesh == "kuma" else []
    base = made(frontend, [*given, *others], setting)
    if any(problem.severity is Severity.ERROR for problem in base.problems):
        pytest.skip("refused, for a reason that other tests know")
    wanted = comes_to(base)
    unread = [
        told
        for number, keys, told in applied(base, given)
        if all(
            comes_to(made(frontend, [*given[:number], variant, *given[number + 1 :], *others], setting)) == wanted
            for variant in changed(given[number], keys)
        )
    ]
    assert unread == []
