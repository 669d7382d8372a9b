"""What an expression of PromQL speaks of: names of metrics and of labels.

Owns the reading of them, as far as the project writes PromQL. Whether an expression is right is promtool's to say.
"""

from __future__ import annotations

import re

METRIC = re.compile(r"\b(?:istio|outgate|http|dns)_\w+")
BRACES = re.compile(r"\{([^{}]*)\}")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
CLAUSE = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)")
STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"")
PART = re.compile(r"_(bucket|sum|count)$")


def metrics(expression: str) -> set[str]:
    """Names of metrics, of a histogram's parts the histogram's; `outgate_` and such alone, no `up`."""
    bare = CLAUSE.sub("", BRACES.sub("", STRING.sub('""', expression)))
    return {PART.sub("", name) for name in METRIC.findall(bare)}


def labels(expression: str) -> set[str]:
    """Names of labels in selectors and in grouping clauses."""
    selected = {name for inside in BRACES.findall(expression) for name in MATCHER.findall(inside)}
    grouped = {name.strip() for clause in CLAUSE.findall(expression) for name in clause.split(",")}
    return selected | (grouped - {""})
