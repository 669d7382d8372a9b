"""`outgate doctor` beside a gate that runs in a lab: content with what is well, and finding what breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from e2e.lab import world
from e2e.lab.gate import ADDONS, OUTGATE, Gate
from e2e.lab.namespaces import Lab

pytestmark = pytest.mark.netns

POLICY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: defaults}
spec: {mode: REGISTRY_ONLY}
"""

type Doctor = Callable[..., dict[str, list[str]]]


@pytest.fixture
def doctor(gate: Gate, lab: Lab, origin_pki: world.OriginPki) -> Doctor:
    """Looks at the module's gate, as root in its pod, and gives what is wrong, by check."""

    def look(**settings: object) -> dict[str, list[str]]:
        key = gate.policy.parent / origin_pki.gate_ca.key.name
        known = {"ca_certificate": origin_pki.gate_ca.cert, "ca_key": key, **settings}
        pairs = [part for name, value in known.items() for part in ("--set", f"{name}={value}")]
        argv = [*OUTGATE, "doctor", "--policy", str(gate.policy), *pairs, "-o", "json"]
        told: dict[str, Any] = json.loads(lab.run_in(lab.pod, argv, env={"PYTHONPATH": ADDONS}).stdout)
        wrong: dict[str, list[str]] = {}
        for finding in told["findings"]:
            if finding["outcome"] == "wrong":
                assert finding["fix"]
                wrong.setdefault(finding["check"], []).append(finding["what"])
        return wrong

    return look


def test_beside_a_gate_that_is_well_only_the_labs_missing_resolver_is_wrong(doctor):
    assert doctor().keys() == {"resolver"}


def test_a_port_that_the_rules_do_not_know_is_found(doctor):
    assert "it turns to port 15001, and the gate is set to listen on 15099" in doctor(listen=":15099")["redirect"]


@pytest.fixture
def rules(gate):
    """The rules, in order again after the test."""
    yield
    gate.iptables("install")


def test_a_table_that_was_lost_is_found(doctor, lab, rules):
    done = lab.run_in(lab.pod, ["iptables-nft", "-w", "-t", "nat", "-F", "OUTGATE_OUTPUT"])
    if done.returncode:
        pytest.skip(f"the rules are not nft's: {done.stderr}")
    found = doctor()["redirect"]
    assert any("not redirected" in what for what in found), found


def test_rules_that_leave_somebody_else_alone_are_found(doctor, gate, rules):
    gate.iptables("install", "--uid", "1400")
    found = doctor()
    assert found["gate's uid"] == ["uid 1337 listens on port 15001, and the rules leave uid 1400 alone"]


def test_rules_that_are_gone_are_found(doctor, gate, rules):
    gate.iptables("remove")
    assert doctor()["redirect"] == ["it is not installed, so nothing holds the workload"]
