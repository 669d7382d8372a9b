"""Flags and environment into one frozen `Settings`. Nothing else reads the environment or a flag.

Owns names, defaults, units and their validation. Knows nothing of what the values are used for.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from outgate.hop_settings import Hops, fault, proxy_url
from outgate.policy.model import Gate, Identity, Network
from outgate.telemetry.collector import Export, ExportError, read_export
from outgate.telemetry.propagation import Propagation
from outgate.telemetry.spans import Shape
from outgate.telemetry.tracer import Tracing
from outgate.telemetry.urls import Query
from outgate.upstream.secret import Secret

PREFIX = "OUTGATE_"
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
SERVICE = re.compile(r"(\w+_)?(service_(host|port)(_\w+)?|port(_\d+_(tcp|udp|sctp)(_(proto|port|addr))?)?)")
"""What Kubernetes adds to the environment of every pod for each Service, here of one called `outgate...`."""


class SettingsError(ValueError):
    """A flag or variable that cannot be used: names it, its value, and what to write instead."""


class ListenMode(StrEnum):
    """How workloads reach the gate."""

    TRANSPARENT = "transparent"
    REGULAR = "regular"
    SOCKS5 = "socks5"
    GATEWAY = "gateway"
    """As other gates, by mutual TLS: who calls is who the certificate says."""


class MetricsSource(StrEnum):
    """Who Istio's metrics say has sent what passes."""

    CALLER = "caller"
    """Where it is known; else the gate."""
    GATE = "gate"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the data plane: seconds, bytes and counts."""

    peek_timeout: float = 3.0
    """Until the first bytes say what a connection speaks; a server-first protocol waits this long."""
    handshake_timeout: float = 10.0
    head_timeout: float = 30.0
    """From the first byte of a request to the end of its head."""
    idle_timeout: float = 3600.0
    """Without a byte in either direction."""
    body_timeout: float = 300.0
    """Without a byte of a request body that has begun and not ended; in HTTP/2, before its answer has begun."""
    hook_timeout: float = 10.0
    """For an addon's awaitable hook; then the request is denied."""
    connect_timeout: float = 10.0
    linger_timeout: float = 1.0
    """How long an unread request body is swallowed after a denial, so that the answer is not lost to a reset."""
    header_bytes: int = 64 * 1024
    header_fields: int = 256
    held_bytes: int = 256 * 1024
    """Held for a request whose origin is still being dialled or whose hook is still running."""
    retry_body: int = 1024 * 1024
    """Bytes of a request's body that are kept so that it can be sent again; a longer one is tried once."""
    stream_window: int = 1024 * 1024
    connection_window: int = 4 * 1024 * 1024
    streams: int = 100
    """Streams of HTTP/2 that a workload may have open on one connection."""
    stream_resets: int = 500
    """Streams of one connection that may end by a reset within ten seconds; more end the connection."""
    connections: int = 4096
    """Open client connections; more are closed at once."""
    source_connections: int = 3072
    """Of these from one address, so that one source never keeps all others out."""
    pending_connections: int = 2048
    """Of these that have not yet said what they are or shaken hands; one more pushes the oldest out."""
    websocket_history: int = 8
    """Messages of a WebSocket kept for addons."""
    websocket_history_bytes: int = 1024 * 1024
    """Bytes of these together; a longer one is kept until the addons have seen it."""
    websocket_message: int = 16 * 1024 * 1024
    """Bytes of one message, inflated; a longer one breaks the WebSocket off."""
    rejudge_delay: float = 2.0
    leaf_cache: int = 1024
    """Hosts whose certificate for workloads is kept."""
    dns_cache: int = 4096
    """Names whose addresses are kept."""
    dns_ttl: float = 5.0
    """How long, for the system's resolver does not tell."""
    lookups: int = 1024
    """Names that are looked up or wait for it; more are not resolved."""
    log_file: int = 100 * 1024 * 1024
    """Bytes of a file of the access log that is turned over then; 0: never."""
    log_files: int = 5
    """Files that have been turned over and are kept."""
    metric_hosts: int = 200
    """Hosts that are not registered and have labels of their own."""
    metric_series: int = 5000
    """Of each metric."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything `outgate run` is told."""

    policy: tuple[Path, ...] = ()
    strict: bool = True
    mode: ListenMode = ListenMode.TRANSPARENT
    listen: tuple[str, int] = ("", 15001)
    """Empty host: every IPv4 and IPv6 address."""
    admin: str = "127.0.0.1:15000"
    """`ADDR:PORT`, `unix:PATH`, or empty for none."""
    metrics: str = ""
    """`ADDR:PORT` for metrics and probes alone, reached from outside; empty for none."""
    metrics_source: MetricsSource = MetricsSource.CALLER
    dns: str = ""
    """`ADDR:PORT` of a resolver for workloads, which knows what is registered; empty for none. No ADDR: loopback."""
    cluster: str = "Kubernetes"
    """Of the gate and its callers, as Istio's metrics name it."""
    ca_certificate: Path = Path("certs/outgate-ca.crt")
    ca_key: Path = Path("certs/outgate-ca.key")
    upstream_ca: tuple[Path, ...] = ()
    """Roots trusted for origins beside the system's."""
    addons: tuple[str, ...] = ()
    """Files, or names of entry points of `outgate.addons`, in the order in which they are called."""
    drain_timeout: float = 10.0
    workers: int = 1
    """Processes on the port, one core each; what is bounded for the gate is divided among them."""
    heartbeat_timeout: float = 10.0
    """A worker that says nothing for so long is ended and replaced."""
    access_log: bool = True
    redis: str = field(default="", repr=False)
    """Where limits of all gates are counted: `redis://`, `rediss://` or `unix://`, and what Redis wants to know. It is
    not shown, for a password may stand in it. Empty: nowhere."""
    policy_from_cluster: bool = False
    """Whether documents in Kubernetes are policy too, below the files."""
    kubeconfig: str = ""
    """The file that says how its API is reached; empty for the pod's own service account."""
    cluster_namespaces: tuple[str, ...] = ()
    """Namespaces whose documents are policy; all of them where none is named."""
    cluster_meshes: tuple[str, ...] = ()
    """Meshes whose kinds are watched; all of them where none is named."""
    cluster_status: bool = True
    """Whether the gate writes into the status of its own kinds what became of them."""
    cluster_timeout: float = 60.0
    """Seconds at the start for the cluster to tell all of its policy."""
    state_dir: str = ""
    """Where what outlives the process is kept: when destinations were last used. Empty: nothing is."""
    kuma_dialect: str = "kuma-2.14"
    """Which of Kuma's APIs its documents are written for."""
    kuma_role: str = "auto"
    """Which of Kuma's proxies the gate stands for."""
    kuma_secrets: str = "/var/run/secrets/kuma"
    """A directory with a file for each of Kuma's secrets."""
    osm_secrets: str = "/var/run/secrets/osm"
    """A directory with a directory `NAMESPACE/NAME` for each of osm-edge's secrets."""
    istio_secrets: str = "/var/run/secrets/istio"
    """A directory with a directory for each secret that a `credentialName` names: its keys are files in it."""
    gate: Gate = field(default_factory=Gate)
    workload: Identity = field(default_factory=Identity)
    hops: Hops = field(default_factory=Hops)
    limits: Limits = field(default_factory=Limits)
    tracing: Tracing = field(default_factory=Tracing)
    export: Export = field(default_factory=lambda: read_export({}))
    """What the standard `OTEL_*` variables say."""

    @property
    def admin_ports(self) -> frozenset[int]:
        """The TCP port of the admin endpoint, where it has one and it is known beforehand."""
        return _ports(self.admin)

    @property
    def own_ports(self) -> frozenset[int]:
        """Where the gate is asked how it is, as far as that is known beforehand: no workload is led there."""
        return self.admin_ports | _ports(self.metrics) | _ports(self.dns)


def read_settings(flags: Mapping[str, object], pairs: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Flags win over `--set KEY=VALUE` pairs, pairs over `OUTGATE_KEY` variables, these over the defaults.

    `flags` are values of fields of `Settings`; None counts as not given. Raises `SettingsError` for an unknown key or a
    value that does not fit.
    """
    texts = _variables(environ) | dict(_pair(pair) for pair in pairs)
    if unknown := sorted(set(texts) - _KNOWN):
        raise SettingsError(f'unknown setting "{unknown[0]}"; {_advice(unknown[0])}')
    plain = _scalars(Settings, texts) | {key: value for key, value in flags.items() if value is not None}
    limits, tracing = Limits(**_scalars(Limits, texts)), Tracing(**_scalars(Tracing, texts))
    settings = Settings(
        **plain,
        hops=Hops(**_scalars(Hops, texts)),
        gate=_gate(texts),
        workload=_workload(texts),
        limits=limits,
        tracing=tracing,
        export=_export(environ),
    )
    mode = settings.mode
    if why := fault(settings.hops, serves=mode is ListenMode.GATEWAY, redirected=mode is ListenMode.TRANSPARENT):
        raise SettingsError(why)
    for name, endpoint in (("admin", settings.admin), ("metrics", settings.metrics), ("dns", settings.dns)):
        if settings.workers > 1 and endpoint and not endpoint.startswith("unix:") and not _ports(endpoint):
            # It would be known to the supervisor alone, and the workers must not dial it.
            raise SettingsError(f'"{endpoint}" takes any free port, which workers would not know; name the {name} port')
    return settings


def _ports(endpoint: str) -> frozenset[int]:
    """The TCP port of an endpoint, where it has one and it is known beforehand."""
    named = bool(endpoint) and not endpoint.startswith("unix:")
    return frozenset({parse_address(endpoint)[1]} - {0}) if named else frozenset()


UNSHOWN = frozenset({"redis", "upstream_proxy", "upstream_proxy_credentials"})
"""In which a password may stand."""
DIVIDED = ("connections", "source_connections", "pending_connections")


def shared(settings: Settings, among: int) -> Settings:
    """One worker's part: bounds of the whole gate are divided, each part at least 1."""
    parts = {name: max(1, -(-getattr(settings.limits, name) // among)) for name in DIVIDED}
    return replace(settings, limits=replace(settings.limits, **parts))


def setting_names() -> list[str]:
    """Every key that may be set."""
    return sorted(_KNOWN)


def parse_address(text: str) -> tuple[str, int]:
    """`ADDR:PORT`, `[V6]:PORT` or `:PORT` into host and port; port 0 takes a free one. Raises `SettingsError`."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    digits = port.isascii() and port.isdigit() and len(port) <= 5
    if not colon or not digits or int(port) > 65535 or (":" in bare) != (bare != host) or "/" in bare:
        raise SettingsError(f'"{text}" is not an address; write ADDR:PORT, such as 127.0.0.1:15001 or [::1]:15001')
    return bare, int(port)


def parse_endpoint(text: str) -> str:
    """The text itself, if it is `ADDR:PORT`, `unix:PATH` or empty. Raises `SettingsError`."""
    if text == "unix:":
        raise SettingsError('"unix:" names no file; write unix:PATH')
    if text and not text.startswith("unix:"):
        parse_address(text)
    return text


def parse_place(text: str) -> str:
    """The text itself, if it is `ADDR:PORT` or empty. Raises `SettingsError`."""
    if text:
        parse_address(text)
    return text


def parse_addresses(text: str) -> tuple[tuple[str, int], ...]:
    """Addresses with commas between them, each with a host and a port. Raises `SettingsError`."""
    found = tuple(parse_address(part.strip()) for part in text.split(",") if part.strip())
    for host, port in found:
        if not (host and port):
            raise SettingsError(f'"{host}:{port}" is nowhere to connect to; write HOST:PORT')
    return found


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks with commas between them. Raises `ValueError`."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def parse_names(text: str) -> tuple[str, ...]:
    """Names with commas between them, each as Kubernetes has them. Raises `ValueError`."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if wrong := next((name for name in names if not LABEL.fullmatch(name)), None):
        raise ValueError(f'"{wrong}" is not the name of a namespace')
    return tuple(dict.fromkeys(names))


def parse_redis(text: str) -> str:
    """The text itself, if it is a URL of Redis or empty. Raises `ValueError`."""
    if text and not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("no URL of Redis")
    return text


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings among the variables. Those of Kubernetes' Services are not ours, though they begin like ours."""
    names = {key: key.removeprefix(PREFIX).lower() for key in environ if key.startswith(PREFIX)}
    return {name: environ[key] for key, name in names.items() if name in _KNOWN or not SERVICE.fullmatch(name)}


def _export(environ: Mapping[str, str]) -> Export:
    try:
        return read_export(environ)
    except ExportError as error:
        raise SettingsError(str(error)) from error


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise SettingsError(f'"{text}" is not KEY=VALUE')
    return key.strip().lower().replace("-", "_"), value


def _advice(name: str) -> str:
    close = difflib.get_close_matches(name, _KNOWN, 1)
    return f'did you mean "{close[0]}"?' if close else f"known: {', '.join(sorted(_KNOWN))}"


def _scalars(owner: type, texts: Mapping[str, str]) -> dict[str, Any]:
    kinds = {entry.name: str(entry.type) for entry in dataclasses.fields(owner)}
    return {name: _read(name, text, *_reader(name, kinds[name])) for name, text in texts.items() if name in kinds}


def _read[T](name: str, text: str, read: Callable[[str], T], expected: str) -> T:
    try:
        return read(text)
    except (ValueError, OverflowError) as error:
        shown = "what is given" if name in UNSHOWN else f'"{text}"'
        raise SettingsError(f'{shown} does not fit the setting "{name}"; write {expected}') from error


def _reader(name: str, kind: str) -> tuple[Callable[[str], object], str]:
    """How the text of a setting is read, and what to write, by the name and type of its field."""
    return READERS.get(name) or READERS[kind]


def _truth(text: str) -> bool:
    if text.lower() not in TRUTH:
        raise ValueError(text)
    return TRUTH[text.lower()]


def _count(text: str) -> int:
    return int(_quantity(str(int(text))))


def _some(text: str) -> int:
    if not (number := _count(text)):
        raise ValueError(text)
    return number


def _quantity(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or number < 0:
        raise ValueError(text)
    return number


def _ratio(text: str) -> float:
    if (number := _quantity(text)) > 1:
        raise ValueError(text)
    return number


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(Path(part) for part in text.split(os.pathsep) if part)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(os.pathsep) if part)


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    """`key=value,key=value`, sorted; values may be quoted, as the Downward API writes them."""
    parts = (part.partition("=") for part in re.split(r"[,\n]", text) if part.strip())
    labels = {key.strip(): (equals, value.strip().strip('"')) for key, equals, value in parts}
    if any(not key or not equals for key, (equals, _) in labels.items()):
        raise ValueError(text)
    return tuple(sorted((key, value) for key, (_, value) in labels.items()))


def _meshes(text: str) -> tuple[str, ...]:
    names = parse_names(text)
    if not set(names) <= set(MESHES):
        raise ValueError(text)
    return names


def _one_of(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in names:
            raise ValueError(text)
        return text.lower()

    return read


MESHES = ("native", "istio", "osm", "linkerd", "kuma")
KUMA_DIALECTS = ("kuma-madr062", "kuma-2.9", "kuma-2.14", "kuma-3.0")
KUMA_ROLES = ("auto", "both", "sidecar", "egress")
TRUTH = {"true": True, "1": True, "false": False, "0": False}
READERS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "float": (_quantity, "a number, 0 or more"),
    "int": (_count, "a whole number, 0 or more"),
    "bool": (_truth, "true or false"),
    "str": (str, "a text"),
    "Path": (Path, "a path"),
    "tuple[Path, ...]": (_paths, f"paths with {os.pathsep} between them"),
    "tuple[str, ...]": (_names, f"names with {os.pathsep} between them"),
    "Path | None": (Path, "a path"),
    "Secret | None": (lambda text: Secret(text.encode("utf-8", "surrogateescape")), "USER:PASSWORD"),
    "tuple[tuple[str, int], ...]": (parse_addresses, "HOST:PORT, with commas between several"),
    "tuple[Network, ...]": (parse_networks, "networks such as 10.0.0.0/8, with commas between them"),
    "cluster_namespaces": (parse_names, "names of namespaces with commas between them"),
    "cluster_meshes": (_meshes, f"some of {', '.join(MESHES)} with commas between them"),
    "tuple[str, int]": (parse_address, "ADDR:PORT, such as 127.0.0.1:15001 or [::1]:15001"),
    "ListenMode": (ListenMode, f"one of {', '.join(ListenMode)}"),
    "MetricsSource": (MetricsSource, f"one of {', '.join(MetricsSource)}"),
    "metrics": (parse_place, "ADDR:PORT, or nothing for none"),
    "dns": (parse_place, "ADDR:PORT, :PORT, or nothing for none"),
    "metric_hosts": (_some, "a whole number, 1 or more"),
    "metric_series": (_some, "a whole number, 1 or more"),
    "Shape": (Shape, f"one of {', '.join(Shape)}"),
    "Propagation | None": (Propagation, f"one of {', '.join(Propagation)}"),
    "Query": (Query, f"one of {', '.join(Query)}"),
    "trace_sampling": (_ratio, "a number from 0 to 1"),
    "workers": (_some, "a whole number, 1 or more"),
    "leaf_cache": (_some, "a whole number, 1 or more"),
    "redis": (parse_redis, "redis://HOST:PORT, rediss://HOST:PORT, or nothing for none"),
    "kuma_dialect": (_one_of(*KUMA_DIALECTS), f"one of {', '.join(KUMA_DIALECTS)}"),
    "kuma_role": (_one_of(*KUMA_ROLES), f"one of {', '.join(KUMA_ROLES)}"),
    "upstream_proxy": (proxy_url, "http://HOST:PORT or https://HOST:PORT, without credentials"),
    "admin": (parse_endpoint, "ADDR:PORT, unix:PATH, or nothing for no endpoint"),
}
"""By field name, else by field type: a function that raises `ValueError`, and what to write."""
LABELS = "key=value,key=value"


def _gate(texts: Mapping[str, str]) -> Gate:
    default = Gate()
    return Gate(
        name=texts.get("gate_name", default.name),
        namespace=texts.get("gate_namespace", default.namespace),
        labels=_read("gate_labels", texts.get("gate_labels", ""), _labels, LABELS),
        root_namespace=texts.get("root_namespace", default.root_namespace),
        collapses=_read("gate_collapses", texts.get("gate_collapses", "true"), _truth, "true or false"),
    )


def _workload(texts: Mapping[str, str]) -> Identity:
    namespace = texts.get("workload_namespace", "")
    account = texts.get("workload_service_account", "")
    labels = _read("workload_labels", texts.get("workload_labels", ""), _labels, LABELS)
    if not (namespace or account or labels):
        return Identity()
    # Without a trust domain the policy's own makes the principal.
    domain = texts.get("trust_domain", "")
    principal = f"{domain}/ns/{namespace}/sa/{account}" if domain and namespace and account else ""
    return Identity(namespace, account, principal, labels, how="declared")


_KNOWN = (
    {entry.name for owner in (Settings, Limits, Tracing, Hops) for entry in dataclasses.fields(owner)}
    - {"gate", "workload", "hops", "limits", "tracing", "export"}
) | {
    "gate_name",
    "gate_namespace",
    "gate_labels",
    "gate_collapses",
    "root_namespace",
    "workload_namespace",
    "workload_service_account",
    "workload_labels",
    "trust_domain",
}
