"""The documentation says what is so: names, links, tables and commands, each held to the code.

What is not run: `make` targets, which have to exist, and blocks that need a network where namespaces cannot be made.
`OUTGATE_REFRESH=1` writes the tables and the output of commands anew.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from docpages import names, shell, tables
from docpages.markdown import Block, Page, broken, pages
from e2e.lab import world
from e2e.lab.namespaces import Lab, unavailable
from e2e.lab.origins import LabOrigins
from e2e.lab.upstreams import Server

REFRESH = os.environ.get("OUTGATE_REFRESH") == "1"
PAGES = pages()
NAMED = [Page("docs/one-request.md"), Page("docs/security.md")]
STEPS = [step for page in PAGES for step in shell.steps(page)]
OUTSIDE = {"api.github.com": ("93.184.216.40", "2606:2800:220:1::40"), "example.com": ("93.184.216.41",)}
"""Names of the pages that the lab's pod knows, beside those of its world."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    assert broken(page) == []


@pytest.mark.parametrize("page", NAMED, ids=lambda page: page.name)
def test_names_of_the_code_are_in_the_code(page):
    assert page.quoted()
    assert list(filter(None, map(names.missing, page.quoted()))) == []


@pytest.mark.parametrize(
    "name",
    ["listen.Listener.nothing", "listen.nothing", "policy/nothing.py", "nothing.decide", "tests/test_docs.py::nil"],
)
def test_a_name_that_is_not_there_is_noticed(name):
    assert names.missing(name) is not None


# Tables.


@pytest.fixture(scope="session")
def texts():
    """Of the pages that have tables, by the names of these."""
    if REFRESH:
        tables.refresh()
    return {name: table.page.read_text(encoding="utf-8") for name, table in tables.TABLES.items()}


@pytest.mark.parametrize("name", tables.TABLES)
def test_tables_are_what_the_code_says(texts, name):
    assert tables.between(texts[name], name) == tables.rendered(name, texts[name]), "OUTGATE_REFRESH=1 writes it anew"


@pytest.mark.parametrize("name", [name for name, table in tables.TABLES.items() if table.worded])
def test_every_row_says_something(texts, name):
    assert tables.wordless(name, texts[name]) == []


# Commands.


@pytest.fixture(scope="module")
def pki():
    made = world.make_pki()
    yield made
    world.remove_pki(made)


@pytest.fixture
def outside(pki):
    """A pod from which the pages' hosts are reached, and nothing else is."""
    if reason := unavailable():
        pytest.skip(reason)
    certified = pki.servers.get("github") or pki.origin_ca.server("github", ["api.github.com"])
    pki.servers["github"] = certified
    at = tuple(f"[{address}]:443" if ":" in address else f"{address}:443" for address in OUTSIDE["api.github.com"])
    with Lab(OUTSIDE) as lab, LabOrigins(lab, [Server("github", "http", at, world.tls(pki, "github"))]):
        yield lab


@pytest.fixture
def place(request, pki):
    """Where the step at hand runs: a directory that every uid may enter, which `tmp_path` is not."""
    lab = request.getfixturevalue("outside") if request.node.callspec.params["step"].networked else None
    folder = Path(tempfile.mkdtemp(prefix="outgate-docs-"))
    yield shell.Place(folder, lab, {"OUTGATE_UPSTREAM_CA": str(pki.origin_ca.cert)})
    shutil.rmtree(folder)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_commands_do_what_the_page_says(step, place):
    with ExitStack() as stack:
        if step.starts:
            stack.enter_context(place.serving(step.block))
            return
        if step.gate is not None:
            stack.enter_context(place.serving(step.gate))
        done = place.run(step.block, shell.uid_of(step))
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    if step.shown is None:
        return
    if REFRESH and shell.settled(done.stdout) != shell.settled(step.shown.text):
        shell.show(step, done.stdout)
        return
    assert shell.settled(done.stdout) == shell.settled(step.shown.text)


def block(text):
    return Block("", 1, "sh", text, "", 3)


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("true", 0),
        ("false", 1),
        ("false  # exits 1", 0),
        ("true  # exits 1", 99),
        ("false\ntrue", 1),
        ("make demo", 0),
        ("make nonsense", 2),
        ("outgate explain GET https://api.github.com/ --policy \\\n  policy", 0),
    ],
)
def test_a_command_that_ends_otherwise_is_noticed(tmp_path, text, ended):
    assert shell.Place(tmp_path, None, {}).run(block(text)).returncode == ended


def test_blocks_find_the_gate_of_their_section_and_their_output():
    found = {str(step): step for step in shell.steps(Page("docs/commands.md"))}
    gates = [step for step in found.values() if step.starts]
    clients = [step for step in found.values() if step.gate is not None]
    assert (
        {step.block.section for step in gates}
        == {step.block.section for step in clients}
        == {"run", "status, get, log-level", "graph", "The admin endpoint"}
    )
    assert any(step.shown for step in clients)
