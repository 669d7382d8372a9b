"""The documents of a guide to controlling egress with Istio, step by step, as its readers would apply them.

Owns the documents. Where one of them is not valid, or takes minutes where a test has seconds, the corrected one says
beside it what was corrected.
"""

from __future__ import annotations

MESH = """---
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: istio-mesh-config, namespace: istio-system}
spec:
  meshConfig:
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
"""
"""Step 2, without the format of a log that has another test of its own."""

REGISTERED = """---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: github-api, namespace: default}
spec:
  hosts: [api.github.com]
  ports: [{number: 443, name: https, protocol: TLS}]
  location: MESH_EXTERNAL
  resolution: DNS
"""
"""Step 3."""

THROUGH_THE_GATEWAY = """---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: egress-gateway, namespace: default}
spec:
  selector: {istio: egressgateway}
  servers:
  - port: {number: 443, name: tls-github, protocol: TLS}
    hosts: [api.github.com]
    tls: {mode: PASSTHROUGH}
  - port: {number: 443, name: tls-stripe, protocol: TLS}
    hosts: [api.stripe.com]
    tls: {mode: PASSTHROUGH}
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: github-api-routing, namespace: default}
spec:
  hosts: [api.github.com]
  gateways: [mesh, egress-gateway]
  tls:
  - match: [{gateways: [mesh], port: 443, sniHosts: [api.github.com]}]
    route: [{destination: {host: istio-egressgateway.istio-system.svc.cluster.local, port: {number: 443}}}]
  - match: [{gateways: [egress-gateway], port: 443, sniHosts: [api.github.com]}]
    route: [{destination: {host: api.github.com, port: {number: 443}}}]
"""
"""Step 4, without the rule that would start TLS inside of the workload's own, which Istio warns of."""

ORIGINATION = """---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: external-api-tls-origination, namespace: default}
spec:
  hosts: [api.external-service.com]
  ports:
  - {number: 80, name: http-port, protocol: HTTP}
  - {number: 443, name: https-port, protocol: HTTPS}
  location: MESH_EXTERNAL
  resolution: DNS
---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: egress-gateway-tls-origination, namespace: default}
spec:
  selector: {istio: egressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [api.external-service.com]
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: external-api-tls-origination, namespace: default}
spec:
  hosts: [api.external-service.com]
  gateways: [mesh, egress-gateway-tls-origination]
  http:
  - match: [{gateways: [mesh], port: 80}]
    route:
    - destination: {host: istio-egressgateway.istio-system.svc.cluster.local, port: {number: 80}}
      weight: 100
  - match: [{gateways: [egress-gateway-tls-origination], port: 80}]
    route:
    - destination: {host: api.external-service.com, port: {number: 443}}
      weight: 100
"""
RULE = """---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: external-api-tls-origination, namespace: default}
spec:
  host: api.external-service.com
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN}
    portLevelSettings:
    - port: {number: 443}
      tls: {mode: SIMPLE, sni: api.external-service.com}
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: egress-gateway-mtls, namespace: default}
spec:
  host: istio-egressgateway.istio-system.svc.cluster.local
  trafficPolicy:
    tls: {mode: ISTIO_MUTUAL}
"""
"""Both are step 5."""

BREAKING = """---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: external-api-tls-origination, namespace: default}
spec:
  host: api.external-service.com
  trafficPolicy:
    portLevelSettings:
    - port: {number: 443}
      tls: {mode: SIMPLE, sni: api.external-service.com}
      connectionPool:
        tcp: {maxConnections: 50, connectTimeout: 5s}
        http: {http1MaxPendingRequests: 50, http2MaxRequests: 100, maxRequestsPerConnection: 10}
      outlierDetection: {consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 2s, maxEjectionPercent: 100}
"""
"""The breaker of step 10, for the port whose requests are seen, and with seconds for its half minutes and minutes."""

PARTNER = """---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {{name: partner, namespace: default}}
spec:
  hosts: [secure-api.partner.com]
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 443}}]
  location: MESH_EXTERNAL
  resolution: DNS
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {{name: external-api-mtls, namespace: default}}
spec:
  host: secure-api.partner.com
  trafficPolicy:
    tls:
      mode: MUTUAL
      clientCertificate: {certificate}
      privateKey: {key}
      caCertificates: {ca}
      sni: secure-api.partner.com
"""
"""Step 6, with the entry that the guide leaves out, and files that are there."""

ACCESS = """---
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: egress-gateway-authz, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: egressgateway}}
  action: ALLOW
  rules:
  - from: [{source: {principals: [cluster.local/ns/default/sa/frontend]}}]
    when: [{key: connection.sni, values: [api.github.com]}]
  - from: [{source: {namespaces: [data, analytics]}}]
    to: [{operation: {ports: ["5432"]}}]
---
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: egress-deny-all, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: egressgateway}}
"""
"""Step 7. Rules about hosts never match a tunnel, as Istio says of them: the name in the TLS does. The one that denies
all has a stray pair of braces in the guide."""

CALLERS = """---
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: callers}
spec:
  identities:
  - {namespace: default, serviceAccount: frontend, uids: [1000]}
  - {namespace: default, serviceAccount: processor, uids: [1001]}
"""
"""Who is who on this machine, which the mesh would know."""

LIMIT = """---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: egress-ratelimit, namespace: istio-system}
spec:
  workloadSelector:
    labels: {istio: egressgateway}
  configPatches:
  - applyTo: HTTP_FILTER
    match:
      context: GATEWAY
      listener:
        filterChain:
          filter:
            name: envoy.filters.network.http_connection_manager
            subFilter: {name: envoy.filters.http.router}
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.local_ratelimit
        typed_config:
          "@type": type.googleapis.com/udpa.type.v1.TypedStruct
          type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          value:
            stat_prefix: http_local_rate_limiter
            token_bucket: {max_tokens: 100, tokens_per_fill: 10, fill_interval: 1s}
            filter_enabled:
              runtime_key: local_rate_limit_enabled
              default_value: {numerator: 100, denominator: HUNDRED}
            filter_enforced:
              runtime_key: local_rate_limit_enforced
              default_value: {numerator: 100, denominator: HUNDRED}
            response_headers_to_add:
            - append: false
              header: {key: x-rate-limited, value: "true"}
"""
"""Step 9."""
