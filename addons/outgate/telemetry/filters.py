"""Which events a line is written for: a CEL expression over attributes, compiled once.

Owns what of an event an expression is shown, which is what it names and no more, and that an error in it is no line, as
with Envoy. The language is the library's, loaded by the first expression.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outgate.telemetry.attributes import ATTRIBUTES, Get
from outgate.telemetry.event import Event

if TYPE_CHECKING:
    from cel import Program

STRING = re.compile(r"[rRbB]{0,2}(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")", re.DOTALL)
COMMENT = re.compile(r"//[^\n]*")
MENTION = re.compile(r"(?<![\w.])(\w+)\s*(?:\.\s*(\w+))?")
LONGEST = 4096


class FilterError(ValueError):
    """An expression that is not understood: what is wrong, and what to write instead."""


@dataclass(slots=True)
class Filter:
    """Says whether a line is written."""

    source: str
    program: Program
    shown: dict[str, dict[str, Get]]
    """What the expression is shown: attributes, by the name before the dot and the one behind it."""
    failed: int = field(default=0)
    """How often there was no answer, or none of yes and no."""

    def __call__(self, event: Event) -> bool:
        context = {
            root: {name: value for name, get in gets.items() if (value := get(event)) is not None}
            for root, gets in self.shown.items()
        }
        try:
            answer = self.program.execute(context)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a panic below Python is no Exception, and must not end the gate
            answer = None
        if answer is not True and answer is not False:
            self.failed += 1
        return answer is True


def compiled(source: str) -> Filter:
    """Raises `FilterError`."""
    import cel  # most gates have no filter, and it takes 30 MB

    if len(source) > LONGEST:
        raise FilterError(f"the filter has {len(source)} characters; write at most {LONGEST}")
    try:
        program = cel.compile(source)
    except Exception as error:
        raise FilterError(f'"{source}" is no CEL expression: {_first(error)}') from error
    return Filter(source, program, _shown(source, program))


def _shown(source: str, program: Program) -> dict[str, dict[str, Get]]:
    """What is named in it. Raises `FilterError` for what there is not."""
    code = COMMENT.sub(" ", STRING.sub("''", source))
    bound = set(re.findall(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*(\w+)\s*,", code))
    shown: dict[str, dict[str, Get]] = {}
    for root in set(program.variables()) - bound:
        if root not in ATTRIBUTES:
            raise FilterError(f'there is no attribute "{root}"; {_instead(root, ATTRIBUTES)}')
        shown[root] = {}
    for root, name in MENTION.findall(code):
        if root in shown:
            shown[root] |= _attribute(root, name)
    return shown


def _attribute(root: str, name: str) -> dict[str, Get]:
    known = ATTRIBUTES[root]
    if not name:  # as a whole, or in brackets
        return known
    if name not in known:
        raise FilterError(f'there is no attribute "{root}.{name}"; {_instead(name, known, f"{root}.")}')
    return {name: known[name]}


def _instead(name: str, known: dict[str, dict[str, Get]] | dict[str, Get], before: str = "") -> str:
    close = difflib.get_close_matches(name, known, 1)
    return (
        f"did you mean {before}{close[0]}?" if close else f"write one of {', '.join(before + each for each in known)}"
    )


def _first(error: Exception) -> str:
    """The first line of what the library says."""
    text = str(error)
    found = re.search(r"ERROR: <input>:\d+:(\d+): ([^\n]*)", text)
    return f"column {found[1]}: {found[2]}" if found is not None else text.partition("\n")[0][:300]
