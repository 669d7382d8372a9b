"""The settings of proxies that MeshConfig carries as `defaultConfig`: of these the gate knows tracing.

Owns their shape. What they come to is `mesh_telemetry.py`'s.
"""

from __future__ import annotations

from outgate.policy.frontends.istio.providers import BOUNDED, INSTEAD
from outgate.policy.frontends.istio.span_tags import TAGS
from outgate.policy.model import Fate
from outgate.policy.schema import Anything, Boolean, Field, Fields, Number

TRACING = Fields(
    {
        "sampling": Field(Number(0, 100)),
        "customTags": Field(TAGS),
        "maxPathTagLength": Field(Anything(), fate=Fate.IGNORED, note=BOUNDED),
        "enableIstioTags": Field(Boolean(), fate=Fate.IGNORED, note="the gate's spans have attributes of their own"),
        **{
            name: Field(Anything(), fate=Fate.LATER, note="name an opentelemetry provider")
            for name in ("zipkin", "lightstep", "datadog", "stackdriver", "openCensusAgent", "tlsSettings")
        },
    },
    snake=True,
)
PROXY = Fields(
    {
        "tracing": Field(TRACING),
        **{
            name: Field(Anything(), fate=Fate.LATER, note=f"the gate does not speak it; {INSTEAD['logs']}")
            for name in ("envoyAccessLogService", "envoyMetricsService")
        },
        **{
            name: Field(Anything(), fate=Fate.IGNORED, note="of Envoy")
            for name in (
                "availabilityZone", "binaryPath", "caCertificatesPem", "concurrency",
                "configPath", "controlPlaneAuthPolicy", "customConfigFile", "discoveryAddress",
                "drainDuration", "extraStatTags", "fileFlushInterval", "fileFlushMinSizeKb",
                "gatewayTopology", "holdApplicationUntilProxyStarts", "image", "interceptionMode",
                "meshId", "parentShutdownDuration", "privateKeyProvider", "proxyAdminPort",
                "proxyBootstrapTemplatePath", "proxyHeaders", "proxyMetadata", "proxyStatsMatcher",
                "readinessProbe", "runtimeValues", "serviceCluster", "statNameLength",
                "statsCompression", "statsdUdpAddress", "statusPort", "terminationDrainDuration",
                "tracingServiceName", "zipkinAddress",
            )
        },
    },
    snake=True,
)  # fmt: skip
