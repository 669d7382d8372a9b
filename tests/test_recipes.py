"""Recipes for test suites in Java and JavaScript, run as the page prints them, by the runners that they are for.

The network is cut. What no machine of ours has by itself lies in the directory that RECIPE_PARTS names.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from docpages import shell
from docpages.markdown import Page
from docpages.recipes import JUNIT, PLAYWRIGHT, WIREMOCK, files, needs, part

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


@pytest.mark.netns
@needs("node", "chromium", beside=(PLAYWRIGHT,))
def test_playwright_routes_from_har(playwright):
    code, said = playwright("har.config.js", "har.spec.js")
    assert code == 0, said
    assert "1 passed" in said
