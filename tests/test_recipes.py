"""Recipes for test suites in Java and JavaScript, run as the page prints them, by the runners that they are for.

The network is cut. What no machine of ours has by itself lies in the directory that RECIPE_PARTS names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from capture.exchanges import sealed
from docpages import shell
from docpages.markdown import Page
from docpages.recipes import JUNIT, PLAYWRIGHT, WIREMOCK, files, needs, part
from outgate.capture.record import write
from outgate.redact.exchange import WebSocketMessage

PAGE = Page("docs/replay.md")
JAVA, BROWSER = "JUnit with WireMock", "Playwright"
CUT = 'ip link set lo up && exec "$@"'
ELSEWHERE = """
const told = require('./playwright.config.js');
const launchOptions = { executablePath: process.env.CHROMIUM };
module.exports = { ...told, use: { ...told.use, launchOptions } };
"""
"""The page's configuration, with the system's browser instead of the one that Playwright brings."""
HAR_ALONE = "module.exports = { use: { launchOptions: { executablePath: process.env.CHROMIUM } } };"


@pytest.fixture
def place(tmp_path):
    return shell.Place(tmp_path, None, {"CHROMIUM": shutil.which("chromium") or ""})


def prepared(place, section):
    """What a reader has before the runner starts. The files of the recipe."""
    for step in shell.steps(PAGE):
        if step.block.section == section:
            assert place.run(step.block).returncode == 0
    return files(PAGE, section, place.folder)


def run(place, *command):
    environment = place.environment | {"PATH": f"{place.folder / shell.PROGRAMS}:{os.environ['PATH']}"}
    cut = ["unshare", "--net", "sh", "-c", CUT, "sh", *map(str, command)]
    done = subprocess.run(cut, cwd=place.folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_file_of_a_recipe_is_where_its_first_line_says(tmp_path):
    assert files(PAGE, JAVA, tmp_path) == ["src/test/java/OrdersTest.java"]
    assert files(PAGE, BROWSER, tmp_path) == ["har.spec.js", "playwright.config.js", "replay.spec.js"]
    assert (tmp_path / "har.spec.js").read_text().startswith("// har.spec.js\nconst")


@pytest.mark.netns
@needs("java", "javac", beside=(WIREMOCK, JUNIT))
def test_junit_asks_wiremock(place):
    classes = ["-cp", f"classes:src/test/resources:{part(WIREMOCK)}:{part(JUNIT)}"]
    code, said = run(place, "javac", *classes, "-d", "classes", *prepared(place, JAVA))
    assert code == 0, said
    code, said = run(place, "java", "-jar", part(JUNIT), *classes, "--scan-classpath", "classes")
    assert code == 0, said
    assert "2 tests successful" in said


@pytest.fixture
def playwright(place):
    (place.folder / "node_modules").symlink_to(part(PLAYWRIGHT).parents[2])
    assert prepared(place, BROWSER)
    (place.folder / "here.config.js").write_text(ELSEWHERE)
    (place.folder / "har.config.js").write_text(HAR_ALONE)
    return lambda config, spec: run(place, "node", part(PLAYWRIGHT), "test", "-c", config, spec)


@pytest.mark.netns
@needs("node", "chromium", beside=(PLAYWRIGHT,))
def test_playwright_asks_a_replay(playwright):
    code, said = playwright("here.config.js", "replay.spec.js")
    assert code == 0, said
    assert "1 passed" in said
    assert "3 requests answered" in said, "the replay tells of itself at its end"


TALKING = """<p></p><script>
const say = text => { document.querySelector('p').textContent += ` ${text}` };
const body = (n) => JSON.stringify({ variables: { n }, operationName: 'A', query: 'query A($n:Int){a(n:$n)}' });
new EventSource('/events').onmessage = event => say(event.data);
const socket = new WebSocket('wss://shop.example/ws');
socket.onopen = () => socket.send('{"b":1,"a":2}');
socket.onmessage = event => say(event.data);
for (const n of [2, 1]) fetch('/graphql', { method: 'POST', body: body(n) }).then(got => got.text()).then(say);
</script>"""
HEARD = """
const { test, expect } = require('@playwright/test');
test('everything is said', async ({ page }) => {
  await page.goto('https://shop.example/');
  for (const said of ['first', 'second', 'hello', 'one', 'two']) await expect(page.locator('p')).toContainText(said);
});
"""
UPGRADE = {
    "fields": [(b"upgrade", b"websocket"), (b"connection", b"Upgrade")],
    "answered": [(b"upgrade", b"websocket")],
}


def talk():
    """What a page asks for that is no plain request, or differs by its body alone."""
    html, events = [(b"content-type", b"text/html")], [(b"content-type", b"text/event-stream")]
    yield sealed("https://shop.example/", answered=html, answer=TALKING.encode())
    yield sealed("https://shop.example/events", answered=events, answer=b"data: first\n\ndata: second\n\n")
    for number, word in ((1, b"one"), (2, b"two")):
        asked = {"operationName": "A", "query": "query A($n: Int) { a(n: $n) }", "variables": {"n": number}}
        yield sealed("https://shop.example/graphql", "POST", json.dumps(asked).encode(), answer=word)
    said = WebSocketMessage(0.1, True, True, b'{"a": 2, "b": 1}'), WebSocketMessage(0.2, False, True, b"hello")
    yield sealed("https://shop.example/ws", status=101, messages=said, close_code=1000, **UPGRADE)


@pytest.mark.netns
@needs("node", "chromium", beside=(PLAYWRIGHT,))
def test_a_replay_talks_to_a_browser(place, playwright):
    (place.folder / "shop.ndjson").write_bytes(b"".join(write(each) + b"\n" for each in talk()))
    (place.folder / "talk.spec.js").write_text(HEARD)
    code, said = playwright("here.config.js", "talk.spec.js")
    assert code == 0, said


@pytest.mark.netns
@needs("node", "chromium", beside=(PLAYWRIGHT,))
def test_playwright_routes_from_har(playwright):
    code, said = playwright("har.config.js", "har.spec.js")
    assert code == 0, said
    assert "1 passed" in said
