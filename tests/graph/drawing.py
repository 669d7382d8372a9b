"""Graphs to draw, in one line, and any text at all for their names."""

from hypothesis import strategies as st

from outgate.graph.edges import Graph, graph_of
from outgate.telemetry.calls import Caller, Calls, Edge, Place

WEB, API = Caller("prod", "web"), Place("registered", "EgressDestination/default/api")
WAY = ("HTTP/1.1", "mutual", 443, "registered")
NAMES = st.text(max_size=40) | st.sampled_from(
    [
        "</svg><script>alert(1)</script>",
        '"]; x -> y ["',
        "\\",
        '\\"',
        "&lt;&amp;",
        "]]>",
        "\x00\x1b[31m",
        "\u202e",
        "\ud800",
    ]
)


def edge(caller=WEB, place=API, verdict="allow", times=1, seconds=0.1, way=WAY, errors=0) -> Edge:
    made = Edge(caller, place, verdict, errors=errors)
    for number in range(times):
        made.count(1_700_000_000.0 + number, seconds, way)
    return made


def graph(*edges: Edge, source="127.0.0.1:15000", **chosen) -> Graph:
    return graph_of(Calls(1_700_000_000.0, edges), source, **chosen)


def named(caller: str, name: str, code: str = "unregistered") -> Graph:
    """One edge, whose every text is somebody's."""
    return graph(
        edge(Caller(address=caller), Place("unregistered", name), "deny", way=("", "", 0, code)), source=caller
    )


GRAPHS = st.builds(named, NAMES, NAMES, NAMES)
EDGES = st.builds(
    edge,
    st.sampled_from([Caller("prod", each) for each in "abc"]),
    st.sampled_from([Place("unregistered", each) for each in "xyz"]),
    st.sampled_from(["allow", "deny", "would_deny"]),
    st.integers(1, 50),
)
