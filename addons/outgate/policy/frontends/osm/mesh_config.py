"""MeshConfig: whether everything may leave, whatever Egress documents say.

Owns its shapes: the whole document's, that of a fragment as one is given to `kubectl patch`, and that of what is
written for osm-edge's proxies. The last one that says something holds.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Override, Setting
from outgate.policy.frontends.osm.resource import METADATA, Resource
from outgate.policy.model import Fate, Mode
from outgate.policy.schema import Anything, Boolean, Field, Fields, Integer, Reading, Record, Sequence, Text

GROUP = "config.openservicemesh.io"
REDIRECT = "say so where traffic is redirected: outgate iptables install --exclude-ports, or the pod's own annotations"
MESH = "about the mesh itself"

TRAFFIC = Fields(
    {
        "enableEgress": Field(Boolean()),
        **dict.fromkeys(
            (
                "outboundIPRangeExclusionList",
                "outboundIPRangeInclusionList",
                "networkInterfaceExclusionList",
            ),
            Field(Sequence(Text()), fate=Fate.IGNORED, note=REDIRECT),
        ),
        "outboundPortExclusionList": Field(Sequence(Integer(1, 65535)), fate=Fate.IGNORED, note=REDIRECT),
        **dict.fromkeys(
            (
                "inboundPortExclusionList",
                "enablePermissiveTrafficPolicyMode",
                "inboundExternalAuthorization",
                "useHTTPSIngress",
                "http1PerRequestLoadBalancing",
                "http2PerRequestLoadBalancing",
                "serviceAccessMode",
            ),
            Field(Anything(), fate=Fate.IGNORED, note=MESH),
        ),
    }
)
FLAGS = Fields(
    {
        "enableEgressPolicy": Field(Boolean(), fate=Fate.APPROXIMATED, note="they hold unless enableEgress is true"),
        **dict.fromkeys(
            (
                "enableWASMStats",
                "enableSnapshotCacheMode",
                "enableAsyncProxyServiceMapping",
                "enableIngressBackendPolicy",
                "enableEnvoyActiveHealthChecks",
                "enableRetryPolicy",
                "enableMeshRootCertificate",
                "enableAutoDefaultRoute",
                "enableAccessControlPolicy",
                "enableSidecarActiveHealthChecks",
                "enablePluginPolicy",
                "enableValidateGatewayListenerHostname",
                "enableValidateHTTPRouteHostnames",
                "enableValidateGRPCRouteHostnames",
                "enableValidateTLSRouteHostnames",
                "enableGatewayAgentService",
            ),
            Field(Boolean(), fate=Fate.IGNORED, note=MESH),
        ),
    }
)
SPEC = Fields(
    {
        "traffic": Field(TRAFFIC),
        "featureFlags": Field(FLAGS),
        **dict.fromkeys(
            (
                "sidecar",
                "observability",
                "certificate",
                "ingressGateway",
                "clusterSet",
                "localDNSProxy",
                "repoServer",
                "misc",
                "egressGateway",
                "warmup",
                "gatewayAPI",
                "image",
                "serviceLB",
                "flb",
            ),
            Field(Anything(), fate=Fate.IGNORED, note=MESH),
        ),
    }
)
WHOLE = Fields(
    {
        "apiVersion": Field(Text()),
        "kind": Field(Text()),
        "metadata": Field(METADATA),
        "spec": Field(SPEC),
        "status": Field(Anything(), fate=Fate.IGNORED, note="kept by the cluster"),
    }
)
PIPY = Fields(
    {
        "Spec": Field(
            Fields(
                {
                    "SidecarLogLevel": Field(Text(), fate=Fate.IGNORED, note="use outgate log-level"),
                    "Traffic": Field(Fields({"EnableEgress": Field(Boolean())})),
                }
            )
        )
    }
)


def claims(document: Document) -> bool:
    """Whether a document is one of the three forms."""
    if document.kind or document.api_version:
        return document.kind == "MeshConfig" and document.group == GROUP
    keys = set(document.root.mapping)
    if keys == {"Spec"}:
        return (
            document.root.child("Spec", "Traffic") is not None
            or document.root.child("Spec", "SidecarLogLevel") is not None
        )
    spec = document.root.child("spec")
    return keys == {"spec"} and spec is not None and bool({"traffic", "featureFlags"} & set(spec.mapping))


def translate(documents: Iterable[Document], setting: Setting, contribution: Contribution) -> bool:
    """Sets the mode; whether everything may leave, so that Egress documents say nothing."""
    allowed, said = False, None
    for document in documents:
        found = _read(document, setting, contribution)
        if found is None:
            continue
        resource, traffic, name = found
        said = said or resource.source()
        if traffic is not None and name in traffic:
            allowed, said = traffic.get(name), resource.source(traffic.under(name), traffic.at(name))
    if said is not None:
        mode = Mode.ALLOW_ANY if allowed else Mode.REGISTRY_ONLY
        contribution.defaults.setdefault("mode", []).append(Override(mode, said))
    return allowed


def _read(
    document: Document, setting: Setting, contribution: Contribution
) -> tuple[Resource, Record | None, str] | None:
    """The document, its block about traffic, and what the field is called there."""
    pipy = not document.kind and "Spec" in document.root.mapping
    reading = Reading("MeshConfig", setting.strict)
    root = (PIPY if pipy else WHOLE).read(document.root, "", reading)
    contribution.fields += reading.fields
    contribution.problems += reading.problems
    if root is None or reading.failed:
        return None
    spec: Record | None = root.get("Spec" if pipy else "spec")
    traffic: Record | None = spec.get("Traffic" if pipy else "traffic") if spec is not None else None
    resource = Resource(document, spec or root, reading, document.namespace or setting.gate.namespace)
    return resource, traffic, "EnableEgress" if pipy else "enableEgress"
