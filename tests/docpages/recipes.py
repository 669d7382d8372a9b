"""Recipes of the documentation for other people's test runners, and those runners.

Owns where the runners lie: in the directory that RECIPE_PARTS names, at any depth, as package managers leave them.
Without it, what needs them is skipped. A recipe is the blocks of one section; those that are files name theirs in their
first line.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from docpages.markdown import Page

PARTS = Path(os.environ.get("RECIPE_PARTS") or "/nonexistent")
WIREMOCK, JUNIT = "wiremock-standalone*.jar", "junit-platform-console-standalone*.jar"
PLAYWRIGHT = "node_modules/@playwright/test/cli.js"
NAMED = re.compile(r"// (\S+)\n")


def part(pattern: str) -> Path:
    """A file that a runner is started by. Raises StopIteration where it is not there."""
    return next(iter(sorted(PARTS.rglob(pattern))))


def needs(*programs: str, beside: tuple[str, ...]) -> pytest.MarkDecorator:
    """Programs of the system, and files of the directory."""
    missing = [name for name in programs if not shutil.which(name)]
    missing += [name for name in beside if not any(PARTS.rglob(name))]
    reason = f"neither the system nor the directory that RECIPE_PARTS names has {', '.join(missing)}"
    return pytest.mark.skipif(bool(missing), reason=reason)


def files(page: Page, section: str, folder: Path) -> list[str]:
    """Write the files that a section shows. Their names, in its order."""
    shown = [block.text for block in page.blocks("java", "js") if block.section == section]
    named = [(match[1], text) for text in shown if (match := NAMED.match(text))]
    assert len(named) == len(shown), "the first line of a file names it"
    for name, text in named:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [name for name, _ in named]
