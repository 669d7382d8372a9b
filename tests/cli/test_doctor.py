"""`outgate doctor`: its words, its JSON and its exit code."""

import json
import re
from pathlib import Path

import pytest

from outgate.doctor import checkup
from outgate.doctor.finding import note, ok, wrong


@pytest.fixture
def found(monkeypatch):
    """What the one check there is finds."""
    findings = []
    monkeypatch.setattr(checkup, "CHECKS", (lambda patient: findings,))
    return findings


def test_nothing_wrong_is_0_and_notes_are_no_findings(terminal, found):
    found += [ok("clock", "it is right"), note("gate", "nobody answers", "start it")]
    done = terminal.run("doctor")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "ok     clock  it is right",
        "note   gate   nobody answers",
        "              -> start it",
        "0 findings",
    ]


def test_what_is_wrong_is_1_with_its_fix(terminal, found):
    found.append(wrong("CA", "it is\x1b[31m not there", "make one"))
    done = terminal.run("doctor")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == ["wrong  CA  it is\\x1b[31m not there", "           -> make one", "1 finding"]


def test_json_has_all_of_it(terminal, found):
    found.append(wrong("CA", "it is not there", "make one"))
    done = terminal.run("doctor", "-o", "json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "wrong": 1,
        "findings": [{"check": "CA", "outcome": "wrong", "what": "it is not there", "fix": "make one"}],
    }


def test_settings_that_cannot_be_read_are_a_finding_and_the_rest_is_looked_at(terminal, found):
    found.append(ok("clock", "it is right"))
    done = terminal.run("doctor", OUTGATE_LISTN="x")
    assert done.exit_code == 1
    assert 'unknown setting "listn"; did you mean "listen"?' in done.stdout
    assert "clock" in done.stdout


def test_every_check_has_its_row_in_the_documentation():
    source = Path(checkup.__file__).parent
    text = "".join(file.read_text(encoding="utf-8") for file in source.glob("*.py"))
    names = set(re.findall(r'(?:ok|note|wrong|_told)\(\s*"([^"]+)"|check(?:, \w+)? = "([^"]+)"', text))
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    section = page[page.index("\n## doctor\n") : page.index("<!-- flags doctor -->")]
    assert len(names) > 12
    assert [name for pair in names for name in pair if name and f"`{name}`" not in section] == []
