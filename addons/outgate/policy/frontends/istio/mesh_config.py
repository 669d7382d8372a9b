"""Mesh-wide settings: MeshConfig, wherever it is carried.

Owns the fields of MeshConfig and what they come to. `mesh_carriers.py` finds it in an IstioOperator, in a ConfigMap or
by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from outgate.policy.frontends import Contribution, Override, Setting
from outgate.policy.frontends.istio import client_tls, http_checks, http_route, mesh_telemetry, traffic_policy
from outgate.policy.frontends.istio.common import (
    DNS_LABEL,
    EXPORTS,
    OPTIONAL_PORT,
    Checked,
    Item,
    check_exports,
    name_fault,
)
from outgate.policy.frontends.istio.locality import LOCALITY, ZONES, ZONES_NOTE, check_locality, check_zones
from outgate.policy.frontends.istio.resilience import USUAL, keepalive, resilience
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.route_actions import RETRIES, retries
from outgate.policy.merge import scalar
from outgate.policy.model import Fate, Mode, Source
from outgate.policy.resilience_model import Resilience
from outgate.policy.route_model import RetryPolicy
from outgate.policy.schema import (
    Anything,
    Boolean,
    Choice,
    Duration,
    Field,
    Fields,
    Reading,
    Record,
    Sequence,
    Shape,
    Text,
)

DYNAMIC = "ALLOW_ANY_DYNAMIC_DNS"
NORMALIZATIONS = ("DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES")
FLOORS = {"TLSV1_2": "TLSv1.2", "TLSV1_3": "TLSv1.3"}
CONNECT_TIMEOUT = 10.0
"""Seconds, as Istio's."""
LONGEST_CONNECT = 3600.0

TLS_CONFIG = Fields(
    {
        "minProtocolVersion": Field(Choice(("TLS_AUTO", *FLOORS))),
        "ecdhCurves": Field(Sequence(Text()), fate=Fate.LATER),
        "cipherSuites": Field(Sequence(Text()), fate=Fate.LATER),
    },
    snake=True,
)


def _later(*names: str, note: str = "", guards: bool = False) -> dict[str, Field]:
    return {name: Field(Anything(), fate=Fate.LATER, note=note, guards=guards) for name in names}


def _ignored(note: str, **shapes: Shape) -> dict[str, Field]:
    return {name: Field(shape, fate=Fate.IGNORED, note=note) for name, shape in shapes.items()}


MESH = Fields(
    {
        "outboundTrafficPolicy": Field(
            Fields(
                {
                    "mode": Field(Choice(("REGISTRY_ONLY", "ALLOW_ANY", DYNAMIC)), note=f"{DYNAMIC} is refused"),
                    "tls": Field(client_tls.TLS, fate=Fate.LATER, guards=True, note=f"is for {DYNAMIC}"),
                },
                snake=True,
            )
        ),
        "rootNamespace": Field(DNS_LABEL),
        "trustDomain": Field(Checked(name_fault)),
        "trustDomainAliases": Field(Sequence(Checked(name_fault))),
        "pathNormalization": Field(Fields({"normalization": Field(Choice(NORMALIZATIONS))}, snake=True)),
        "connectTimeout": Field(Duration()),
        "tlsDefaults": Field(TLS_CONFIG),
        "defaultServiceExportTo": Field(EXPORTS),
        "defaultDestinationRuleExportTo": Field(EXPORTS),
        "defaultVirtualServiceExportTo": Field(EXPORTS),
        **mesh_telemetry.FIELDS,
        "localityLbSetting": Field(LOCALITY),
        "zoneAwareLbSetting": Field(ZONES, fate=Fate.LATER, note=ZONES_NOTE),
        "dnsRefreshRate": Field(Duration(), fate=Fate.LATER),
        "h2UpgradePolicy": Field(Choice(("DO_NOT_UPGRADE", "UPGRADE"))),
        "tcpKeepalive": Field(traffic_policy.KEEPALIVE),
        "defaultTrafficPolicy": Field(
            Fields(
                {
                    "connectionPool": Field(traffic_policy.POOL),
                    "outlierDetection": Field(traffic_policy.OUTLIERS),
                },
                snake=True,
            ),
        ),
        "defaultHttpRetryPolicy": Field(http_route.RETRIES),
        **_later("caCertificates", note="who is trusted is the gate's own setting", guards=True),
        **_ignored(
            "of the sidecars",
            proxyListenPort=OPTIONAL_PORT,
            proxyInboundListenPort=OPTIONAL_PORT,
            proxyHttpPort=OPTIONAL_PORT,
            protocolDetectionTimeout=Duration(least=0),
            hboneIdleTimeout=Duration(),
            inboundTrafficPolicy=Anything(),
            enablePrometheusMerge=Boolean(),
            disableEnvoyListenerLog=Boolean(),
            enableEnvoyAccessLogService=Boolean(),
            inboundClusterStatName=Text(),
            outboundClusterStatName=Text(),
        ),
        **_ignored(
            "of ingress",
            ingressClass=Text(),
            ingressService=Text(),
            ingressSelector=Text(),
            ingressControllerMode=Choice(("UNSPECIFIED", "OFF", "DEFAULT", "STRICT")),
        ),
        **_ignored(
            "of the control plane",
            configSources=Anything(),
            certificates=Anything(),
            ca=Anything(),
            discoverySelectors=Anything(),
            serviceSettings=Anything(),
            serviceScopeConfigs=Anything(),
            serviceEntryVisibility=Anything(),
        ),
        **_ignored("the gate speaks no mesh TLS to workloads", enableAutoMtls=Boolean(), meshMTLS=Anything()),
        **_ignored("the gate always verifies", verifyCertificateAtClient=Boolean()),
    },
    snake=True,
)


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """What holds for every document of the mesh."""

    connect_timeout: float = CONNECT_TIMEOUT
    retries: RetryPolicy | None = RETRIES
    """Of requests of which no route says anything."""
    resilience: Resilience = USUAL
    """Where no DestinationRule says anything."""
    locality: Record | None = None
    """Where the load balancer of a DestinationRule says nothing of it."""
    upgrades: bool = False
    """Plain HTTP is sent on as HTTP/2 where no DestinationRule says anything."""
    tls_floor: str | None = None
    service_exports: tuple[str, ...] = ("*",)
    rule_exports: tuple[str, ...] = ("*",)
    route_exports: tuple[str, ...] = ("*",)


def check(mesh: Record, namespace: str, reading: Reading) -> None:
    """Everything that one value alone does not show."""
    policy: Record | None = mesh.get("outboundTrafficPolicy")
    if policy is not None and policy.get("mode") == DYNAMIC:
        reading.error(
            policy.at("mode"), policy.under("mode"), f"{DYNAMIC} is not yet applied", "use ALLOW_ANY or REGISTRY_ONLY"
        )
    if mesh.get("connectTimeout", 0) > LONGEST_CONNECT:
        reading.error(mesh.at("connectTimeout"), mesh.under("connectTimeout"), "is more than an hour", "use 10s")
    check_exports(mesh, namespace, reading, nobody=True, field="defaultServiceExportTo")
    check_exports(mesh, namespace, reading, field="defaultDestinationRuleExportTo")
    check_exports(mesh, namespace, reading, field="defaultVirtualServiceExportTo")
    check_locality(mesh.get("localityLbSetting"), True, reading)
    check_zones(mesh.get("zoneAwareLbSetting"), True, reading)
    traffic: Record | None = mesh.get("defaultTrafficPolicy")
    if traffic is not None:
        traffic_policy.check_pool(traffic.get("connectionPool"), reading)
        traffic_policy.check_outliers(traffic.get("outlierDetection"), reading)
    http_checks.check_retries(mesh.get("defaultHttpRetryPolicy"), reading)
    mesh_telemetry.check(mesh, reading)


def settings(meshes: Iterable[Resource], contribution: Contribution) -> MeshSettings:
    """What some carriers say together."""
    carriers = list(meshes)
    values = {target: _said(carriers, name, read, contribution) for name, (target, read) in SETTINGS.items()}
    made = MeshSettings(**{target: value for target, value in values.items() if value})
    retried: Record | None = _said(carriers, "defaultHttpRetryPolicy", _plain, contribution)
    policy: Record | None = _said(carriers, "defaultTrafficPolicy", _plain, contribution)
    alive = _said(carriers, "tcpKeepalive", keepalive, contribution)
    usual = replace(USUAL, keepalive=alive)
    pool: Record | None = policy.get("connectionPool") if policy is not None else None
    timeout, upgrades = traffic_policy.connecting(pool)
    return replace(
        made,
        connect_timeout=made.connect_timeout if timeout is None else timeout,
        upgrades=made.upgrades if upgrades is None else upgrades,
        retries=retries(retried, RETRIES),
        resilience=_resilience(policy, usual, made.locality),
    )


def _resilience(policy: Record | None, usual: Resilience, locality: Record | None) -> Resilience:
    if policy is None and locality is None:
        return usual
    return resilience(policy.values if policy is not None else {}, usual, locality)


def rooted(meshes: Iterable[Resource], setting: Setting, contribution: Contribution) -> Setting:
    """The setting with the root namespace that the mesh names."""
    name = _said(list(meshes), "rootNamespace", _plain, contribution)
    return replace(setting, gate=replace(setting.gate, root_namespace=name)) if name else setting


def _said(meshes: list[Resource], name: str, read: Callable[[Any], Any], contribution: Contribution) -> Any:
    """The value of one field in the later directory; None where nobody gives it."""
    given = ((mesh, read(mesh.spec.get(name))) for mesh in meshes if name in mesh.spec)
    overrides = [Override(value, _source(mesh, name)) for mesh, value in given if value]
    layers = {mesh.document.where.file: mesh.document.layer for mesh in meshes}
    if not overrides:
        return None
    return scalar(name, overrides, layers, contribution.problems, contribution.replaced)


def _plain(value: Any) -> Any:
    return value


def _floor(defaults: Record) -> str | None:
    return FLOORS.get(defaults.get("minProtocolVersion", ""))


def _exported(items: list[Item]) -> tuple[str, ...]:
    return tuple(item.value for item in items)


SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "connectTimeout": ("connect_timeout", _plain),
    "localityLbSetting": ("locality", _plain),
    "h2UpgradePolicy": ("upgrades", lambda value: value == "UPGRADE"),
    "tlsDefaults": ("tls_floor", _floor),
    "defaultServiceExportTo": ("service_exports", _exported),
    "defaultDestinationRuleExportTo": ("rule_exports", _exported),
    "defaultVirtualServiceExportTo": ("route_exports", _exported),
}
"""Field of MeshConfig -> field of `MeshSettings`, and how the one becomes the other."""


def contribute(mesh: Resource, contribution: Contribution) -> None:
    """The gate's defaults that a mesh says."""
    spec = mesh.spec
    policy: Record | None = spec.get("outboundTrafficPolicy")
    if policy is not None:
        mode = Mode(policy.get("mode", "REGISTRY_ONLY"))
        _say(contribution, "mode", mode, mesh.source(policy.under("mode"), policy.at("mode")))
    if "trustDomain" in spec:
        _say(contribution, "trust_domain", spec.get("trustDomain"), _source(mesh, "trustDomain"))
    if "trustDomainAliases" in spec:
        aliases = tuple(spec.get("trustDomainAliases"))
        _say(contribution, "trust_domain_aliases", aliases, _source(mesh, "trustDomainAliases"))
    paths: Record | None = spec.get("pathNormalization")
    if paths is not None:
        form = paths.get("normalization", "DEFAULT")
        value = "BASE" if form == "DEFAULT" else form
        _say(contribution, "path_normalization", value, _source(mesh, "pathNormalization"))


def _source(mesh: Resource, name: str) -> Source:
    return mesh.source(mesh.spec.under(name), mesh.spec.at(name))


def _say(contribution: Contribution, name: str, value: object, source: Source) -> None:
    contribution.defaults.setdefault(name, []).append(Override(value, source))
