"""Half a minute of random faults; `python -m e2e.soak` runs as long as one likes."""

from __future__ import annotations

import pytest

from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins

from .oracle import BOTH, CASES, FIRST, SECOND, Case, Outcome, wrong
from .run import failures, soak

SECONDS, SEED = 35.0, 11


@pytest.mark.slow
@pytest.mark.netns
def test_faults_change_no_verdict_and_nothing_unapproved_is_reached(
    counting: Lab, origins: LabOrigins, origin_pki: world.OriginPki
) -> None:
    found = soak(counting, origins, origin_pki, SECONDS, SEED)
    assert failures(found) == []
    assert found["requests"] > 500
    assert found["log"]["lines"] > 100
    assert found["reloads"] > 10
    assert sum(row["count"] for row in found["outages"].values()) > 3
    for case in CASES:
        through = found["outcomes"][case.name].get("200", 0)
        assert through if case.allowed == BOTH and not case.faulty else case.allowed or not through, case.name


PLAIN, ALONE = Case("plain", "a.example", BOTH), Case("alone", "a.example", frozenset({FIRST}))
NEVER = Case("never", "b.example")
CUT = Case("cut", "a.example", BOTH, cut=True)


@pytest.mark.parametrize(
    ("case", "policy", "outcome", "complaint"),
    [
        (NEVER, "", Outcome(200), "got through"),
        (NEVER, FIRST, Outcome(502, "unregistered"), None),
        (NEVER, "", Outcome(0), None),
        (NEVER, "", Outcome(200, whole=False), "got through"),
        (CUT, "", Outcome(200), "looked whole"),
        (CUT, "", Outcome(200, whole=False), None),
        (PLAIN, "", Outcome(502, "unregistered"), "denied"),
        (PLAIN, "", Outcome(503, "connect_failed"), None),
        (ALONE, FIRST, Outcome(200), None),
        (ALONE, SECOND, Outcome(200), "got through"),
        (ALONE, "", Outcome(200), None),
        (ALONE, "", Outcome(502, "unregistered"), None),
        (ALONE, FIRST, Outcome(502, "unregistered"), "denied"),
    ],
)
def test_the_judge_knows_right_from_wrong(case: Case, policy: str, outcome: Outcome, complaint: str | None) -> None:
    told = wrong(case, policy, outcome)
    assert (complaint in told) if complaint and told else told is complaint
