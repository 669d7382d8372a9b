"""What others ask Prometheus about a mesh's egress: Kiali, Istio's dashboards, and the guides that outgate follows.

Owns the queries, each by a name, as functions of the time they look back over. A gate has to answer each with data;
that it asks for the right thing is theirs.
"""

from __future__ import annotations

NAMESPACE, WORKLOAD, DESTINATION = "prod", "shop", "api.example"
"""Whom the queries ask about, unless told otherwise."""

SOURCE = "source_cluster,source_workload_namespace,source_workload,source_canonical_service,source_canonical_revision"
TARGET = (
    "destination_cluster,destination_service_namespace,destination_service,destination_service_name,"
    "destination_workload_namespace,destination_workload,destination_canonical_service,destination_canonical_revision"
)
KIALI_HTTP = f"{SOURCE},{TARGET},request_protocol,response_code,grpc_response_status,response_flags"
KIALI_TCP = f"app,{SOURCE},{TARGET},response_flags"
KIALI_REQUIRED = frozenset(KIALI_HTTP.split(",")) - {"source_cluster", "destination_cluster", "grpc_response_status"}
"""Kiali leaves out a series of HTTP that lacks one of these, and one of TCP likewise, without protocol and code."""

TOTAL, DURATION = "istio_requests_total", "istio_request_duration_milliseconds"


def kiali(window: str, namespace: str = NAMESPACE, workload: str = WORKLOAD) -> dict[str, str]:
    """The graph's outgoing traffic, response times and throughput, and a workload's outbound metrics."""
    graph = f'reporter="source",source_workload_namespace="{namespace}"'
    node = f'{graph},source_workload="{workload}"'
    return {
        "graph, HTTP and gRPC": f"sum(rate({TOTAL}{{{graph}}} [{window}])) by ({KIALI_HTTP}) > 0",
        "graph of a workload": f"sum(rate({TOTAL}{{{node}}} [{window}])) by ({KIALI_HTTP}) > 0",
        "graph, TCP sent": _tcp("istio_tcp_received_bytes_total", graph, window),
        "graph, TCP received": _tcp("istio_tcp_sent_bytes_total", graph, window),
        "response time, average": f"{_sum(DURATION, 'sum', graph, window)}"
        f" / {_sum(DURATION, 'count', graph, window)} > 0",
        "response time, p95": f"histogram_quantile(0.95, {_sum(DURATION, 'bucket', graph, window, 'le,')}) > 0",
        "throughput, request": f"{_sum('istio_request_bytes', 'sum', graph, window)} > 0",
        "throughput, response": f"{_sum('istio_response_bytes', 'sum', graph, window)} > 0",
        "workload, requests": f"sum(rate({TOTAL}{{{node}}}[{window}])) by (destination_service_name)",
        "workload, errors": f'sum(rate({TOTAL}{{{node},response_code=~"^0$|^[4-5]\\\\d\\\\d$"}}[{window}]))',
        "workload, p99": f"histogram_quantile(0.99, sum(rate({DURATION}_bucket{{{node}}}[{window}])) by (le))",
        "namespace's health": f"rate({TOTAL}{{{graph}}}[{window}]) > 0",
    }


def _tcp(metric: str, labels: str, window: str) -> str:
    return f'sum(rate({metric}{{app!="ztunnel",{labels}}} [{window}])) by ({KIALI_TCP}) > 0'


def _sum(metric: str, part: str, labels: str, window: str, also: str = "") -> str:
    by = f"{also}{SOURCE},{TARGET},request_protocol"
    return f"sum(rate({metric}_{part}{{{labels}}}[{window}])) by ({by})"


def istio(
    window: str, namespace: str = NAMESPACE, workload: str = WORKLOAD, destination: str = DESTINATION
) -> dict[str, str]:
    """The mesh, service and workload dashboards, as they ask about what sources report."""
    any_source, one = 'reporter=~"source|waypoint"', f'reporter=~"source",destination_service=~"{destination}"'
    sent = f'reporter=~"source",source_workload_namespace=~"{namespace}",source_workload=~"{workload}"'
    whole = f"sum(rate({TOTAL}{{{any_source}}}[{window}]))"
    by = "destination_workload, destination_workload_namespace"
    found = {
        "mesh, requests": f"round({whole}, 0.001)",
        "mesh, success": f'sum(rate({TOTAL}{{{any_source},response_code!~"5.."}}[{window}])) / {whole}',
        "mesh, 4xx": f'round(sum(rate({TOTAL}{{{any_source},response_code=~"4.."}}[{window}])), 0.001) or vector(0)',
        "mesh, 5xx": f'round(sum(rate({TOTAL}{{{any_source},response_code=~"5.."}}[{window}])), 0.001) or vector(0)',
        "mesh, HTTP": _joined(f"sum(rate({TOTAL}{{{any_source}}}[{window}])) by ({by}, destination_service)"),
        "mesh, TCP received": _joined(_bytes("received", any_source, window, by)),
        "mesh, TCP sent": _joined(_bytes("sent", any_source, window, by)),
        "mesh, versions": "sum(istio_build) by (component, tag)",
        "service, requests": f"round(sum(irate({TOTAL}{{{one}}}[{window}])), 0.001)",
        "service, success": f'sum(irate({TOTAL}{{{one},response_code!~"5.*"}}[{window}]))'
        f" / (sum(irate({TOTAL}{{{one}}}[{window}])) or on () vector(1))",
        "workload, outgoing": f'sum(irate({TOTAL}{{connection_security_policy!="mutual_tls",{sent}}}[{window}]))'
        " by (destination_service, response_code)",
        "workload, outgoing TCP": _bytes("sent", sent, window, "destination_service"),
    }
    for quantile in ("0.50", "0.90", "0.99"):
        found[f"mesh, p{quantile[2:]}"] = _joined(_quantile(quantile, f"{any_source}", window, f"le, {by}", "rate"))
        found[f"service, p{quantile[2:]}"] = (
            f"({_quantile(quantile, one, window, 'le')} / 1000) or histogram_quantile({quantile},"
            f" sum(irate(istio_request_duration_seconds_bucket{{{one}}}[{window}])) by (le))"
        )
    for metric in ("istio_request_bytes", "istio_response_bytes"):
        found[f"workload, {metric}"] = _quantile("0.99", sent, window, "destination_service, le", metric=metric)
    return found


def _joined(query: str) -> str:
    parts = '"destination_workload", "destination_workload_namespace"'
    return f'label_join({query}, "destination_workload_var", ".", {parts})'


def _bytes(way: str, labels: str, window: str, by: str) -> str:
    return f"sum(rate(istio_tcp_{way}_bytes_total{{{labels}}}[{window}])) by ({by})"


def _quantile(quantile: str, labels: str, window: str, by: str, function: str = "irate", metric: str = DURATION) -> str:
    return f"histogram_quantile({quantile}, sum({function}({metric}_bucket{{{labels}}}[{window}])) by ({by}))"


def guides(window: str, workload: str = "istio-egressgateway") -> dict[str, str]:
    """Of the guides to Istio's egress: rate, latency and errors by destination, and who was blocked or passed through.

    One of them says `istio_total_requests`, by which it means `istio_requests_total`. `workload` is what the gate says
    that it is.
    """
    gate, by = f'source_workload="{workload}"', "destination_service"
    whole = f"sum(rate({TOTAL}{{{gate}}}[{window}])) by ({by})"
    return {
        "requests": whole,
        "p99": _quantile("0.99", gate, window, f"le, {by}", "rate"),
        "errors": f'sum(rate({TOTAL}{{{gate}, response_code!~"2.."}}[{window}])) by ({by}) / {whole}',
        "passed through": f'{TOTAL}{{destination_service_name="PassthroughCluster"}}',
        "blocked": f'sum(increase({TOTAL}{{destination_service_name="BlackHoleCluster"}}[{window}]))'
        " by (source_workload, destination_service)",
    }


def every(window: str) -> dict[str, str]:
    """All of them, each with its asker before its name."""
    asked = {"kiali": kiali(window), "istio": istio(window), "guides": guides(window)}
    return {f"{who}: {name}": query for who, queries in asked.items() for name, query in queries.items()}
