"""YAML as Kubernetes reads and people write it: a text into its documents, a value into lines.

Owns where one document ends, and how what is written anew looks. Keeps no comment: `splicing.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import yaml

from outgate.problems import PolicyError, Problem, Where

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml: slower, same result
    from yaml import SafeLoader  # type: ignore[assignment]

MARK = re.compile(r"^---(?=\s|$)", re.MULTILINE)
"""At the beginning of a line it begins a document, whatever stands before."""
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+", re.ASCII)
"""What is a number to Kubernetes, and a text to PyYAML."""
BREAKS = re.compile("[\r\x85\u2028\u2029]")
"""Ends of lines that YAML makes spaces or plain ends of, unless they are escaped."""
TIMESTAMP = "tag:yaml.org,2002:timestamp"


class Loader(SafeLoader):
    """Times stay texts, as they are to Kubernetes."""


class Dumper(yaml.SafeDumper):
    """Without anchors, and with lines as lines."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != TIMESTAMP]
    for first, known in SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))
Dumper.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))
Dumper.add_representer(str, _text)


@dataclass(frozen=True, slots=True)
class Document:
    """One document, as it is written and as it is meant."""

    text: str
    data: Any


def documents(text: str, file: str) -> list[Document]:
    """In order; their texts together are the text. Raises `PolicyError` with the place of what is not YAML."""
    found, line = [], 0
    for part in _parts(text):
        found.append(Document(part, _loaded(part, file, line)))
        line += part.count("\n")
    return found


def load(text: str) -> Any:
    """The value of one document. Raises `YAMLError`."""
    return yaml.load(text, Loader)


def _parts(text: str) -> Iterator[str]:
    starts = [match.start() for match in MARK.finditer(text)]
    # What is only comments and blanks before the first mark belongs to what follows.
    cuts = sorted({0, *(starts[1:] if starts and not _said(text[: starts[0]]) else starts), len(text)})
    yield from (text[begin:end] for begin, end in pairwise(cuts))


def _said(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith(("#", "%")) for line in text.splitlines())


def _loaded(text: str, file: str, line: int) -> Any:
    try:
        return load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = Where(file, line + mark.line + 1, mark.column + 1) if mark is not None else Where(file)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise PolicyError([Problem(where, f"not valid YAML: {what}", "mend it; nothing was changed")]) from error
    except (ValueError, RecursionError) as error:
        raise PolicyError([Problem(Where(file, line + 1, 1), f"cannot be read: {error}")]) from error


def dump(value: Any) -> str:
    """In block style, as people write manifests."""
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, width=2**20, allow_unicode=True, default_flow_style=False)
