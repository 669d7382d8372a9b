"""What OpenTelemetry's exporters send, field by field, through their own encoder."""

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.sdk.resources import Resource

from outgate.telemetry import names
from outgate.telemetry.metrics import Metrics
from outgate.telemetry.otlp_metrics import metrics_data
from telemetry.events import event, reached

START, NOW = 1_000_000_000, 2_000_000_000


def encoded(metrics):
    """Metrics by name, as they go over the wire."""
    data = metrics_data(metrics.scraped(), Resource({"service.name": "outgate"}), "1.2", START, NOW)
    message = encode_metrics(data)
    [resource] = message.resource_metrics
    [scope] = resource.scope_metrics
    assert (scope.scope.name, scope.scope.version) == ("outgate", "1.2")
    assert {each.key: each.value.string_value for each in resource.resource.attributes} == {"service.name": "outgate"}
    return {metric.name: metric for metric in scope.metrics}


def attributes(point):
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in point.attributes}


def made():
    metrics = Metrics()
    metrics.observe(event(reached=(reached(),)))
    metrics.read(names.CONNECTIONS_OPEN, lambda: 5)
    metrics.read(names.GENERATION, lambda: 3)
    return encoded(metrics)


def test_a_counter_is_a_monotonic_sum_since_the_start():
    found = made()["istio_requests_total"]
    [point] = found.sum.data_points
    assert found.sum.is_monotonic
    assert found.sum.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    assert (point.start_time_unix_nano, point.time_unix_nano, point.as_int) == (START, NOW, 1)
    told = attributes(point)
    assert told["source_workload"] == "cart"
    assert "grpc_response_status" not in told


def test_a_histogram_has_its_buckets_and_the_names_of_the_conventions():
    found = made()["http.client.request.duration"]
    [point] = found.histogram.data_points
    assert (found.unit, found.description) == ("s", names.CLIENT_DURATION.help)
    assert found.histogram.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    assert list(point.explicit_bounds) == list(names.SECONDS)
    assert list(point.bucket_counts) == [*(0,) * 6, 1, *(0,) * 8]
    assert (point.count, round(point.sum, 6)) == (1, 0.2)
    assert not point.HasField("min")
    assert not point.HasField("max")
    assert attributes(point) == {
        "http.request.method": "GET",
        "server.address": "api.partner.example",
        "server.port": 443,
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
    }


def test_a_level_may_fall_and_a_mark_is_no_sum():
    found = made()
    assert not found["outgate_connections"].sum.is_monotonic
    assert found["outgate_connections"].sum.data_points[0].as_int == 5
    assert found["outgate_policy_generation"].gauge.data_points[0].as_int == 3
