"""Native documents read and written again: what is said canonically comes back as it was said."""

from __future__ import annotations

import yaml

from converting.vocabulary import Tree
from outgate.converting.conversion import Converted, convert
from outgate.policy import compile as compilation
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting

SETTING = Setting(strict=False)
HEAD = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: defaults, namespace: default}
spec: {mode: REGISTRY_ONLY}
---
"""
HOME = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: home, namespace: default}
spec: {hosts: [home.example], ports: [{number: 443, protocol: HTTPS, upstream: {resolution: DNS}}]}
---
"""


def native(kind: str, spec: str, name: str = "one", namespace: str = "default") -> str:
    """A document; the spec in YAML of one line."""
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    return f"apiVersion: outgate.dev/v1alpha1\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n---\n"


def made(text: str) -> Converted:
    given = parse(text, "given.yaml")
    return convert(compilation.compile(given, SETTING), given, SETTING, "made.yaml")


def specs(text: str, kind: str) -> list[Tree]:
    """What the documents of a kind say, converted without a problem."""
    written = made(text)
    assert [str(problem) for problem in written.problems] == []
    return [each["spec"] for each in yaml.safe_load_all(written.text) if each["kind"] == kind]


def spec(text: str, kind: str) -> Tree:
    (found,) = specs(text, kind)
    return found
