from datetime import timedelta

import pytest

from outgate.pki import findings
from outgate.pki.findings import Located
from outgate.problems import Severity, Where
from pki import odd

KEYS = [odd.new_key() for _ in range(4)]
ROOT = odd.authority("root", KEYS[0])
MIDDLE = odd.authority("middle", KEYS[1], ROOT, KEYS[0])
LEAF = odd.leaf("a.example", KEYS[2], MIDDLE, KEYS[1])
DIRECT = odd.leaf("b.example", KEYS[2], ROOT, KEYS[0])


def located(certificate, file: str = "a.crt") -> Located:
    return Located(Where(file, 1, 1), certificate)


def lasting(days: float, before: float = 1) -> Located:
    return located(odd.authority("x", KEYS[3], start=odd.NOW - before * odd.DAY, end=odd.NOW + days * odd.DAY))


@pytest.mark.parametrize(
    ("days", "before", "severity", "words"),
    [
        (15, 400, None, ""),
        (13, 400, Severity.WARNING, "expires in 13 days, on"),
        (0.01, 400, Severity.WARNING, "expires in 0 days"),
        (-0.01, 400, Severity.ERROR, "expired on"),
        (5, -1, Severity.ERROR, "is not valid before"),
        # Seven days of life: the last third counts, not the last two weeks.
        (6, 1, None, ""),
        (2, 5, Severity.WARNING, "expires in 2 days"),
    ],
)
def test_validity_is_judged_by_date_and_length_of_life(days, before, severity, words):
    problem = findings.validity(lasting(days, before), odd.NOW)
    assert (problem.severity if problem else None) is severity
    assert not problem or words in problem.what


def test_the_notice_can_be_set():
    item = lasting(20)
    assert findings.validity(item, odd.NOW, timedelta(days=30)).what.startswith("'CN=x' expires in 20 days")
    assert findings.validity(item, odd.NOW, timedelta(days=10)) is None
    assert findings.validity(lasting(1, 400), odd.NOW, timedelta()) is None


def test_authorities_are_held_to_what_python_refuses():
    bare = located(odd.certificate("bare", KEYS[0], [(odd.AUTHORITY, True)]))
    whats = [problem.what for problem in findings.strictness(bare)]
    assert "'CN=bare' is an authority without key usage; Python 3.13 and later refuse it" in whats
    assert list(findings.strictness(located(ROOT))) == []
    assert list(findings.strictness(located(odd.certificate("leaf", KEYS[0], [])))) == []


def test_a_chain_is_whole_in_its_own_file():
    assert findings.chain(located(LEAF), [located(LEAF), located(MIDDLE)], [], []) is None
    assert findings.chain(located(ROOT), [located(ROOT)], [], []) is None


def test_a_root_may_be_elsewhere():
    assert findings.chain(located(DIRECT), [], [located(ROOT, "ca.crt")], []) is None
    assert findings.chain(located(DIRECT), [], [], [ROOT]) is None


def test_an_intermediate_elsewhere_has_to_be_appended():
    problem = findings.chain(located(LEAF), [located(LEAF)], [located(MIDDLE, "middle.crt")], [])
    assert "chain incomplete: the issuer 'CN=middle' of the certificate is in middle.crt only" in problem.what
    assert problem.hint == "append it to this file too"


def test_an_issuer_found_nowhere_makes_the_chain_incomplete():
    impostor = odd.authority("middle", KEYS[3])
    problem = findings.chain(located(LEAF), [located(LEAF)], [located(impostor, "x.crt")], [ROOT, impostor])
    assert "is nowhere" in problem.what
    assert problem.severity is Severity.ERROR
