"""Sidecar: what some workloads see, and what happens to the rest of their traffic.

Owns the shape and the translation to `Scope`. Which scope a caller gets is decided per caller.
"""

from __future__ import annotations

from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio import server_tls, traffic_policy
from outgate.policy.frontends.istio.common import (
    BIND,
    NAME,
    OPTIONAL_PORT,
    PORT,
    Checked,
    Labels,
    Placed,
    label_fault,
)
from outgate.policy.frontends.istio.gateway import host_part_fault
from outgate.policy.frontends.istio.ports import PROTOCOL
from outgate.policy.frontends.istio.resource import NETWORKING, Kind, Resource, envelope
from outgate.policy.frontends.istio.sidecar_checks import check
from outgate.policy.hosts import canonical_pattern
from outgate.policy.model import Fate, Import, Mode, Scope
from outgate.policy.schema import Choice, Field, Fields, Record, Sequence, Text

INBOUND = "the gate carries what leaves"


def egress_host_fault(text: str) -> str:
    """Of `namespace/host`; the namespace may be `*`, `.`, or excluded by a leading `~`."""
    namespace, slash, host = text.partition("/")
    if not slash or not namespace or not host:
        return "is not namespace/host"
    named = namespace.removeprefix("~")
    if named not in ("", "*", ".") and (fault := label_fault(named)):
        return f'names no namespace: "{named}" {fault}'
    return host_part_fault(host)


SIDECAR_PORT = Fields(
    {
        "number": Field(OPTIONAL_PORT),
        "protocol": Field(PROTOCOL),
        "name": Field(Checked(lambda text: text and label_fault(text))),
        "targetPort": Field(OPTIONAL_PORT),
    },
    snake=True,
)

CAPTURE = Choice(("DEFAULT", "IPTABLES", "NONE"))

EGRESS = Fields(
    {
        "hosts": Field(
            Sequence(Placed(Checked(egress_host_fault, 'write "./*" or "*/api.example.com"')), least=1),
            required=True,
        ),
        "port": Field(SIDECAR_PORT, fate=Fate.LATER, guards=True, note="its hosts would be seen on every port"),
        "bind": Field(BIND, fate=Fate.IGNORED, note="the gate listens where it is told to"),
        "captureMode": Field(CAPTURE, fate=Fate.IGNORED, note="what reaches the gate was captured"),
    },
    snake=True,
)

INGRESS = Fields(
    {
        "port": Field(SIDECAR_PORT, required=True),
        "bind": Field(BIND),
        "captureMode": Field(CAPTURE),
        "defaultEndpoint": Field(Text()),
        "tls": Field(server_tls.TLS),
        "connectionPool": Field(traffic_policy.POOL),
    },
    snake=True,
)

EGRESS_PROXY = Fields(
    {
        "host": Field(NAME, required=True),
        "port": Field(Fields({"number": Field(PORT, required=True)}, snake=True), required=True),
        "subset": Field(Checked(label_fault)),
    },
    snake=True,
)

SPEC = Fields(
    {
        "workloadSelector": Field(Fields({"labels": Field(Labels(selector=True))}, snake=True)),
        "egress": Field(Sequence(EGRESS)),
        "outboundTrafficPolicy": Field(
            Fields(
                {
                    "mode": Field(Choice(("REGISTRY_ONLY", "ALLOW_ANY"))),
                    "egressProxy": Field(
                        EGRESS_PROXY, fate=Fate.LATER, guards=True, note="unregistered traffic would not go through it"
                    ),
                },
                snake=True,
            )
        ),
        "ingress": Field(Sequence(INGRESS), fate=Fate.IGNORED, note=INBOUND),
        "inboundConnectionPool": Field(traffic_policy.POOL, fate=Fate.IGNORED, note=INBOUND),
    },
    snake=True,
)


def scope(sidecar: Resource, setting: Setting) -> Scope:
    """A Sidecar of the root namespace without a selector is everybody's default."""
    spec = sidecar.spec
    selector: Record | None = spec.get("workloadSelector")
    labels = tuple(sorted(selector.get("labels", {}).items())) if selector is not None else ()
    everywhere = sidecar.namespace == setting.gate.root_namespace and selector is None
    return Scope(
        namespace="" if everywhere else sidecar.namespace,
        labels=labels,
        mode=_mode(spec.get("outboundTrafficPolicy")),
        imports=_imports(spec.get("egress", [])),
        source=sidecar.source(),
    )


def _mode(policy: Record | None) -> Mode | None:
    """Set but without a mode, it is REGISTRY_ONLY: protobuf's zero."""
    return None if policy is None else Mode(policy.get("mode", "REGISTRY_ONLY"))


def _imports(listeners: list[Record]) -> tuple[Import, ...] | None:
    """What the hosts come to; everything that is exported where none are listed."""
    if not listeners:
        return None
    return tuple(_import(item.value) for listener in listeners for item in listener.get("hosts", []))


def _import(text: str) -> Import:
    """A `.` stays: for the default of the whole mesh it is the namespace of whoever asks."""
    namespace, _, host = text.partition("/")
    return Import(namespace.removeprefix("~") or "*", canonical_pattern(host), namespace.startswith("~"))


KIND = Kind("Sidecar", "networking.istio.io", NETWORKING, envelope(Field(SPEC)), check)
