"""Tables that are made from the code: flags, settings, fields of the log, codes, paths of the admin endpoint.

Owns their rows and their places in a page, between `<!-- NAME -->` and `<!-- /NAME -->`. Where the code has no words
for a row, its last cell is the page's own: it is kept, and a row without one is a fault.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from docpages.markdown import ROOT
from ended import answered, denied, relayed
from outgate import admin, settings
from outgate.cli import main
from outgate.injection import annotations, config
from outgate.injection.settings import Settings as Injection
from outgate.policy.schema import Fields, Sequence
from outgate.telemetry import native, own
from outgate.upstream import errors

COMMANDS = ROOT / "docs" / "commands.md"
KUBERNETES = ROOT / "docs" / "kubernetes.md"

type Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Columns, the rows that the code gives, whether the page adds a cell to each, a line to stand above them, and the
    page."""

    columns: Row
    rows: Callable[[], list[Row]]
    worded: bool = False
    above: str = ""
    page: Path = COMMANDS


def between(text: str, name: str) -> str:
    """What stands between the marks of a table. Raises ValueError where they are not there."""
    match = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    if match is None:
        raise ValueError(f"there are no marks for {name}")
    return match[1]


def rendered(name: str, text: str) -> str:
    """The table as it has to be, with the words that the page has for its rows."""
    table = TABLES[name]
    words = _words(between(text, name)) if table.worded else {}
    columns = (*table.columns, "meaning") if table.worded else table.columns
    rows = [(*row, words.get(row[0], "")) if table.worded else row for row in table.rows()]
    lines = [columns, tuple("---" for _ in columns), *rows] if rows else []
    above = [f"{table.above}\n\n"] if table.above else []
    return "".join([*above, *(f"| {' | '.join(cells)} |\n" for cells in lines)])


def wordless(name: str, text: str) -> list[str]:
    """Rows that say nothing."""
    words = _words(between(text, name))
    return [row[0] for row in TABLES[name].rows() if not words.get(row[0])]


def refresh() -> None:
    """Writes every table anew."""
    for name, table in TABLES.items():
        text = table.page.read_text(encoding="utf-8")
        mark = f"<!-- {name} -->\n"
        text = text.replace(mark + between(text, name), mark + rendered(name, text), 1)
        table.page.write_text(text, encoding="utf-8")


def _words(text: str) -> dict[str, str]:
    """The last cell of each row by its first."""
    rows = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in text.splitlines() if line.startswith("| `")]
    return {cells[0]: cells[-1].strip() for cells in rows if len(cells) > 1}


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", r"\|")


# Flags.


def _command(path: str) -> click.Command:
    found: click.Command = main.outgate
    for name in path.split():
        assert isinstance(found, click.Group)
        step = found.get_command(click.Context(found), name)
        assert step is not None
        found = step
    return found


def leaves() -> list[str]:
    """Every command that does something, by its words."""
    found = []
    for name in main.COMMANDS:
        command = _command(name)
        found += [f"{name} {below}" for below in command.commands] if isinstance(command, click.Group) else [name]
    return found


def _usage(path: str) -> str:
    command = _command(path)
    pieces = command.collect_usage_pieces(click.Context(command, info_name=path))
    return f"`outgate {' '.join([path, *pieces])}`"


def _flags(path: str) -> list[Row]:
    command = _command(path)
    context = click.Context(command, info_name=path)
    records = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    return [(f"`{names.replace('|', chr(92) + '|')}`", _cell(told)) for names, told in filter(None, records)]


# Settings.


def _settings() -> list[Row]:
    owners = (settings.Settings(), settings.Hops(), settings.Limits(), settings.Tracing())
    plain = [
        (entry.name, str(entry.type), getattr(owner, entry.name))
        for owner in owners
        for entry in dataclasses.fields(owner)  # type: ignore[arg-type]
        if entry.name in settings._KNOWN
    ]
    named = {name for name, _, _ in plain}
    identity = [(name, "", IDENTITY[name]) for name in sorted(settings._KNOWN - named)]
    return [(f"`{name}`", _takes(name, kind), _default(value)) for name, kind, value in [*plain, *identity]]


IDENTITY: Mapping[str, object] = {
    "gate_name": settings.Gate().name,
    "gate_namespace": settings.Gate().namespace,
    "gate_labels": "",
    "gate_collapses": settings.Gate().collapses,
    "root_namespace": settings.Gate().root_namespace,
    "workload_namespace": "",
    "workload_service_account": "",
    "workload_labels": "",
    "trust_domain": "",
}
"""Settings that are no field of their own. One that is new is missing here, and says so."""


def _takes(name: str, kind: str) -> str:
    if name.endswith("_labels"):
        return f"`{settings.LABELS}`"
    if name == "gate_collapses":
        kind = "bool"
    return _cell(settings._reader(name, kind or "str")[1])


def _default(value: object) -> str:
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        return f"`{value[0]}:{value[1]}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value in ("", (), None):
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


# The log, codes, counts, the admin endpoint.


def _fields() -> list[Row]:
    kinds = {str: "text", int: "number", float: "number", bool: "true"}
    shown = {**native.line(denied()), **native.line(relayed()), **native.line(answered())}
    return [(f"`{name}`", kinds[type(shown.get(name, ""))]) for name in native.NAMES]


def _counts() -> list[Row]:
    """Every name under which something is counted in the source, and what outputs say of themselves."""
    texts = (path.read_text(encoding="utf-8") for path in sorted((ROOT / "addons" / "outgate").rglob("*.py")))
    found = {"".join(match) for text in texts for match in COUNTED.findall(text)}
    return [(f"`{name}`",) for name in sorted({*found, *own.LOST, *own.ARRIVED, *own.KEPT, *own.INCIDENTS})]


COUNTED = re.compile(r'counts(?:\["(\w+)"\] \+= 1|\.update\((\w+)=1\))|Counted\("(\w+)"\)')


def _failures() -> list[Row]:
    return [(f"`{failure}`", str(errors.STATUS[failure])) for failure in errors.Failure]


def _paths() -> list[Row]:
    return [(f"`{'POST' if 'post' in vars(endpoint) else 'GET'} {path}`",) for path, endpoint in admin.PATHS.items()]


# The injection.


def _annotations() -> list[Row]:
    return [(f"`{annotations.DOMAIN}/{name}`",) for name in annotations.NAMES]


def _injection() -> list[Row]:
    return [(f"`{name}`", default) for name, default in _fields_of(config.SHAPE, "", Injection())]


def _fields_of(shape: Fields, path: str, owner: object) -> Iterator[tuple[str, str]]:
    """Each by its path, with its default; those of a list's items have none."""
    for name, entry in shape.fields.items():
        value = getattr(owner, config._snake(name), None)
        if isinstance(entry.shape, Fields):
            yield from _fields_of(entry.shape, f"{path}{name}.", value)
        elif isinstance(entry.shape, Sequence) and isinstance(entry.shape.of, Fields):
            yield from _fields_of(entry.shape.of, f"{path}{name}[].", None)
        else:
            yield f"{path}{name}", _of_injection(value) if owner is not None else ""


def _of_injection(value: object) -> str:
    if isinstance(value, dict) and value:
        return f"`{', '.join(f'{name}: {amount}' for name, amount in value.items())}`"
    if isinstance(value, tuple) and value:
        return f"`{', '.join(map(str, value))}`"
    if isinstance(value, str) and value.startswith("outgate:"):
        return "`outgate` of this version"
    return "none" if value == {} else _default(value)


def _refusals() -> list[Row]:
    """What manifests of the tests are refused with, without whose it is."""
    files = sorted((ROOT / "tests" / "injection" / "golden").glob("*.txt"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    reasons = [line.split(": ", 3)[3] for line in lines if line.startswith("error: ")]
    return [(_cell(reason),) for reason in dict.fromkeys(reasons)]


def _of_flags(path: str) -> Table:
    return Table(("flag", "meaning"), lambda: _flags(path), above=_usage(path))


TABLES: dict[str, Table] = {
    **{f"flags {path}": _of_flags(path) for path in leaves()},
    "settings": Table(("setting", "takes", "default"), _settings, worded=True),
    "log": Table(("field", "form"), _fields, worded=True),
    "failures": Table(("code", "status"), _failures, worded=True),
    "admin": Table(("request",), _paths, worded=True),
    "counts": Table(("count",), _counts, worded=True),
    "annotations": Table(("annotation",), _annotations, worded=True, page=KUBERNETES),
    "injection": Table(("field", "default"), _injection, worded=True, page=KUBERNETES),
    "refusals": Table(("refused with",), _refusals, page=KUBERNETES),
}
