"""The picture is XML whatever names hold, the same each time, and says in words what it shows."""

from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from graph.drawing import EDGES, GRAPHS, WEB, edge, graph
from outgate.graph.edges import legible
from outgate.graph.layout import DRAWN, SLOT, laid_out
from outgate.graph.svg import svg
from outgate.telemetry.calls import Caller, Place

NAMES = {"svg", "title", "desc", "rect", "text", "g", "path"}
SVG = "{http://www.w3.org/2000/svg}"


def drawn(of) -> ElementTree.Element:
    return ElementTree.fromstring(svg(of))


def titles(tree) -> list[str]:
    return [found.text for group in tree.iter(f"{SVG}g") for found in group.findall(f"{SVG}title")]


@given(GRAPHS)
def test_no_name_breaks_it(of):
    tree = drawn(of)
    assert {found.tag.removeprefix(SVG) for found in tree.iter()} <= NAMES
    assert not [name for found in tree.iter() for name in found.attrib if name.startswith("on") or "href" in name]
    row = of.rows[0]
    assert f"{legible(row.caller)} to {legible(row.destination)}: {legible(row.words)}" in titles(tree)


def test_it_says_what_it_shows():
    tree = drawn(graph(edge(times=3), edge(place=Place("unregistered", "b.example"), verdict="deny")))
    assert (tree.get("role"), tree.get("aria-labelledby")) == ("img", "calls-title calls-desc")
    assert [found.get("id") for found in tree[:2]] == ["calls-title", "calls-desc"]
    told = tree.find(f"{SVG}desc").text
    assert told.startswith("1 caller, 2 destinations; requests: 3 allowed, 0 would be denied, 1 denied. Most of them: ")
    assert "prod/web to default/api, allowed, 3 requests, " in told
    assert "prod/web: 4 requests" in titles(tree)
    assert "b.example, unregistered: 1 request" in titles(tree)


def test_verdicts_differ_in_more_than_colour_and_traffic_in_width():
    edges = [edge(times=9), edge(verdict="deny"), edge(verdict="would_deny", times=4)]
    paths = [group.find(f"{SVG}path") for group in drawn(graph(*edges)).iter(f"{SVG}g") if group.get("class") == "edge"]
    assert len({path.get("stroke-dasharray") for path in paths}) == 3
    widths = [float(path.get("stroke-width")) for path in paths]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 3


def test_nothing_called_is_a_picture_too():
    assert "nothing was called" in svg(graph())


def test_too_many_edges_are_said_to_be_left_out():
    many = [edge(place=Place("unregistered", f"{number}.example"), verdict="deny") for number in range(DRAWN + 7)]
    text = svg(graph(*many))
    assert text.count('class="edge"') == DRAWN
    assert "7 edges with fewer requests are not drawn" in text


@given(st.lists(EDGES, min_size=1, unique_by=lambda edge: (edge.caller, edge.place, edge.verdict)), st.randoms())
def test_the_same_edges_are_the_same_picture(edges, random):
    assert svg(graph(*edges)) == svg(graph(*random.sample(edges, len(edges))))


@given(st.lists(EDGES, min_size=1, unique_by=lambda edge: (edge.caller, edge.place, edge.verdict)))
def test_every_edge_has_a_slot_of_its_own_within_the_boxes_of_its_ends(edges):
    layout = laid_out(graph(*edges).rows)
    for side, boxes in enumerate((layout.callers, layout.destinations)):
        heights = sorted(height[side] for height in layout.heights)
        assert all(after - before >= SLOT for before, after in pairwise(heights))
        held = [box for height in heights for box in boxes if box.top < height < box.top + box.height]
        assert len(held) == len(edges)
        assert sum(box.requests for box in boxes) == sum(row.edge.requests for row in layout.rows)


def test_a_caller_named_like_another_has_a_box_of_its_own():
    layout = laid_out(graph(edge(), edge(Caller(address="prod/web"))).rows)
    assert [box.name for box in layout.callers] == ["prod/web", "prod/web"]
    assert WEB in {row.edge.caller for row in layout.rows}
