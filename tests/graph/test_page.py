"""The page holds the picture and the table, runs nothing but its own script, and asks no network."""

import html
import re
import shutil
import subprocess
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given

from graph.drawing import GRAPHS, edge, graph, named
from outgate.graph.edges import legible
from outgate.graph.page import COLUMNS, SCRIPT, STYLE, page
from outgate.telemetry.calls import Caller, Place

BROWSERS = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
EMPTY = {"meta", "input"}


class Reader(HTMLParser):
    """Tags, attributes and the text of cells; every tag has to be closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


@given(GRAPHS)
def test_no_name_breaks_it(of):
    read, plain = Reader(page(of)), Reader(page(named("a", "b")))
    assert read.open == []
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert [set(attributes) for _, attributes in read.tags] == [set(attributes) for _, attributes in plain.tags]
    assert read.scripts == [SCRIPT]
    row = of.rows[0]
    assert read.cells[:2] == [legible(row.caller), legible(row.destination)]


def test_it_allows_its_own_script_and_style_alone():
    read = Reader(page(graph(edge())))
    policy = next(attributes["content"] for tag, attributes in read.tags if attributes.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    for text in (STYLE, SCRIPT):
        assert f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy
    assert not [name for _, attributes in read.tags for name in attributes if name in ("src", "href", "style")]
    assert re.findall(r"https?://[^\"]+", page(graph(edge()))) == ["http://www.w3.org/2000/svg"]


def test_every_edge_is_a_row_of_all_columns():
    read = Reader(page(graph(edge(times=3, errors=1), edge(verdict="deny"))))
    assert len(read.cells) == 2 * len(COLUMNS)
    told = dict(zip(COLUMNS, read.cells, strict=False))
    assert (told["caller"], told["verdict"], told["requests"], told["errors"]) == (
        "prod/web",
        "allowed",
        "3",
        "1 (33.3%)",
    )
    assert [head["scope"] for tag, head in read.tags if tag == "th"] == ["col"] * len(COLUMNS)


def dumped(tmp_path, of, fragment):
    """The page as a browser has it, once its script has run."""
    file = tmp_path / "calls.html"
    file.write_text(page(of), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    command = [BROWSER, *flags, f"file://{file}#{fragment}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_a_browser_filters_and_sorts_and_runs_nothing_else(tmp_path):
    bad = "<img src=x onerror=document.title='broken'>"
    edges = [
        edge(Caller("prod", name), Place("unregistered", bad), "deny", times) for name, times in (("a", 3), ("b", 1))
    ]
    text = dumped(tmp_path, graph(*edges, edge(Caller("batch", "c"), times=2)), "filter=prod&sort=4")
    rows = re.findall(r'<tr data-row="\d"( hidden="")?><td>([^<]+)</td><td>([^<]+)</td>', text)
    assert [(html.unescape(name), bool(hidden)) for hidden, name, _ in rows] == [
        ("prod/b", False),
        ("batch/c", True),
        ("prod/a", False),
    ]
    assert html.unescape(rows[0][2]) == bad
    assert "2 of 3 edges" in text
    assert re.findall(r'class="edge" data-row="(\d)" hidden', text) == ["1"]
    assert "<title>Who calls what: " in text
