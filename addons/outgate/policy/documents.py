"""YAML or JSON text into documents whose every value knows its file, line and column.

Owns parsing and positions. Knows nothing of kinds or fields: `schema.py` and the front-ends give them meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from outgate.problems import PolicyError, Problem, Where

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML built without libyaml: slower, same result
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

type Data = str | int | float | bool | object | None

MAX_BYTES = 4 * 1024 * 1024
"""Of one file; a Kubernetes object is at most 1.5 MB."""
MAX_SLOW = 512 * 1024
"""Of what is parsed again without libyaml, at about 100 kB a second."""
MAX_SHARED = 100_000
"""Values that aliases may add to a document: whoever reads it meets each as often as it is named."""
MAX_DEPTH = 64
MAX_SAFE = 512
"""Levels that libyaml composes without harm."""
SUFFIXES = (".yaml", ".yml", ".json")
TESTS = tuple(f".test{suffix}" for suffix in SUFFIXES)
"""How the names of policy tests end."""
LEFT_OUT = ".outgate-ignore"
"""A file that says of its folder that it is no part of the policy around it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place. `data` is a scalar, a `dict[str, Node]` or a `list[Node]`."""

    data: Data
    where: Where
    keys: dict[str, Where] = field(default_factory=dict)
    """For a mapping, where each key stands."""

    @property
    def mapping(self) -> dict[str, Node]:
        return self.data if isinstance(self.data, dict) else {}

    @property
    def sequence(self) -> list[Node]:
        return self.data if isinstance(self.data, list) else []

    def child(self, *path: str) -> Node | None:
        """The node under a path of keys, or None."""
        node: Node | None = self
        for key in path:
            node = node.mapping.get(key) if node is not None else None
        return node

    def text(self, *path: str) -> str:
        """The string under a path of keys; empty where there is none."""
        node = self.child(*path)
        return node.data if node is not None and isinstance(node.data, str) else ""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file."""

    root: Node
    layer: int = 0
    """Which `--policy` directory it came from; later ones overlay earlier ones."""
    kind: str = field(init=False, compare=False)
    """This and the others are asked for many times by everybody who looks for a document."""
    api_version: str = field(init=False, compare=False)
    group: str = field(init=False, compare=False)
    name: str = field(init=False, compare=False)
    namespace: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        root, version = self.root, self.root.text("apiVersion")
        for name, value in (
            ("kind", root.text("kind") or root.text("type")),
            ("api_version", version),
            ("group", version.rpartition("/")[0]),
            ("name", root.text("metadata", "name") or root.text("name")),
            ("namespace", root.text("metadata", "namespace")),
        ):
            object.__setattr__(self, name, value)

    @property
    def where(self) -> Where:
        return self.root.where

    def annotation(self, name: str) -> str:
        """What people note on a document under `outgate.dev/NAME`, such as its owner; empty where they do not."""
        return self.root.text("metadata", "annotations", f"outgate.dev/{name}")


def parse(text: str, file: str, layer: int = 0) -> list[Document]:
    """All documents of one text, `kind: List` unfolded. Raises `PolicyError` with the place of what is not YAML."""
    if len(text) > MAX_BYTES:
        raise PolicyError([Problem(Where(file), f"the file has {len(text)} characters, more than {MAX_BYTES}")])
    try:
        _check_depth(text, file)
        nodes = [_Reader(file, len(text) + MAX_SHARED).node(tree, 0) for tree in _compose(text)]
    except yaml.YAMLError as error:
        raise PolicyError([_syntax_problem(error, file)]) from error
    except (RecursionError, UnicodeError) as error:
        raise PolicyError([Problem(Where(file), f"cannot be read: {error}")]) from error
    return [Document(node, layer) for root in nodes for node in _unfold(root) if node.data is not None]


def load(path: Path, layer: int = 0) -> list[Document]:
    """All documents of a file, or of every policy file below a directory in the order of their paths."""
    documents, problems = gather(path, layer)
    if problems:
        raise PolicyError(problems)
    return documents


def gather(path: Path, layer: int = 0) -> tuple[list[Document], list[Problem]]:
    """The same of the files that can be read, and what is wrong with the others."""
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        for file in _found(path):
            try:
                documents += parse(read(file), str(file), layer)
            except PolicyError as error:
                problems += error.problems
    except PolicyError as error:
        problems += error.problems
    return documents, problems


def _found(path: Path) -> list[Path]:
    try:
        return files(path)
    except OSError as error:
        raise PolicyError([Problem(Where(str(path)), f"cannot be read: {error}")]) from error


def files(path: Path) -> list[Path]:
    """The policy files at a path. Hidden folders are left out (a ConfigMap mount keeps its real files in one), as are
    policy tests (`*.test.yaml`) and folders within that hold an `.outgate-ignore`."""
    if not path.exists():
        raise PolicyError([Problem(Where(str(path)), "no such file or directory", "name an existing policy path")])
    if path.is_file():
        return [path]
    return [file for file in _readable(path) if not file.name.endswith(TESTS)]


def tests(path: Path) -> list[Path]:
    """The policy tests at a path, in the order of their paths. Raises `PolicyError`."""
    if not path.is_dir():
        return [file for file in files(path) if file.name.endswith(TESTS)]
    return [file for file in _readable(path) if file.name.endswith(TESTS)]


def read(file: Path) -> str:
    """The text of a file. Raises `PolicyError`."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError([Problem(Where(str(file)), f"cannot be read: {error}")]) from error


def _readable(folder: Path) -> list[Path]:
    return sorted(file for file in _below(folder, frozenset()) if file.suffix in SUFFIXES)


def _below(folder: Path, outer: frozenset[Path]) -> Iterator[Path]:
    """Everything under a folder that is no folder, but not in those within that are marked as no part of it. Symlinks
    are followed, as a ConfigMap's folders are such, but not into a folder that they stand in; one that leads nowhere is
    a file that cannot be read."""
    if (real := folder.resolve()) in outer:
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise PolicyError([Problem(Where(str(folder)), f"cannot be read: {error}")]) from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not (entry / LEFT_OUT).exists():
                yield from _below(entry, outer | {real})
        elif entry.is_file() or not entry.exists():
            yield entry


def _compose(text: str) -> list[yaml.Node]:
    """The trees of a text. What libyaml refuses is parsed again in Python, which takes `[2001:db8::]`, as Go does, and
    says more of what is a mistake."""
    try:
        return list(yaml.compose_all(text, Loader=Loader))
    except yaml.YAMLError:
        if len(text) > MAX_SLOW:
            raise
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))


def _check_depth(text: str, file: str) -> None:
    """Refuses what is nested so deep that libyaml's recursion would end the process. Few texts can be: only those are
    read, event by event, before they are composed."""
    if text.count("[") + text.count("{") < MAX_SAFE and max(map(len, text.splitlines()), default=0) < MAX_SAFE:
        return
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise PolicyError([Problem(_at(event.start_mark, file), f"nested more than {MAX_DEPTH} levels deep")])


def _unfold(root: Node) -> Iterator[Node]:
    items = root.child("items")
    if root.text("kind") != "List" or items is None:
        yield root
        return
    if not isinstance(items.data, list):
        raise PolicyError([Problem(root.keys["items"], "items: expected a list", "write each document after a hyphen")])
    for number, item in enumerate(items.sequence):
        if item.data is None:
            raise PolicyError([Problem(item.where, f"items[{number}]: an empty list entry", "remove it or fill it in")])
        yield item


def _syntax_problem(error: yaml.YAMLError, file: str) -> Problem:
    where = _at(getattr(error, "problem_mark", None), file)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    return Problem(where, f"not valid YAML: {what}", "nothing of this file is used until it parses")


def _at(mark: Any, file: str) -> Where:
    """A place; the file as a whole where the parser knows none."""
    return Where(file, mark.line + 1, mark.column + 1) if mark is not None else Where(file)


def _is_scalar_to_go(tree: yaml.Node) -> bool:
    """Whether a mapping is what the Python parser makes of a plain scalar that ends in a colon before `,` or `]`. For
    Kubernetes, whose documents these are, the colon is part of the text: an address such as `2001:db8::`."""
    if not isinstance(tree, yaml.MappingNode) or len(tree.value) != 1:
        return False
    key, value = tree.value[0]
    bare = tree.start_mark.index == key.start_mark.index and isinstance(key, yaml.ScalarNode) and key.style is None
    nothing = isinstance(value, yaml.ScalarNode) and value.start_mark.index == value.end_mark.index
    return bare and nothing and value.start_mark.index == key.end_mark.index + 1 and bool(tree.flow_style)


class _Reader:
    """Turns composed YAML into `Node`s. Shared anchors are read once, so that aliases cannot grow the result; what they
    come to written out is bounded by `most`."""

    def __init__(self, file: str, most: int) -> None:
        self.file = file
        self.most = most
        self.seen: dict[int, Node] = {}
        self.sizes: dict[int, int] = {}
        """Values in a node, itself included, by its identity."""
        self.scalars = yaml.constructor.SafeConstructor()

    def node(self, tree: yaml.Node, depth: int) -> Node:
        if (known := self.seen.get(id(tree))) is not None:
            return known
        if depth > MAX_DEPTH:
            raise PolicyError([Problem(self.where(tree), f"nested more than {MAX_DEPTH} levels deep")])
        if _is_scalar_to_go(tree):
            made = Node(f"{tree.value[0][0].value}:", self.where(tree))
        elif isinstance(tree, yaml.MappingNode):
            made = self.mapping(tree, depth)
        elif isinstance(tree, yaml.SequenceNode):
            made = Node([self.node(item, depth + 1) for item in tree.value], self.where(tree))
        else:
            made = Node(self.scalar(tree), self.where(tree))
        self.seen[id(tree)] = made
        self.measure(made)
        return made

    def measure(self, node: Node) -> None:
        inner = node.mapping.values() or node.sequence
        self.sizes[id(node)] = size = 1 + sum(self.sizes[id(child)] for child in inner)
        if size > self.most:
            what = f"aliases make more than {MAX_SHARED} values of what is written"
            raise PolicyError([Problem(node.where, what, "write them out, or name fewer")])

    def scalar(self, tree: yaml.Node) -> Data:
        try:
            made: Data = self.scalars.construct_object(tree)
        except (ValueError, LookupError, AttributeError) as error:  # as PyYAML does on `2020-13-45`
            text = f"{tree.value[:60]!a} cannot be read as {tree.tag.rpartition(':')[2]}"
            raise PolicyError([Problem(self.where(tree), text, "quote it if it is text")]) from error
        return made

    def mapping(self, tree: yaml.MappingNode, depth: int) -> Node:
        entries: dict[str, Node] = {}
        keys: dict[str, Where] = {}
        for key_tree, value_tree in tree.value:
            key = key_tree.value if isinstance(key_tree, yaml.ScalarNode) else ""
            self.check_key(key, key_tree, keys)
            keys[key] = self.where(key_tree)
            entries[key] = self.node(value_tree, depth + 1)
        return Node(entries, self.where(tree), keys)

    def check_key(self, key: str, tree: yaml.Node, known: dict[str, Where]) -> None:
        if tree.tag == "tag:yaml.org,2002:merge":
            raise PolicyError([Problem(self.where(tree), "merge keys (<<) are not read", "write the fields out")])
        if not isinstance(tree, yaml.ScalarNode):
            raise PolicyError([Problem(self.where(tree), "a key must be a plain string")])
        if key in known:
            hint = f"it stands at line {known[key].line} already; keep one of the two"
            raise PolicyError([Problem(self.where(tree), f'the key "{key}" is given twice', hint)])

    def where(self, tree: yaml.Node) -> Where:
        return _at(tree.start_mark, self.file)
