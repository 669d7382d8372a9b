"""A lab of its own for what is exported: collectors stand beside the gate, and gates come and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from e2e.lab import world
from e2e.lab.gate import Entry, Gate
from e2e.lab.namespaces import Lab, unavailable
from e2e.lab.origins import LabOrigins
from e2e.lab.records import Record
from e2e.otlp import traffic
from e2e.otlp.collecting import collector
from e2e.otlp.told import Told
from e2e.workload import Workload
from telemetry.receiver import OVER

TURNS = count()
"""Where two files of this folder come to one worker there are two runs of each protocol."""


@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    if reason := unavailable():
        pytest.skip(reason)
    with Lab(world.NAMES) as made:
        traffic.name_hosts(made)
        yield made


@pytest.fixture(scope="package")
def standing_origins(lab: Lab, origin_pki: world.OriginPki) -> Iterator[LabOrigins]:
    with LabOrigins(lab, world.cast(origin_pki)) as running:
        yield running


@pytest.fixture
def workload(lab: Lab, origin_pki: world.OriginPki) -> Workload:
    return Workload(lab, origin_pki)


@dataclass(frozen=True)
class Ran:
    """What there is after one run of the traffic, when its gate has ended: what the collector was told, what origins
    saw, and the access log."""

    told: Told
    seen: list[Record]
    log: list[Entry]
    stderr: str

    def traceparents(self, path: str) -> list[str]:
        """What origins were told, each time that they were asked for a path."""
        heads = [seen for seen in self.seen if seen["event"] == "request"]
        asked = [head["headers"] for head in heads if head["line"].split(" ")[1].partition("?")[0] == path]
        calls = [seen for seen in self.seen if seen["event"] == "call"]
        asked += [call["metadata"] for call in calls if f"/lab.Echo/{call['method']}" == path]
        return [value for fields in asked for name, value in fields if name == "traceparent"]


@pytest.fixture(scope="package", params=OVER)
def ran(
    request: pytest.FixtureRequest, lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki
) -> Iterator[Ran]:
    """Once for each of OTLP's protocols."""
    standing_origins.records.forget()
    with collector(lab, request.param) as made:
        gate = Gate(lab, traffic.POLICY, origin_pki, settings=traffic.SETTINGS, environment=made.environ())
        with gate:
            traffic.run(Workload(lab, origin_pki), standing_origins, f"{request.param}{next(TURNS)}")
            stopped = gate.stop()
        assert stopped == 0, gate.stderr()
        yield Ran(made.told, standing_origins.records(), gate.log(), gate.stderr())
