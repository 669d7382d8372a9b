"""A collector that the gate of a lab reaches, and what a gate has to be told to export there at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from e2e.lab.bridge import Bridge
from e2e.lab.namespaces import Lab
from e2e.otlp.told import Told
from telemetry.receiver import OVER

FAST = {"OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
"""Milliseconds."""


@dataclass(frozen=True)
class Collector:
    """`address` is `HOST:PORT` in the pod; `told` reads what came."""

    address: str
    protocol: str
    told: Told

    def environ(self, **more: str) -> dict[str, str]:
        """Variables that lead a gate there."""
        endpoint = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{self.address}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": self.protocol,
        }
        return {**FAST, **endpoint, **more}


@contextmanager
def collector(lab: Lab, protocol: str = "http/protobuf") -> Iterator[Collector]:
    """Standing, for one of the protocols of OTLP."""
    with OVER[protocol]() as received, Bridge(lab, int(received.endpoint.rpartition(":")[2])) as bridge:
        yield Collector(bridge.address, protocol, Told(received))
