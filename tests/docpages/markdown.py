"""Pages as data: fenced blocks, names in backticks, headings, links.

Owns the reading of Markdown as the documentation uses it. Knows nothing of what a page says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of its fence, counted from 1."""

    page: str
    line: int
    language: str
    text: str
    section: str
    """The heading above it."""
    end: int
    """The line of the closing fence."""


@dataclass(frozen=True)
class Page:
    """A Markdown file, by its path below the repository."""

    name: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> list[Block]:
        """The fenced blocks of these languages, in order; all of them where none is named."""
        found = []
        for match in FENCE.finditer(self.text):
            before = self.text[: match.start()]
            line = before.count("\n") + 1
            headings = re.findall(r"^#+ (.+)$", FENCE.sub("", before), re.MULTILINE)
            section = headings[-1] if headings else ""
            block = Block(self.name, line, match[1], match[2], section, line + match[0].count("\n"))
            if not languages or block.language in languages:
                found.append(block)
        return found

    def quoted(self) -> list[str]:
        """What stands in backticks outside fenced blocks, each once, in order."""
        return list(dict.fromkeys(re.findall(r"`([^`\n]+)`", self.prose)))

    def headings(self) -> set[str]:
        """Anchors of the headings, as links name them."""
        titles = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}

    def links(self) -> list[str]:
        """Targets of links within the repository."""
        return [target for target in re.findall(r"\]\(([^)]+)\)", self.prose) if "://" not in target]


def pages() -> list[Page]:
    """The README and everything below docs."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [Page(str(path.relative_to(ROOT))) for path in found]


def broken(page: Page) -> list[str]:
    """Links of a page that lead nowhere."""
    return [link for link in page.links() if not _leads(page, link)]


def _leads(page: Page, link: str) -> bool:
    file, _, anchor = link.partition("#")
    path = (page.path.parent / file).resolve() if file else page.path
    if not path.exists():
        return False
    return not anchor or anchor in Page(str(path.relative_to(ROOT))).headings()
