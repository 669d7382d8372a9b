"""Documents in YAML, each with the places it came from above it.

Owns the form: the order of fields, the comments, and which line belongs to which document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from outgate.converting.values import Content
from outgate.policy.frontends.native.resource import API_VERSION
from outgate.policy.kinds import NATIVE
from outgate.policy.model import Source

try:
    from yaml import CSafeDumper as Dumper
except ImportError:  # PyYAML built without libyaml: slower, same text
    from yaml import SafeDumper as Dumper  # type: ignore[assignment]

HEAD = "# The same policy in outgate's own kinds, as `outgate convert` writes it.\n"
SHOWN = 8
"""Places that are named above a document."""


class _Plain(Dumper):
    """Without anchors: what is said twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Written:
    """One document and what it came from, which is never nothing."""

    content: Content
    sources: tuple[Source, ...]


def written(kind: str, namespace: str, name: str, spec: Content, sources: Iterable[Source | None]) -> Written:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    content: Content = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
    return Written(content, tuple(dict.fromkeys(source for source in sources if source is not None)))


def text(documents: Sequence[Written]) -> tuple[str, list[int]]:
    """The documents as one file, and the line on which each begins."""
    parts, lines, line = [HEAD], [], 2
    for each in documents:
        part = f"---\n{_comments(each)}{_yaml(each.content)}"
        parts.append(part)
        lines.append(line)
        line += part.count("\n")
    return "".join(parts), lines


def _yaml(content: Content) -> str:
    return yaml.dump(content, Dumper=_Plain, sort_keys=False, default_flow_style=None, width=120)


def _comments(document: Written) -> str:
    """What is native already came from itself."""
    told = dict.fromkeys(
        f"{each.kind} {_owner(each)} ({each.where.file}:{each.where.line})"
        for each in document.sources
        if each.kind not in NATIVE
    )
    names = list(told)
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return "".join(f"# from {_line(name)}\n" for name in [*names[:SHOWN], *more])


def _owner(source: Source) -> str:
    return f"{source.namespace}/{source.name}" if source.namespace else source.name


def _line(text: str) -> str:
    """Of one line, whatever a document is called."""
    return "".join(char if char.isprintable() else "?" for char in text)
