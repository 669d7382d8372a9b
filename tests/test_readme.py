"""The README shows what happens: the demo's rows as the demo shows them, in the order of what a reader needs."""

from __future__ import annotations

import ast
import tomllib

import pytest

import demo_rows
from docpages.markdown import ROOT, Page
from docpages.shell import steps

README = Page("README.md")


@pytest.fixture(scope="module")
def demo():
    return next(block for block in README.blocks("text") if "what the application tried" in block.text)


def test_its_rows_are_the_demos(demo):
    """`tests/test_demo.py` holds the same rows to the demo as it runs."""
    assert demo_rows.read(demo.text) == demo_rows.NAMESPACES


def test_what_follows_the_rows_is_what_the_demo_says(demo):
    tree = ast.parse((ROOT / "demo" / "run.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    further = next(node.value.value for node in assigned if node.targets[0].id == "_FURTHER")
    _, _, tail = demo.text.partition("\n\n")
    first, _, rest = tail.partition("\n")
    assert first.startswith(f"{len(demo_rows.NAMESPACES)} attempts in ")
    assert first.endswith("Where to look further:")
    assert rest == further


def test_it_begins_with_what_outgate_is_and_the_demo(demo):
    title, said = README.text.splitlines()[0], README.text.splitlines()[2]
    assert title == "# outgate"
    assert said.startswith("outgate is ")
    assert steps(README)[0].block.text == "make demo\n"
    assert steps(README)[0].block.end < demo.line < 20


@pytest.mark.parametrize("heading", ["What it does", "What it does not do", "Requirements"])
def test_it_says_what_to_expect_and_what_not(heading):
    assert f"\n## {heading}\n" in README.text


def test_it_is_the_packages_description():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["readme"] == README.name
