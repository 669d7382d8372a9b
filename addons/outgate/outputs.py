"""The outputs of one gate: access logs, metrics, what leaves for a collector, captures, made from settings and policy.

Owns that they show URLs alike and follow the policy together. Knows no traffic: they are told of it by the recorder.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, TextIO, cast

from outgate.capture.keeper import Keeper
from outgate.policy.snapshot import Policy
from outgate.policy.telemetry_model import SinkKind
from outgate.settings import MetricsSource, Settings
from outgate.telemetry import names
from outgate.telemetry.accesslogs import AccessLogs, Outlets
from outgate.telemetry.exporting import SHUTDOWN, Exports
from outgate.telemetry.istio_labels import Reporter
from outgate.telemetry.metrics import Metrics
from outgate.telemetry.sinks import StreamSink
from outgate.telemetry.turn import Turn

MASTER = 32
"""Bytes of the key that replacements are made with."""


@dataclass(frozen=True, slots=True)
class Outputs:
    logs: AccessLogs
    metrics: Metrics
    exports: Exports
    keeper: Keeper

    def start(self) -> None:
        """Begin to send and to keep. In the process that goes on: a fork takes no threads along."""
        self.exports.start()
        self.keeper.start()

    def stop(self) -> None:
        """Send and write what waits, within a bound. Blocks as long."""
        self.keeper.close(SHUTDOWN)
        self.exports.stop()
        self.keeper.join()

    def follow(self, policy: Policy) -> None:
        """Another policy is in force."""
        self.logs.follow(policy.telemetry, policy.telemetry_of)
        self.begin(policy)

    def begin(self, policy: Policy) -> None:
        """The same for what does not know it from the first."""
        ruled = any(rule.metrics for rule in policy.telemetry.rules)
        self.metrics.follow(policy.destinations, policy.telemetry_of if ruled else None)
        self.exports.keep_logs({sink.target for sink in policy.telemetry.sinks if sink.kind is SinkKind.OTLP})
        self.exports.spans.follow(policy.telemetry.span_sinks)
        self.keeper.follow(policy.keeping)

    def counts(self) -> Mapping[str, int]:
        """What left and what was lost, by name."""
        failed = {"filters_failed": number} if (number := self.logs.filters_failed) else {}
        return {"log_dropped": self.logs.dropped} | failed | self.exports.counts() | self.keeper.counts()


def outputs_of(settings: Settings, policy: Policy, turn: Turn | None = None, master: bytes | None = None) -> Outputs:
    """None of them started. In `turn` several processes write to one standard output. `master`: the key that they make
    replacements with, so that equal values join whoever captures them."""
    limits = settings.limits
    exports = Exports(settings.export, settings.tracing, os.environ)
    outlets = Outlets(
        lambda target: exports.logs(target).put, settings.export.logs.wanted, limits.log_file, limits.log_files
    )
    logs = AccessLogs(
        StreamSink(_unbuffered(sys.stdout), turn),
        policy.telemetry,
        policy.telemetry_of,
        outlets,
        exports.showing,
        own=settings.access_log,
    )
    reporter = Reporter(settings.gate, settings.cluster, always=settings.metrics_source is MetricsSource.GATE)
    metrics = Metrics(reporter, hosts=limits.metric_hosts, series=limits.metric_series)
    keeper = Keeper(master or secrets.token_bytes(MASTER))
    metrics.read_each(names.REDACTIONS, lambda: dict(keeper.rules))
    outputs = Outputs(logs, metrics, exports, keeper)
    outputs.begin(policy)
    return outputs


def _unbuffered(stream: TextIO) -> BinaryIO:
    """What lies below a text stream, with nothing in between that would keep what could not be written."""
    return cast(BinaryIO, getattr(stream.buffer, "raw", stream.buffer))
