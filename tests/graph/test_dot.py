"""What graphviz is given is one graph, whatever names hold."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given

from graph.drawing import GRAPHS, edge, graph
from outgate.graph.dot import dot, quoted
from outgate.graph.edges import legible
from outgate.telemetry.calls import Caller, Place

STRING = r'"(?:[^"\\\n]|\\.)*"'
ATTRIBUTES = rf"\[\w+=(?:{STRING}|[\w.]+)(?:, \w+=(?:{STRING}|[\w.]+))*\]"
STATEMENT = re.compile(rf"  (?:graph|node|edge|n\d+|n\d+ -> n\d+) {ATTRIBUTES};")


def understood(text: str) -> str:
    """What graphviz shows for a quoted string."""
    return re.sub(r"\\(.)", r"\1", text[1:-1]).replace("&amp;", "&")


@given(GRAPHS)
def test_no_name_breaks_it(of):
    first, *statements, last = dot(of).splitlines()
    assert (first, last) == ("digraph calls {", "}")
    assert [line for line in statements if not STATEMENT.fullmatch(line)] == []
    labels = [understood(label) for line in statements for label in re.findall(rf"\[label=({STRING})", line)]
    assert labels == [legible(text) for text in (of.rows[0].caller, of.rows[0].destination, of.rows[0].words)]


def test_what_graphviz_would_obey_is_shown():
    assert quoted('\\N "a" &lt;') == r'"\\N \"a\" &amp;lt;"'


def test_ends_are_nodes_of_their_own():
    text = dot(graph(edge(times=2), edge(Caller(address="x"), Place("unregistered", "x"), "deny")))
    assert text.count("label=") == 4 + 2
    assert "n0 -> n2 " in text
    assert "n1 -> n3 " in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs graphviz")
def test_graphviz_draws_it():
    text = dot(graph(edge(), edge(place=Place("unregistered", '"\\N<&>'), verdict="deny")))
    subprocess.run(["dot", "-Tsvg"], input=text, text=True, capture_output=True, timeout=60, check=True)
