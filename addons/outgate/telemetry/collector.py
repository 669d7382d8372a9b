"""Where telemetry goes: the standard `OTEL_*` variables as one frozen value.

Owns their names, units and defaults, and says what is wrong with a value. Loads nothing of OpenTelemetry: a gate that
exports nothing does not pay for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from outgate.telemetry.outbox import Bounds
from outgate.telemetry.propagation import Propagation
from outgate.telemetry.span_attributes import METHODS
from outgate.telemetry.text import MAX_TEXT


class ExportError(ValueError):
    """A variable that cannot be used: names it, its value, and what to write instead."""


class Protocol(StrEnum):
    """How OTLP is spoken."""

    HTTP = "http/protobuf"
    GRPC = "grpc"


@dataclass(frozen=True, slots=True)
class Collector:
    """Where one signal goes, and how. `wanted`: the variables ask for it."""

    wanted: bool = False
    endpoint: str = ""
    """A URL; for HTTP with its path."""
    protocol: Protocol = Protocol.HTTP
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = 2.0
    """Seconds for one batch, trying again included."""
    gzip: bool = False
    insecure: bool = True
    """For gRPC: without TLS."""
    certificate: str = ""
    """A file with the roots that the collector's certificate has to come from."""
    client_certificate: str = ""
    client_key: str = ""

    def __repr__(self) -> str:
        """Without headers, which carry credentials, and without the URL's user information."""
        return f"Collector({self.protocol} {re.sub('//[^/]*@', '//', self.endpoint)}, wanted={self.wanted})"

    def at(self, target: str) -> Collector:
        """The same for a service that a document names as `HOST:PORT`, which speaks gRPC as Envoy does."""
        return replace(
            self, wanted=True, endpoint=f"http://{target}", protocol=Protocol.GRPC, insecure=True, headers=()
        )


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that the variables say. None: they do not."""

    traces: Collector = Collector()
    metrics: Collector = Collector()
    logs: Collector = Collector()
    resource: tuple[tuple[str, str], ...] = (("service.name", "outgate"),)
    span_bounds: Bounds = field(default_factory=Bounds)
    log_bounds: Bounds = field(default_factory=Bounds)
    metric_interval: float = 60.0
    sampling: float | None = None
    follows: bool = True
    """A trace that the workload does not keep is not kept by the gate."""
    propagation: Propagation | None = None
    methods: frozenset[str] = METHODS
    value_length: int = MAX_TEXT

    @property
    def of_metrics(self) -> Export:
        """The same for a process that exports nothing else: its workers send the rest."""
        return replace(self, traces=Collector(), logs=Collector())


def read_export(environ: Mapping[str, str]) -> Export:
    """What `OTEL_*` say. Raises `ExportError`."""
    texts = {name: text.strip() for name, text in environ.items() if name.startswith("OTEL_") and text.strip()}
    on = texts.get("OTEL_SDK_DISABLED", "").lower() != "true"
    ratio, follows = _sampler(texts)
    methods = texts.get("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "")
    return Export(
        traces=_collector("TRACES", texts) if on else Collector(),
        metrics=_collector("METRICS", texts) if on else Collector(),
        logs=_collector("LOGS", texts) if on else Collector(),
        resource=_resource(texts),
        span_bounds=_bounds("OTEL_BSP", texts),
        log_bounds=_bounds("OTEL_BLRP", texts),
        metric_interval=_number("OTEL_METRIC_EXPORT_INTERVAL", texts, 60_000, least=100) / 1000,
        sampling=ratio,
        follows=follows,
        propagation=_propagation(texts),
        methods=frozenset(_listed(methods)) or METHODS,
        value_length=int(_number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", texts, MAX_TEXT, least=16, most=MAX_TEXT)),
    )


def _collector(signal: str, texts: Mapping[str, str]) -> Collector:
    def said(name: str, default: str = "") -> str:
        return texts.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}") or texts.get(f"OTEL_EXPORTER_OTLP_{name}") or default

    protocol = _protocol(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", said("PROTOCOL", "http/protobuf").lower())
    endpoint = _endpoint(signal, protocol, texts)
    scheme = urlsplit(endpoint).scheme
    compression = said("COMPRESSION", "none").lower()
    if compression not in ("none", "gzip"):
        raise ExportError(
            f'"{compression}" is not a compression for OTEL_EXPORTER_OTLP_COMPRESSION; write gzip or none'
        )
    timeout = f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT"
    return Collector(
        wanted=_wanted(signal, said("ENDPOINT"), texts),
        endpoint=endpoint,
        protocol=protocol,
        headers=_pairs(f"OTEL_EXPORTER_OTLP_{signal}_HEADERS", said("HEADERS")),
        timeout=_number(timeout if timeout in texts else "OTEL_EXPORTER_OTLP_TIMEOUT", texts, 2000, 10, 60_000) / 1000,
        gzip=compression == "gzip",
        insecure=scheme == "http",
        certificate=said("CERTIFICATE"),
        client_certificate=said("CLIENT_CERTIFICATE"),
        client_key=said("CLIENT_KEY"),
    )


def _wanted(signal: str, endpoint: str, texts: Mapping[str, str]) -> bool:
    """Where nothing names an exporter, an endpoint is enough; for logs it is not, since each line would leave twice."""
    name = f"OTEL_{signal}_EXPORTER"
    named = _listed(texts.get(name, "").lower())
    known = {"otlp", "none", "prometheus"} if signal == "METRICS" else {"otlp", "none"}
    if unknown := sorted(set(named) - known):
        raise ExportError(f'"{unknown[0]}" is not an exporter for {name}; write {" or ".join(sorted(known))}')
    if named:
        return "otlp" in named
    return bool(endpoint) and (signal != "LOGS" or f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT" in texts)


def _endpoint(signal: str, protocol: Protocol, texts: Mapping[str, str]) -> str:
    """HTTP adds a path to the common endpoint, and takes the signal's own as it is."""
    name = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
    own, common = texts.get(name, ""), texts.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    grpc = protocol is Protocol.GRPC
    text = own or common or ("http://localhost:4317" if grpc else "http://localhost:4318")
    if grpc and "://" not in text:
        insecure = texts.get(f"OTEL_EXPORTER_OTLP_{signal}_INSECURE") or texts.get("OTEL_EXPORTER_OTLP_INSECURE", "")
        text = f"{'http' if insecure.lower() == 'true' else 'https'}://{text}"
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        name = name if own else "OTEL_EXPORTER_OTLP_ENDPOINT"
        raise ExportError(f'"{text}" is not an endpoint for {name}; write http://HOST:PORT or https://HOST:PORT')
    return text if grpc or own else f"{text.rstrip('/')}/v1/{signal.lower()}"


def _resource(texts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    attributes = {"service.name": "outgate"}
    attributes.update(_pairs("OTEL_RESOURCE_ATTRIBUTES", texts.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    if name := texts.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = name
    return tuple(attributes.items())


def _bounds(prefix: str, texts: Mapping[str, str]) -> Bounds:
    default = Bounds()
    waiting = int(_number(f"{prefix}_MAX_QUEUE_SIZE", texts, default.waiting, 1, 100_000))
    batch = int(_number(f"{prefix}_MAX_EXPORT_BATCH_SIZE", texts, default.batch, 1, 512))
    delay = _number(f"{prefix}_SCHEDULE_DELAY", texts, default.delay * 1000, 1, 3_600_000) / 1000
    return Bounds(waiting, min(batch, waiting), delay)


def _sampler(texts: Mapping[str, str]) -> tuple[float | None, bool]:
    """The ratio, and whether what the workload's own trace says counts."""
    if not (name := texts.get("OTEL_TRACES_SAMPLER", "").lower()):
        return None, True
    follows, kind = name.startswith("parentbased_"), name.removeprefix("parentbased_")
    if kind == "traceidratio":
        return _number("OTEL_TRACES_SAMPLER_ARG", texts, 1, 0, 1), follows
    if kind not in ("always_on", "always_off"):
        raise ExportError(
            f'"{name}" is not a sampler for OTEL_TRACES_SAMPLER; write always_on, always_off or traceidratio, '
            "or one of these with parentbased_ before it"
        )
    return (1.0 if kind == "always_on" else 0.0), follows


def _propagation(texts: Mapping[str, str]) -> Propagation | None:
    """The first that an origin may be told; baggage never leaves."""
    known = {"tracecontext": Propagation.W3C, "b3": Propagation.B3, "b3multi": Propagation.B3MULTI}
    known["none"] = Propagation.NONE
    names = _listed(texts.get("OTEL_PROPAGATORS", "").lower())
    return next((known[name] for name in names if name in known), None)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pairs(name: str, text: str) -> tuple[tuple[str, str], ...]:
    """`key=value,key=value`, percent-encoded. The text is not repeated in an error: it may be a credential."""
    made = []
    for number, part in enumerate(_listed(text), 1):
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or "\n" in (value := unquote(value.strip())) or "\r" in value:
            raise ExportError(f"part {number} of {name} is not key=value; separate pairs with commas")
        key = unquote(key.strip())
        made.append((key.lower() if name.endswith("HEADERS") else key, value))
    return tuple(made)


def _number(name: str, texts: Mapping[str, str], default: float, least: float = 0, most: float = math.inf) -> float:
    if (text := texts.get(name)) is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= least):
        raise ExportError(f'"{text}" does not fit {name}; write a number from {least:g} on')
    return min(number, most)


def _protocol(name: str, text: str) -> Protocol:
    try:
        return Protocol(text)
    except ValueError:
        raise ExportError(f'"{text}" does not fit {name}; write {" or ".join([*Protocol])}') from None
