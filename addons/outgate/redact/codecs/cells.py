"""What a cell of a table in HTML is called: by the head beside it, by that of its column, or by the term of a list.

Owns rows and their cells, as far as tags tell.
"""

from __future__ import annotations

LONGEST = 64
"""Characters of a head; more are no name."""
CELLS = frozenset(("td", "th", "dt", "dd"))
ROWS = frozenset(("tr", "table", "dl"))


class Cells:
    """Of one page, told of its tags and texts in their order."""

    def __init__(self) -> None:
        self._heads: list[str] = []
        self._row: list[tuple[str, str]] = []
        """Each cell's element and text."""
        self._within = False

    def opened(self, element: str) -> None:
        if element in CELLS:
            self._row.append((element, ""))
            self._within = True
        elif element in ROWS:
            self._ended(element)

    def closed(self, element: str) -> None:
        if element in CELLS:
            self._within = False
        elif element in ROWS:
            self._ended(element)

    def _ended(self, element: str) -> None:
        """A row that has nothing but heads is that of the columns."""
        if element != "tr":
            self._heads = []
        elif len(self._row) > 1 and all(kind == "th" for kind, _ in self._row):
            self._heads = [text for _, text in self._row]
        self._row, self._within = [], False

    def name(self, text: str) -> str:
        """Of the cell that a text is in; empty: it is in none, or that has no name."""
        if not self._within:
            return ""
        kind, before = self._row[-1]
        self._row[-1] = kind, f"{before}{text}"[: LONGEST + 1]
        if kind in ("th", "dt"):
            return ""
        name = self._called()
        return name if len(name) <= LONGEST else ""

    def _called(self) -> str:
        at = len(self._row) - 1
        if at and self._row[at - 1][0] in ("th", "dt"):
            return self._row[at - 1][1]
        if at < len(self._heads):
            return self._heads[at]
        return self._row[at - 1][1] if at and not self._heads else ""
