"""The chart as Helm itself renders it, and the manifests that come out.

Owns the rendering and the finding of things in manifests. What they should be is for the tests to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm.values import CHART

NAMESPACE = "outgate-system"
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
NAMES = ("defaults", *(path.stem for path in EXAMPLES))

type Json = dict[str, Any]


def helm() -> Any:
    """Helm's own code, by its Python package. Skips the test where it is not here."""
    return pytest.importorskip("helm_python", reason="Helm is not here: its package helm-python-sdk cannot be imported")


def told(name: str) -> Json:
    """The values of an example, or none."""
    if name == "defaults":
        return {}
    found: Json = yaml.safe_load((CHART / "examples" / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def rendered(values: Mapping[str, Any], name: str = "outgate") -> dict[str, str]:
    """What each template makes, by its name in the chart. Raises `HelmError`."""
    with helm().Chart.load(CHART) as chart:
        made = chart.render(values, name=name, namespace=NAMESPACE)
    return {Path(template).name: text for template, text in sorted(made.items())}


def manifests(values: Mapping[str, Any]) -> list[Json]:
    """Everything that would be installed."""
    texts = [text for name, text in rendered(values).items() if not name.endswith(".txt")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


@cache
def example(name: str) -> list[Json]:
    """The manifests of an example. They are shared: do not change them."""
    return manifests(told(name))


def of_kind(documents: list[Json], kind: str, name: str = "") -> list[Json]:
    return [each for each in documents if each["kind"] == kind and name in each["metadata"]["name"]]


def one(documents: list[Json], kind: str, name: str = "") -> Json:
    (found,) = of_kind(documents, kind, name)
    return found


def pods(documents: list[Json]) -> Iterator[tuple[str, Json]]:
    """The pod specs, by the kind and the name of what makes them."""
    for document in documents:
        if document["kind"] in ("Deployment", "Job"):
            yield f"{document['kind']} {document['metadata']['name']}", document["spec"]["template"]["spec"]


def containers(documents: list[Json]) -> Iterator[tuple[str, Json]]:
    """All containers, by their pod and their name."""
    for name, pod in pods(documents):
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield f"{name}: {container['name']}", container
