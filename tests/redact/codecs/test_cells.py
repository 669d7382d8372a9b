"""Cells of tables have the names that stand beside them, or over them."""

import pytest

from outgate.redact.codecs import html
from outgate.redact.codecs.cells import LONGEST


def names(page: str) -> dict[str, str]:
    return {leaf.text: leaf.name for leaf in html.read(page.encode())}


@pytest.mark.parametrize(
    ("page", "value", "name"),
    [
        ("<table><tr><th>Surname</th><td>Doe</td></tr></table>", "Doe", "Surname"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", "2", "B"),
        ("<table><tr><td>Surname</td><td><b>Doe</b></td></tr></table>", "Doe", "Surname"),
        ("<TABLE><TR><TH>Sur<i>name</i></TH><TD>Doe</TD></TR></TABLE>", "Doe", "Surname"),
        ("<dl><dt>Surname<dd>Doe</dl>", "Doe", "Surname"),
        ("<table><tr><th>A<th>B<tr><td>1<td>2</table>", "1", "A"),
    ],
)
def test_a_cell_is_called_by_its_head(page, value, name):
    assert names(page)[value] == name


@pytest.mark.parametrize(
    ("page", "value", "name"),
    [
        ("<tr><th>Surname</th></tr><p>Doe</p>", "Doe", "p"),
        ("<table><tr><th>A</th><th>B</th></tr></table><table><tr><td>1</td></tr></table>", "1", "td"),
        (f"<tr><th>{'a' * (LONGEST + 1)}</th><td>Doe</td></tr>", "Doe", "td"),
        ("<tr><th>Surname</th></tr>", "Surname", "th"),
    ],
)
def test_what_has_none_keeps_the_name_of_its_element(page, value, name):
    assert names(page)[value] == name
