"""From an event to the labels that Istio's dashboards and Kiali ask for.

Owns what each label says. Kiali leaves out a series that lacks one of most of these, so what is not known is
`unknown`. Values that others choose arrive bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from outgate.policy.model import Attempt, Decision, Gate, Identity, Traffic
from outgate.telemetry.event import Event, Fields
from outgate.telemetry.hosts import pattern
from outgate.telemetry.names import (
    BLACK_HOLE,
    ISTIO_HTTP,
    ISTIO_TCP,
    NOTHING,
    OTHER,
    PASSTHROUGH,
    UNKNOWN,
)

LATEST = "latest"
SPIFFE = "spiffe://"
# fmt: off
FLAGS = frozenset([
    "DC", "DF", "DI", "DO", "DPE", "DR", "DT", "FI", "IH", "LH", "LR", "NC", "NFCF", "NR", "OM", "RFCF", "RL",
    "RLSE", "SI", "UAEX", "UC", "UDO", "UF", "UH", "UMSDR", "UO", "UPE", "UR", "URX", "UT"
])
# fmt: on
"""Envoy's; an origin cannot make up others."""
GRPC_CODES = frozenset(map(str, range(17)))
NAMED, CANONICAL, REVISION = "service.istio.io/workload-name", "service.istio.io/canonical-name", "version"
APP = ("app", "app.kubernetes.io/name")
NAMES = (NAMED, CANONICAL, "app.kubernetes.io/name", "app")
REVISIONS = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", REVISION)


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who is said to have sent what passes: its caller where it is known, or the gate, as an egress gateway has it."""

    gate: Gate = field(default_factory=Gate)
    cluster: str = "Kubernetes"
    always: bool = False
    """The gate, whoever called."""

    def labels(self, caller: Identity) -> tuple[str, ...]:
        """The values of `names.CALLER`."""
        if self.always or not (caller.namespace or caller.service_account or caller.labels):
            return self._labels(self.gate.namespace, self.gate.name, dict(self.gate.labels), caller, named=True)
        return self._labels(caller.namespace, caller.service_account, dict(caller.labels), caller, named=False)

    def _labels(
        self, namespace: str, name: str, labels: dict[str, str], caller: Identity, *, named: bool
    ) -> tuple[str, ...]:
        workload = (name if named else "") or _first(labels, NAMES) or name or UNKNOWN
        return (
            workload,
            namespace or UNKNOWN,
            f"{SPIFFE}{caller.principal}" if caller.principal else UNKNOWN,
            _first(labels, APP) or UNKNOWN,
            _first(labels, REVISIONS[1:]) or UNKNOWN,
            _first(labels, NAMES[1:]) or workload,
            _first(labels, REVISIONS) or LATEST,
            self.cluster,
        )

    def nobody(self) -> tuple[str, ...]:
        """The same where there are too many callers."""
        return (*(UNKNOWN,) * 6, LATEST, self.cluster)


def istio(event: Event, host: str, source: tuple[str, ...], status: str) -> tuple[str, ...]:
    """The values of `ISTIO_HTTP`. `host` is the bounded name."""
    protocol = protocol_of(event)
    return (
        "source",
        *source,
        *_destination(host, service_name(event, host), dict(event.endpoint_labels)),
        protocol,
        flags_of(event.flags),
        UNKNOWN,
        status,
        grpc_status(event) if protocol == "grpc" else "",
    )


def folded(event: Event, nobody: tuple[str, ...], status: str) -> tuple[str, ...]:
    """The same where there is no room: what kind of traffic it was and how it went, and no more."""
    name = cluster(event.decision)
    return (
        "source",
        *nobody,
        *_destination(OTHER, name or OTHER, {}),
        protocol_of(event),
        NOTHING,
        UNKNOWN,
        f"{status[:1]}00" if status != "0" else "0",
        "",
    )


def tcp(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values of `ISTIO_TCP` among those of `ISTIO_HTTP`."""
    return values[: len(ISTIO_TCP)]


assert ISTIO_HTTP[: len(ISTIO_TCP)] == ISTIO_TCP


def _destination(service: str, name: str, labels: dict[str, str]) -> tuple[str, ...]:
    """Outside there are no workloads, but endpoints may be labelled. The order is that of `names.DESTINATION`."""
    app, version = _first(labels, APP) or UNKNOWN, _first(labels, REVISIONS[1:]) or UNKNOWN
    return (*(UNKNOWN,) * 3, app, version, service, name, UNKNOWN, UNKNOWN, LATEST, UNKNOWN)


def cluster(decision: Decision | None) -> str:
    """Istio's name for where unregistered traffic goes; empty for what is registered."""
    if decision is None or decision.traffic is Traffic.BLACKHOLE:
        return BLACK_HOLE
    return PASSTHROUGH if decision.traffic is Traffic.PASSTHROUGH else ""


def service_name(event: Event, host: str) -> str:
    """What Kiali draws: the registered host or pattern, or the destination's name where it is known by address."""
    decision = event.decision
    if name := cluster(decision):
        return name
    if decision is None or decision.destination is None:
        return host
    found = pattern(event.named, decision.destination)
    # Kiali leaves out services that are addresses.
    return found if found and not _is_address(found) else decision.destination.name or host


def protocol_of(event: Event) -> str:
    attempt: Attempt | None = event.attempt
    if event.kind != "http":
        return "tcp"
    return "grpc" if attempt is not None and attempt.grpc else "http"


def status_of(status: int) -> str:
    """`0` where no answer began, or none with a status that there is."""
    return str(status) if 100 <= status <= 999 else "0"


def flags_of(flags: str) -> str:
    return ",".join(flag for flag in flags.split(",") if flag in FLAGS) or NOTHING


def grpc_status(event: Event) -> str:
    """Of the trailers, or of an answer that is nothing else."""
    found = _field(event.trailer_fields, b"grpc-status") or _field(event.response_fields, b"grpc-status")
    return found if found in GRPC_CODES else ""


def _field(fields: Fields, name: bytes) -> str:
    return next((value.decode("latin-1").strip() for key, value in fields if key.lower() == name), "")


def _first(labels: dict[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def _is_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()
