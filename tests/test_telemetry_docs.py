"""The tables of docs/telemetry.md are what the code knows. `OUTGATE_REFRESH=1` writes them anew."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from outgate.policy.telemetry_model import METRIC_ATTRIBUTES
from outgate.telemetry import timeline
from outgate.telemetry.attributes import ATTRIBUTES
from outgate.telemetry.operators import OPERATORS
from outgate.telemetry.operators.refused import REFUSED

PAGE = Path(__file__).parents[1] / "docs" / "telemetry.md"


def _table(*rows: tuple[str, ...]) -> str:
    first, *others = rows
    lines = [first, tuple("---" for _ in first), *others]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def operators() -> str:
    rows = []
    for name, operator in sorted(OPERATORS.items()):
        cut = ", may be cut" if operator.cut else ""
        rows.append((f"`{name}`", operator.takes.replace("|", r"\|") + cut if operator.takes else "", operator.says))
    return _table(("operator", "in parentheses", "value"), *rows)


def refused() -> str:
    return _table(("operator", "why, and what instead"), *((f"`{name}`", why) for name, why in sorted(REFUSED.items())))


def attributes() -> str:
    rows = ((f"`{root}`", ", ".join(f"`{name}`" for name in names)) for root, names in ATTRIBUTES.items())
    return _table(("of", "attributes"), *rows)


def labels() -> str:
    return _table(("of", "attributes"), *((f"`{root}`", found) for root, found in _grouped(METRIC_ATTRIBUTES).items()))


def _grouped(names: Iterable[str]) -> dict[str, str]:
    """Names by what stands before their dot."""
    roots = sorted({name.partition(".")[0] for name in names})
    return {root: ", ".join(f"`{name}`" for name in sorted(names) if name.startswith(f"{root}.")) for root in roots}


TABLES: dict[str, Callable[[], str]] = {
    "operators": operators,
    "refused": refused,
    "attributes": attributes,
    "labels": labels,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_knows(name):
    text, made = PAGE.read_text(encoding="utf-8"), TABLES[name]()
    if os.environ.get("OUTGATE_REFRESH") == "1":
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda found: found[1] + made + found[2], text, flags=re.DOTALL)
        PAGE.write_text(text, encoding="utf-8")
    assert f"<!-- {name} -->\n{made}<!-- /{name} -->" in text, "OUTGATE_REFRESH=1 writes it anew"


def test_every_point_in_time_is_named():
    text = PAGE.read_text(encoding="utf-8")
    assert [point for point in timeline.POINTS if f"`{point}`" not in text] == []
