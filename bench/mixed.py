"""A policy of thousands of documents of every mesh together: how long a check of it takes, and a reload.

Owns the documents, which are made up, and the shares of their kinds. What is measured of them is `loading`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

HUNDREDTHS = {
    "service-entries": 22,
    "destination-rules": 8,
    "virtual-services": 8,
    "authorization-policies": 5,
    "external-services": 10,
    "timeouts": 4,
    "retries": 3,
    "permissions": 3,
    "egresses": 12,
    "route-groups": 4,
    "networks": 2,
    "http-routes": 5,
    "tls-routes": 3,
    "destinations": 7,
    "traffic": 2,
    "access": 2,
}
"""How many documents of a hundred are of a kind."""
EACH = 50
"""Documents of a file."""
ONCE = """---
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: defaults}
spec: {mode: REGISTRY_ONLY}
---
type: Mesh
name: default
networking: {outbound: {passthrough: false}}
---
apiVersion: config.openservicemesh.io/v1alpha2
kind: MeshConfig
metadata: {name: osm-mesh-config, namespace: osm-system}
spec: {traffic: {enableEgress: false}}
"""
KINDS = {
    "service-entries": """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: entry-{0}, namespace: shop-{team}}}
spec:
  hosts: [entry-{0}.istio.example]
  location: MESH_EXTERNAL
  ports:
  - {{number: 443, name: https, protocol: HTTPS}}
  - {{number: 80, name: http, protocol: HTTP, targetPort: 443}}
  resolution: DNS
""",
    "destination-rules": """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: entry-{0}, namespace: shop-{team}}}
spec:
  host: entry-{0}.istio.example
  trafficPolicy:
    portLevelSettings:
    - port: {{number: 80}}
      tls: {{mode: SIMPLE, sni: entry-{0}.istio.example}}
      connectionPool: {{tcp: {{maxConnections: 100, connectTimeout: 3s}}, http: {{maxRetries: 5}}}}
      outlierDetection: {{consecutive5xxErrors: 5, interval: 10s, baseEjectionTime: 30s}}
""",
    "virtual-services": """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: entry-{0}, namespace: shop-{team}}}
spec:
  hosts: [entry-{0}.istio.example]
  http:
  - match: [{{uri: {{prefix: /v1/}}, method: {{exact: GET}}}}, {{headers: {{x-team: {{exact: team-{team}}}}}}}]
    route: [{{destination: {{host: entry-{0}.istio.example, port: {{number: 80}}}}}}]
    timeout: 5s
    retries: {{attempts: 2, perTryTimeout: 2s, retryOn: "5xx,reset"}}
  - route: [{{destination: {{host: entry-{0}.istio.example, port: {{number: 80}}}}}}]
""",
    "authorization-policies": """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: entry-{0}, namespace: istio-system}}
spec:
  action: DENY
  rules:
  - from: [{{source: {{notNamespaces: [shop-{team}, platform]}}}}]
    to: [{{operation: {{hosts: [entry-{0}.istio.example], methods: [POST, PUT], paths: [/v1/*]}}}}]
""",
    "external-services": """
type: MeshExternalService
name: partner-{0}
mesh: default
labels: {{kuma.io/display-name: partner-{0}}}
spec:
  match: {{type: HostnameGenerator, port: 443, protocol: http}}
  endpoints:
  - {{address: partner-{0}.kuma.example, port: 443}}
  tls: {{enabled: true, version: {{min: TLS12}}, verification: {{serverName: partner-{0}.kuma.example}}}}
""",
    "timeouts": """
type: MeshTimeout
name: partner-{0}
mesh: default
spec:
  to:
  - targetRef: {{kind: MeshExternalService, name: partner-{0}}}
    default: {{connectionTimeout: 2s, idleTimeout: 10m, http: {{requestTimeout: 5s, streamIdleTimeout: 1m}}}}
""",
    "retries": """
type: MeshRetry
name: partner-{0}
mesh: default
spec:
  to:
  - targetRef: {{kind: MeshExternalService, name: partner-{0}}}
    default: {{http: {{numRetries: 3, perTryTimeout: 1s, retryOn: ["5xx", HttpMethodGet]}}}}
""",
    "permissions": """
type: MeshTrafficPermission
name: partner-{0}
mesh: default
spec:
  rules:
  - default:
      allow:
      - sni: {{type: Exact, value: sni.extsvc.default.zone-1.partner-{0}.443}}
        spiffeID: {{type: Prefix, value: "spiffe://cluster.local/ns/shop-{team}/"}}
""",
    "egresses": """
apiVersion: policy.openservicemesh.io/v1alpha1
kind: Egress
metadata: {{name: egress-{0}, namespace: shop-{team}}}
spec:
  sources:
  - {{kind: ServiceAccount, name: web, namespace: shop-{team}}}
  - {{kind: ServiceAccount, name: job-{0}, namespace: shop-{team}}}
  hosts: [egress-{0}.osm.example]
  ports: [{{number: 80, protocol: http}}]
  matches: [{{apiGroup: specs.smi-spec.io/v1alpha4, kind: HTTPRouteGroup, name: group-{group}}}]
""",
    "route-groups": """
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {{name: group-{0}, namespace: shop-{team}}}
spec:
  matches:
  - {{name: reads, pathRegex: /v{0}/.*, methods: [GET, HEAD]}}
  - {{name: writes, pathRegex: /v{0}/items, methods: [POST], headers: {{x-team: team-{team}}}}}
""",
    "networks": """
apiVersion: policy.linkerd.io/v1alpha1
kind: EgressNetwork
metadata: {{name: network-{0}, namespace: linkerd-egress}}
spec: {{trafficPolicy: Deny, networks: [{{cidr: 198.18.{0}.0/24}}]}}
""",
    "http-routes": """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: http-{0}, namespace: linkerd-egress}}
spec:
  parentRefs: [{{group: policy.linkerd.io, kind: EgressNetwork, name: network-{network}, port: 80}}]
  hostnames: [http-{0}.linkerd.example]
  rules:
  - matches: [{{path: {{type: PathPrefix, value: /v1}}, method: GET}}, {{headers: [{{name: x-team, value: "{team}"}}]}}]
    timeouts: {{request: 5s}}
""",
    "tls-routes": """
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: {{name: tls-{0}, namespace: linkerd-egress}}
spec:
  parentRefs: [{{group: policy.linkerd.io, kind: EgressNetwork, name: network-{network}, port: 443}}]
  hostnames: [tls-{0}.linkerd.example]
  rules: [{{}}]
""",
    "destinations": """
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {{name: native-{0}, namespace: shop-{team}}}
spec:
  hosts: [native-{0}.example, www.native-{0}.example]
  ports:
  - {{number: 443, protocol: HTTPS}}
  - {{number: 80, protocol: HTTP, upstream: {{port: 443, tls: {{mode: SIMPLE}}}}}}
""",
    "traffic": """
apiVersion: outgate.dev/v1alpha1
kind: EgressTraffic
metadata: {{name: native-{0}, namespace: shop-{team}}}
spec:
  destination: native-{0}
  routes: [{{match: [{{path: {{prefix: /}}}}], timeout: 15s, retries: {{attempts: 2, on: [5xx, reset]}}}}]
  limits: {{connections: 100, requests: 100}}
""",
    "access": """
apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {{name: native-{0}, namespace: shop-{team}}}
spec:
  action: DENY
  rules:
  - from: [{{notNamespaces: [shop-{team}]}}]
    to: [{{hosts: [native-{0}.example], methods: [DELETE], paths: [/admin*]}}]
""",
}
"""Documents by kind. What stands beside another, by the same number, is of the same team."""
TEAMS = 8


def documents(kind: str, count: int) -> Iterator[str]:
    """So many of a kind; a document of OSM finds its group, and a route of Linkerd its network."""
    groups, networks = (max(count * HUNDREDTHS[of] // HUNDREDTHS[kind], TEAMS) for of in ("route-groups", "networks"))
    for number in range(count):
        team = number % TEAMS
        group = number % (groups // TEAMS * TEAMS)
        yield KINDS[kind].format(number, team=team, group=group, network=number % networks)


def write(folder: Path, count: int) -> int:
    """A policy of about so many documents, in files of some each; how many it has become."""
    (folder / "once.yaml").write_text(ONCE)
    made = ONCE.count("kind:") + ONCE.count("type:")
    for kind, share in HUNDREDTHS.items():
        written = list(documents(kind, count * share // 100))
        made += len(written)
        for first in range(0, len(written), EACH):
            (folder / f"{kind}-{first // EACH}.yaml").write_text("---".join(written[first : first + EACH]))
    return made
