"""Documents in which every field that is applied is set, by kind: what tests change to see what it changes."""

from policy.frontends.istio.istio_building import document

SERVICE_ENTRY = document(
    "ServiceEntry",
    """
    hosts: [api.shop.example]
    addresses: [192.0.2.1]
    ports: [{number: 443, name: web, protocol: HTTPS, targetPort: 8443}]
    location: MESH_EXTERNAL
    resolution: STATIC
    endpoints:
    - {address: 192.0.2.7, ports: {web: 9443}, labels: {zone: a}, locality: eu/west, weight: 3}
    - {address: 192.0.2.8}
    exportTo: [prod]
    subjectAltNames: [shop.example]
""",
)

PLAIN = document(
    "ServiceEntry",
    """
    hosts: [api.shop.example]
    ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: web, protocol: HTTPS}]
    resolution: DNS
    exportTo: [prod]
""",
)
PLACED = document(
    "ServiceEntry",
    """
    hosts: [api.shop.example]
    ports:
    - {number: 80, name: http, protocol: HTTP}
    - {number: 443, name: web, protocol: HTTP}
    - {number: 5432, name: sql, protocol: TCP}
    resolution: STATIC
    endpoints: [{address: 192.0.2.7, labels: {zone: a}}, {address: 192.0.2.8, labels: {zone: b}}]
    exportTo: [prod]
""",
)
TO_SUBSET = document(
    "VirtualService",
    """
    hosts: [api.shop.example]
    http:
    - match: [{uri: {prefix: /a}}]
      route: [{destination: {host: api.shop.example, subset: first, port: {number: 80}}}]
    - match: [{uri: {prefix: /b}}]
      route: [{destination: {host: api.shop.example, subset: first, port: {number: 443}}}]
    - route: [{destination: {host: api.shop.example, port: {number: 80}}}]
    tcp:
    - match: [{port: 5432}]
      route: [{destination: {host: api.shop.example, subset: first, port: {number: 5432}}}]
""",
)

DESTINATION_RULE = (
    document(
        "DestinationRule",
        """
    host: api.shop.example
    exportTo: [prod]
    trafficPolicy:
      connectionPool: {tcp: {connectTimeout: 3s}}
      tls:
        mode: MUTUAL
        clientCertificate: /certs/a.crt
        privateKey: /certs/a.key
        caCertificates: /certs/a-ca.crt
        caCrl: /certs/a.crl
        subjectAltNames: [a.shop.example]
        sni: a-sni.shop.example
      portLevelSettings:
      - port: {number: 443}
        connectionPool: {tcp: {connectTimeout: 4s}}
        tls:
          mode: MUTUAL
          clientCertificate: /certs/b.crt
          privateKey: /certs/b.key
          caCertificates: /certs/b-ca.crt
          caCrl: /certs/b.crl
          subjectAltNames: [b.shop.example]
          sni: b-sni.shop.example
    subsets:
    - name: first
      labels: {zone: a}
      trafficPolicy:
        connectionPool: {tcp: {connectTimeout: 3s}}
        tls:
          mode: MUTUAL
          clientCertificate: /certs/c.crt
          privateKey: /certs/c.key
          caCertificates: /certs/c-ca.crt
          caCrl: /certs/c.crl
          subjectAltNames: [d.shop.example]
          sni: d-sni.shop.example
        portLevelSettings:
        - port: {number: 443}
          connectionPool: {tcp: {connectTimeout: 4s}}
          tls:
            mode: MUTUAL
            clientCertificate: /certs/e.crt
            privateKey: /certs/e.key
            caCertificates: /certs/e-ca.crt
            caCrl: /certs/e.crl
            subjectAltNames: [e.shop.example]
            sni: e-sni.shop.example
""",
    )
    + PLACED
    + TO_SUBSET
)

ALL_PORTS = document(
    "ServiceEntry",
    """
    hosts: [api.shop.example]
    addresses: [192.0.2.1]
    ports:
    - {number: 80, name: http, protocol: HTTP}
    - {number: 81, name: plain, protocol: HTTP}
    - {number: 443, name: tls, protocol: TLS}
    - {number: 444, name: more, protocol: TLS}
    - {number: 5432, name: sql, protocol: TCP}
    - {number: 5433, name: replica, protocol: TCP}
    resolution: STATIC
    endpoints: [{address: 192.0.2.7, labels: {zone: a}}, {address: 192.0.2.8, labels: {zone: b}}]
    exportTo: [prod]
""",
)

HOST = "{destination: {host: api.shop.example, port: {number: "
GATEWAY_HOST = "{destination: {host: egress.infra.svc.cluster.local, subset: shop, port: {number: "
ROUTES = document(
    "VirtualService",
    f"""
    hosts: [api.shop.example]
    gateways: [mesh, out]
    exportTo: [prod]
    http:
    - match: [{{gateways: [mesh], port: 80}}]
      route: [{HOST}81}}}}, weight: 1}}]
    - match: [{{gateways: [mesh], port: 81}}]
      route: [{GATEWAY_HOST}81}}}}, weight: 1}}]
    - match: [{{gateways: [out], port: 81}}]
      route: [{HOST}80}}}}, weight: 1}}]
    tls:
    - match: [{{sniHosts: [api.shop.example], gateways: [mesh], port: 443}}]
      route: [{HOST}444}}}}, weight: 1}}]
    tcp:
    - match: [{{gateways: [mesh], port: 5432}}]
      route: [{HOST}5433}}}}, weight: 1}}]
""",
)
OUT = document(
    "Gateway",
    """
    selector: {istio: egressgateway}
    servers:
    - {port: {number: 81, name: http, protocol: HTTP}, hosts: [api.shop.example]}
""",
    name="out",
)
SUBSETS = document(
    "DestinationRule",
    "{host: api.shop.example, subsets: [{name: a, labels: {zone: a}}, {name: b, labels: {zone: b}}]}",
)
LEAVES = document(
    "VirtualService", "{http: [{route: [{destination: {host: api.shop.example}}], timeout: 1s}]}", name="leaf"
) + document(
    "VirtualService", "{http: [{route: [{destination: {host: api.shop.example}}], timeout: 2s}]}", name="other-leaf"
)
WWW = document(
    "ServiceEntry",
    """
    hosts: [web.shop.example]
    ports: [{number: 80, name: http, protocol: HTTP}, {number: 81, name: plain, protocol: HTTP}]
    resolution: STATIC
    endpoints: [{address: 192.0.2.9}]
    exportTo: [prod]
""",
    name="www",
)
VIRTUAL_SERVICE = ROUTES + ALL_PORTS + OUT + SUBSETS + LEAVES + WWW

GATEWAY = (
    document(
        "Gateway",
        """
    selector: {app: gate}
    servers:
    - {port: {number: 443, name: tls, protocol: TLS}, hosts: [api.shop.example], tls: {mode: PASSTHROUGH}}
    - {port: {number: 81, name: http, protocol: HTTP}, hosts: [api.shop.example]}
""",
        name="out",
    )
    + document(
        "VirtualService",
        """
    hosts: [api.shop.example]
    gateways: [mesh, out]
    http:
    - match: [{gateways: [mesh], port: 80}]
      route: [{destination: {host: egress.infra.svc.cluster.local, port: {number: 81}}}]
    - match: [{gateways: [out], port: 81}]
      route: [{destination: {host: api.shop.example, port: {number: 443}}}]
""",
    )
    + PLAIN
)

SIDECAR = document(
    "Sidecar",
    """
    workloadSelector: {labels: {app: web}}
    egress: [{hosts: ["*/api.shop.example"]}]
    outboundTrafficPolicy: {mode: ALLOW_ANY}
""",
)

OPERATOR = (
    """
---
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: mesh, namespace: system}
spec:
  meshConfig:
    outboundTrafficPolicy: {mode: ALLOW_ANY}
    rootNamespace: roots
    trustDomain: shop.local
    trustDomainAliases: [old.local]
    pathNormalization: {normalization: NONE}
    connectTimeout: 4s
    tlsDefaults: {minProtocolVersion: TLSV1_3}
    defaultServiceExportTo: ["prod"]
    defaultDestinationRuleExportTo: ["prod"]
    defaultVirtualServiceExportTo: ["prod"]
    accessLogFile: /dev/stdout
    accessLogFormat: "%RESPONSE_CODE%"
    accessLogEncoding: TEXT
    enableTracing: false
    defaultProviders: {accessLogging: [files, objects, receiver], tracing: [grpc]}
    extensionProviders:
    - {name: files, envoyFileAccessLog: {path: /logs/a, logFormat: {text: "%PATH%"}, omitEmptyValues: false}}
    - {name: objects, envoyFileAccessLog: {path: /logs/b, logFormat: {labels: {path: "%PATH%"}}}}
    - name: receiver
      envoyOtelAls: {service: logs.example, port: 4317, logFormat: {text: "%PATH%", labels: {path: "%PATH%"}}}
    - name: grpc
      opentelemetry:
        service: spans.example
        port: 4317
        grpc: {timeout: 2s, initialMetadata: [{name: a, value: b}, {name: c, envName: D}]}
    - name: http
      opentelemetry:
        service: spans.example
        port: 4318
        http: {path: /a, timeout: 2s, headers: [{name: a, value: b}, {name: c, envName: D}]}
    defaultConfig:
      tracing:
        sampling: 10
        customTags:
          a: {literal: {value: b}}
          c: {environment: {name: D, defaultValue: e}}
          f: {header: {name: g, defaultValue: h}}
          i: {formatter: {value: "%PATH%"}}
"""
    + document(
        "ServiceEntry",
        """
    hosts: [api.shop.example]
    ports:
    - {number: 80, name: http, protocol: HTTP}
    - {number: 443, name: web, protocol: HTTPS}
    - {number: 8080, name: more, protocol: HTTP}
    resolution: DNS
""",
    )
    + document(
        "DestinationRule",
        """
    host: api.shop.example
    trafficPolicy: {tls: {mode: SIMPLE}}
""",
    )
    + document(
        "VirtualService",
        """
    hosts: [api.shop.example]
    http:
    - match: [{port: 80}]
      route: [{destination: {host: api.shop.example, port: {number: 443}}}]
""",
    )
    + document("Sidecar", 'egress: [{hosts: ["./*"]}]', namespace="roots")
    + document("Telemetry", "tracing: [{providers: [{name: http}]}]").replace("networking", "telemetry")
)

TELEMETRY = (
    document(
        "Telemetry",
        """
    selector: {matchLabels: {app: web}}
    accessLogging: [{providers: [{name: one}], filter: {expression: a}}]
    metrics:
    - overrides:
      - {match: {metric: REQUEST_COUNT}, disabled: false, tagOverrides: {a: {operation: UPSERT, value: request.host}}}
    tracing:
    - providers: [{name: here}]
      randomSamplingPercentage: 10
      disableSpanReporting: false
      disableContextPropagation: false
      customTags:
        a: {literal: {value: b}}
        c: {environment: {name: D, defaultValue: e}}
        f: {header: {name: g, defaultValue: h}}
        i: {formatter: {value: "%PATH%"}}
""",
    ).replace("networking", "telemetry")
    + """
---
extensionProviders:
- {name: one, envoyFileAccessLog: {path: /logs/one}}
- {name: two, envoyFileAccessLog: {path: /logs/two}}
- {name: here, opentelemetry: {service: here.example, port: 4317}}
- {name: there, opentelemetry: {service: there.example, port: 4317}}
"""
)

LIMIT = """
        - applyTo: HTTP_FILTER
          match:
            context: GATEWAY
            listener: {portNumber: 80, filterChain: {sni: api.shop.example}}
          patch:
            operation: INSERT_BEFORE
            value:
              name: envoy.filters.http.local_ratelimit
              typed_config:
                "@type": type.googleapis.com/udpa.type.v1.TypedStruct
                type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
                value:
                  stat_prefix: a
                  token_bucket: {max_tokens: 5, fill_interval: 1s}
                  filter_enabled: {default_value: {numerator: 100}}
                  filter_enforced: {default_value: {numerator: 100}}
"""
ENVOY_FILTER = (
    document(
        "EnvoyFilter",
        f"""
        configPatches:
        {LIMIT.strip()}
        - applyTo: HTTP_ROUTE
          match:
            routeConfiguration:
              portNumber: 80
              vhost: {{name: "api.shop.example:80", domainName: api.shop.example, route: {{name: paid}}}}
          patch:
            operation: MERGE
            value:
              typed_per_filter_config:
                envoy.filters.http.local_ratelimit:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
                  stat_prefix: b
                  token_bucket: {{max_tokens: 1, fill_interval: 60s}}
                  filter_enabled: {{default_value: {{numerator: 100}}}}
                  filter_enforced: {{default_value: {{numerator: 100}}}}
""",
        version="v1alpha3",
    )
    + PLAIN
    + WWW
    + document(
        "VirtualService",
        """
    hosts: [api.shop.example]
    http:
    - {name: paid, match: [{uri: {prefix: /paid}}], route: [{destination: {host: api.shop.example}}]}
    - {name: free, route: [{destination: {host: api.shop.example}}]}
""",
    )
)

BASES = {
    "EnvoyFilter": ENVOY_FILTER,
    "ServiceEntry": SERVICE_ENTRY,
    "DestinationRule": DESTINATION_RULE,
    "VirtualService": VIRTUAL_SERVICE,
    "Gateway": GATEWAY,
    "Sidecar": SIDECAR,
    "IstioOperator": OPERATOR,
    "Telemetry": TELEMETRY,
}
"""By kind: documents of which the first is of the kind."""
GATES = {
    "EnvoyFilter": {"labels": (("app", "gate"),)},
    "DestinationRule": {"labels": (("app", "gate"),)},
    "Gateway": {"labels": (("app", "gate"),), "collapses": False},
}
