"""Who may reach what, by the uid that the kernel names for a connection, through the redirect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.documents import access, defaults, destination, policy
from e2e.lab import world
from e2e.lab.gate import UID, Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins

pytestmark = pytest.mark.netns

WEB, BATCH, NOBODY = 1000, 1001, 1002


@pytest.fixture(scope="module")
def gate(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> Iterator[Gate]:
    mapped = [
        {"uids": [WEB], "namespace": "prod", "serviceAccount": "web"},
        {"uids": [BATCH], "namespace": "batch", "serviceAccount": "jobs"},
    ]
    documents = policy(
        defaults(mode="REGISTRY_ONLY", identities=mapped),
        destination("api.example", ports=("80/HTTP",)),
        access("web-only", action="ALLOW", sources=[{"namespaces": ["prod"]}], to=[{"hosts": ["api.example"]}]),
    )
    with Gate(lab, documents, origin_pki) as running:
        yield running


@pytest.mark.parametrize(("uid", "status"), [(WEB, "403"), (UID, "200"), (0, "200")])
def test_the_admin_endpoint_answers_the_gate_and_root_and_no_workload(
    lab: Lab, gate: Gate, uid: int, status: str
) -> None:
    ask = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "8"]
    for request in (["http://127.0.0.1:15000/config"], ["-X", "POST", "http://localhost:15000/reload"]):
        assert lab.run_in(lab.pod, [*ask, *request], uid).stdout == status


@pytest.mark.parametrize("family", ["-4", "-6"])
@pytest.mark.parametrize(
    ("uid", "status", "namespace"), [(WEB, "200", "prod"), (BATCH, "403", "batch"), (NOBODY, "403", None)]
)
def test_a_uid_is_who_the_policy_says_it_is(
    lab: Lab, gate: Gate, uid: int, status: str, namespace: str | None, family: str
) -> None:
    before = len(gate.log())
    curl = [
        "curl",
        "-s",
        family,
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--max-time",
        "8",
        "http://api.example/hello",
    ]
    assert lab.run_in(lab.pod, curl, uid).stdout == status
    entry = gate.log(before + 1)[-1]
    assert entry.get("namespace") == namespace
