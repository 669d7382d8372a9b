"""Ways round the gate that were tried, each with what has to come of it."""

from __future__ import annotations

import pytest

from e2e.documents import access, defaults, destination, policy
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload, drain
from proxy.openings import Hello, client_hello

pytestmark = pytest.mark.netns

POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("*.wild.example", ports=("443/TLS",)),
    access("no-b", action="DENY", to=[{"hosts": ["b.wild.example"]}]),
)


@pytest.mark.parametrize("name", ["b.wild.example", "B.Wild.Example", "b.wild.example.", "B.WILD.EXAMPLE."])
def test_a_rule_on_a_tunnelled_name_is_escaped_by_no_other_spelling(
    workload: Workload, counting: Lab, origins: LabOrigins, journal: Journal, name: str
) -> None:
    with untouched(counting, *world.ADDRESSES["api"]), workload.dial("b.wild.example", 443) as made:
        made.sendall(client_hello(Hello(name)))
        assert drain(made) == b""
    entry = journal.one(verdict="deny")
    assert (entry["code"], entry["host"], entry["sni"]) == ("refused_by_rule", "b.wild.example", "b.wild.example")


def test_another_name_passes(workload: Workload, origins: LabOrigins) -> None:
    """The control: the same hello under a name that no rule is about is answered by the origin."""
    with workload.dial("a.wild.example", 443) as made:
        made.sendall(client_hello(Hello("a.wild.example.")))
        assert made.recv(1)[0] in (0x15, 0x16)
