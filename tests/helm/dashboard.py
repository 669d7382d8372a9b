"""The Grafana dashboard as data: its panels, its variables, and its expressions as Prometheus gets them.

Owns the reading of the file, and what Grafana puts in the place of a variable. Runs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from docpages.markdown import ROOT

FILE = ROOT / "helm" / "outgate" / "dashboards" / "outgate.json"
BY_GRAFANA = {"__rate_interval": "5m", "__interval": "5m", "__range": "1h"}
"""Times that Grafana knows; every other variable stands for all values."""
VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that show something, those in folded rows as well."""
    rows = [inner for panel in board["panels"] for inner in panel.get("panels", ())]
    return [panel for panel in [*board["panels"], *rows] if panel["type"] != "row"]


def expressions(board: dict[str, Any]) -> dict[str, str]:
    """What panels ask, by the panel's title and the letter of the query."""
    return {
        f"{panel['title']}, {target['refId']}": asked(target["expr"])
        for panel in panels(board)
        for target in panel["targets"]
    }


def annotations(board: dict[str, Any]) -> list[str]:
    """What marks in the panels are made from: most of the time there is nothing to mark."""
    return [asked(each["expr"]) for each in board["annotations"]["list"]]


def choices(board: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Variables whose values are asked for: the selector, and the label that has them."""
    found = {}
    for each in board["templating"]["list"]:
        if match := re.fullmatch(r"label_values\((.+), (\w+)\)", each.get("definition", "")):
            found[each["name"]] = asked(match[1]), match[2]
    return found


def used(board: dict[str, Any]) -> set[str]:
    """Names of variables that occur anywhere."""
    return {name for text in _texts(board) for name in VARIABLE.findall(text)}


def asked(expression: str) -> str:
    """An expression as Grafana sends it where everything is chosen."""
    return VARIABLE.sub(lambda match: BY_GRAFANA.get(match[1], ".*"), expression)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
