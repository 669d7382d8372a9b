"""What is injected, as one frozen value.

Owns names and defaults. Knows no manifest, and no file: that one is `config.py`'s. What a pod may choose for itself is
`annotations.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from outgate import __version__
from outgate.netfilter.backend import Kind
from outgate.netfilter.options import Network, Ports

DOMAIN = "outgate.dev"
"""Before the slash of every annotation, as in documents."""


class Engine(StrEnum):
    """The program in the sidecar."""

    OUTGATE = "outgate"
    MITMDUMP = "mitmdump"
    """With the same gate inside: one process, and no fast lane."""


class Form(StrEnum):
    """What the sidecar is to Kubernetes."""

    NATIVE = "native"
    """An init container that goes on running: it starts before the workload and ends after it, Jobs too."""
    CLASSIC = "classic"
    """A container beside the others, for clusters older than 1.29."""


class Mode(StrEnum):
    """How the workload reaches the gate."""

    TRANSPARENT = "transparent"
    """The pod's TCP is turned there, and everything else is refused."""
    REGULAR = "regular"
    """By the usual variables for proxies, which force nobody."""


class Unconfined(StrEnum):
    """What becomes of pods whose containers could pass the rules by themselves."""

    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Authority:
    """The Secret with the CA that workloads trust, in the namespace of each pod."""

    secret: str = "outgate-ca"
    certificate: str = "tls.crt"
    """Which of its keys the certificate is."""
    key: str = "tls.key"
    """Which of its keys the private key is."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Where workloads find whom to trust."""

    path: str = "/etc/outgate/trust"
    config_map: str = ""
    """One with `ca-bundle.pem`, `outgate-ca.pem` and `truststore.p12`, as `outgate certs bundle` writes them. Empty:
    an init container makes them of the authority and the image's roots."""
    also_trusted: str = ""
    """A ConfigMap whose `ca.crt` holds authorities that are trusted beside it, while one follows another. It may be
    missing."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """What `outgate iptables install` is told."""

    ports: tuple[Ports, ...] = ()
    """TCP that is turned to the gate; the rest is refused. Empty: all of it."""
    exclude_ports: tuple[Ports, ...] = ()
    exclude_cidrs: tuple[Network, ...] = ()
    ipv6: bool = True
    backend: Kind | None = None
    """Which rule set; None: the first that works."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A Secret, such as one with a client certificate, that the sidecar alone has."""

    secret: str
    path: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """Kubernetes' quantities by resource."""

    requests: dict[str, str] = field(default_factory=lambda: {"cpu": "100m", "memory": "128Mi"})
    limits: dict[str, str] = field(default_factory=lambda: {"memory": "512Mi"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is injected."""

    image: str = f"outgate:{__version__}"
    image_pull_policy: str = "IfNotPresent"
    engine: Engine = Engine.OUTGATE
    sidecar: Form = Form.NATIVE
    mode: Mode = Mode.TRANSPARENT
    uid: int = 1337
    """The sidecar's, which no other container of the pod may have."""
    listen_port: int = 15001
    admin_port: int = 15000
    metrics_port: int = 15090
    """Where Prometheus and the kubelet ask."""
    dns: bool = False
    """The gate answers the workload's DNS with what is registered, and nobody else does."""
    dns_port: int = 15053
    policy: tuple[str, ...] = ("outgate-policy",)
    """ConfigMaps in the namespace of each pod; later ones overlay earlier ones. Who has a token needs none."""
    authority: Authority = field(default_factory=Authority)
    trust: Trust = field(default_factory=Trust)
    redirect: Redirect = field(default_factory=Redirect)
    secrets: tuple[Mounted, ...] = ()
    token: bool = False
    """The gate has the service account's token, with which it follows the policy in the cluster."""
    settings: dict[str, str] = field(default_factory=dict)
    """Settings of `outgate run` by name, beside those that are made of the above."""
    environment: dict[str, str] = field(default_factory=dict)
    """Further variables of the sidecar, such as `OTEL_EXPORTER_OTLP_ENDPOINT`."""
    trust_domain: str = ""
    """Before `/ns/NAMESPACE/sa/SERVICEACCOUNT` in the caller's principal; empty: the policy's own."""
    resources: Resources = field(default_factory=Resources)
    drain_seconds: int = 10
    """That the end of the pod leaves to open requests."""
    linger_seconds: int = 5
    """That a classic sidecar goes on serving while the workload ends, before it drains."""
    annotations: tuple[str, ...] | None = None
    """What pods may choose by annotation, by the names after the slash; None: everything."""
    unconfined: Unconfined = Unconfined.WARN

    @property
    def ports(self) -> dict[str, int]:
        """The gate's own ports by name."""
        dns = {"dnsPort": self.dns_port} if self.dns else {}
        return {
            "listenPort": self.listen_port,
            "adminPort": self.admin_port,
            "metricsPort": self.metrics_port,
        } | dns
