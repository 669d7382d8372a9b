"""Whether a name that a page mentions is in the code: files, modules, and what modules and classes define.

Owns the reading of the source tree by `ast`; nothing is imported. Knows no Markdown.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from docpages.markdown import ROOT

SOURCE = ROOT / "addons" / "outgate"
DOTTED = re.compile(r"[a-z_][a-z0-9_]*(\.[A-Za-z_]\w*)+")
TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")
FILE = re.compile(r"[\w./-]+/[\w.-]*|[\w.-]+\.(py|md|toml|yaml)|Makefile|Dockerfile")


def missing(name: str) -> str | None:
    """Why a name that looks like one of the code's is none; None where it is there, or looks like something else."""
    if match := TEST.fullmatch(name):
        return _missing_test(match[1], match[2])
    if FILE.fullmatch(name):
        found = any((folder / name).exists() for folder in (ROOT, SOURCE))
        return None if found else f"there is no file {name}"
    if DOTTED.fullmatch(name):
        return None if defined(name) else f"no one module defines {name}"
    return None


def defined(name: str) -> bool:
    """Whether exactly one module goes by the beginning of a dotted name and defines the rest of it."""
    parts = tuple(name.split("."))
    found = 0
    for cut in range(1, len(parts) + 1):
        module, rest = parts[:cut], ".".join(parts[cut:])
        for known, path in _modules().items():
            if known[-cut:] == module and (not rest or rest in _definitions(path)):
                found += 1
    return found == 1


def _missing_test(file: str, function: str | None) -> str | None:
    path = ROOT / file
    if not path.exists():
        return f"there is no test file {file}"
    if function is not None and function not in _definitions(path):
        return f"{file} has no {function}"
    return None


@cache
def _modules() -> dict[tuple[str, ...], Path]:
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[parts[:-1] if parts[-1] == "__init__" else parts] = path
    return found


@cache
def _definitions(path: Path) -> frozenset[str]:
    """Dotted names below a module: functions, classes, values, and the same of each class, inherited ones included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = set(_names(tree, ""))
    return frozenset(
        own | {name for node in tree.body if isinstance(node, ast.ClassDef) for name in _inherited(tree, node)}
    )


def _inherited(tree: ast.Module, made: ast.ClassDef) -> Iterator[str]:
    """What a class has from bases that its module imports from another of ours."""
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.asname or alias.name: (node.module or "", alias.name) for node in imports for alias in node.names}
    for base in made.bases:
        module, name = homes.get(base.id, ("", "")) if isinstance(base, ast.Name) else ("", "")
        home = _modules().get(tuple(module.split(".")))
        if home is not None:
            members = (known.removeprefix(f"{name}.") for known in _definitions(home) if known.startswith(f"{name}."))
            yield from (f"{made.name}.{member}" for member in members)


def _names(node: ast.AST, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef(name=name):
                yield prefix + name
                yield from _names(child, f"{prefix}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
                yield from (prefix + field for field in _fields(child) if prefix)
            case ast.Assign() | ast.AnnAssign() | ast.TypeAlias():
                yield from (prefix + target for target in _targets(child))


def _targets(node: ast.Assign | ast.AnnAssign | ast.TypeAlias) -> Iterator[str]:
    if isinstance(node, ast.TypeAlias):
        yield node.name.id
        return
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        for part in ast.walk(target):
            if isinstance(part, ast.Name):
                yield part.id


def _fields(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """What a method makes of `self`."""
    stored = (
        node for node in ast.walk(function) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    )
    return (node.attr for node in stored if isinstance(node.value, ast.Name) and node.value.id == "self")
