"""What stands in a lab of two hops: certificates for each end, gateways in the world, and a sidecar in the pod.

Owns putting them up, and a caller that speaks to a gateway as it likes. Judges nothing.
"""

from __future__ import annotations

import datetime as dt
import shutil
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .lab.gate import PIPES, Documents, Gate
from .lab.namespaces import WORLD4, Lab
from .lab.pki import Authority, Certified
from .lab.world import OriginPki
from .workload import PATIENCE, drain

PORTS = (15443, 15444)
GATEWAY = "spiffe://cluster.local/ns/egress/sa/gateway"
WEB = "spiffe://cluster.local/ns/prod/sa/web"
OTHER = "spiffe://cluster.local/ns/prod/sa/other"


@dataclass(frozen=True)
class HopPki:
    """Who is who between the gates. `forged` is of an authority that only calls itself like the real one."""

    folder: Path
    ca: Authority
    gateway: Certified
    callers: dict[str, Certified]


def make_pki(folder: Path) -> HopPki:
    folder.chmod(0o755)
    ca = Authority(folder, "hop-ca")
    others = folder / "others"
    others.mkdir(mode=0o755)
    forger, foreign = Authority(others, "hop-ca"), Authority(others, "foreign-ca")
    callers = {
        "web": ca.client("web", [WEB]),
        "other": ca.client("other", [OTHER]),
        "expired": ca.client("expired", [WEB], dt.timedelta(days=-1)),
        "forged": forger.client("forged", [WEB]),
        "foreign": foreign.client("foreign", [WEB]),
        "nameless": ca.client("nameless", ["web.prod.example"]),
        "twofold": ca.client("twofold", [WEB, OTHER]),
        "elsewhere": ca.client("elsewhere", ["https://cluster.local/ns/prod/sa/web"]),
        "server": ca.server("server", [WEB]),
    }
    return HopPki(folder, ca, ca.server("gateway", [GATEWAY]), callers)


def copied(certified: Certified, folder: Path) -> tuple[Path, Path]:
    """Certificate and key under names that stay the same, so that they can be replaced."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    for source, place in ((certified.cert, certificate), (certified.key, key)):
        fresh = place.with_suffix(".new")
        shutil.copy(source, fresh)
        fresh.chmod(0o644)
        fresh.replace(place)
    return certificate, key


class GatewayGate(Gate):
    """A gateway in the lab's world, as root: nothing is redirected to it."""

    def __init__(self, lab: Lab, policy: Documents, pki: OriginPki, hop: HopPki, number: int = 0, **more: Any) -> None:
        self._port, self.admin_address = PORTS[number], ("127.0.0.1", 15000 + number)  # type: ignore[misc]
        own = {"gateway_cert": hop.gateway.cert, "gateway_key": hop.gateway.key, "gateway_ca": hop.ca.cert}
        super().__init__(lab, policy, pki, settings={**own, **more.pop("settings", {})}, **more)

    def iptables(self, *arguments: str) -> str:
        return ""

    def _arguments(self) -> list[str]:
        return self._common("gateway", f"{WORLD4}:{self._port}")

    def _launch(self, argv: list[str], environment: dict[str, str], **popen: Any) -> Any:
        argv = ["nsenter", f"--net=/run/netns/{self._lab.world}", *argv]  # names are known to the pod's mounts
        return self._lab.popen_in(self._lab.pod, argv, None, env=environment, **{**PIPES, **popen})

    def _network(self) -> Any:
        return self._lab.enter(self._lab.world)


def forwarding(hop: HopPki, folder: Path) -> Mapping[str, object]:
    """The settings of a sidecar that is `web`."""
    certificate, key = copied(hop.callers["web"], folder)
    return {
        "gateway": ",".join(f"{WORLD4}:{port}" for port in PORTS),
        "gateway_cert": certificate,
        "gateway_key": key,
        "gateway_ca": hop.ca.cert,
        "gateway_id": GATEWAY,
    }


@dataclass(frozen=True)
class Caller:
    """Speaks to a gateway from the pod with a certificate of its choice."""

    lab: Lab
    hop: HopPki

    @contextmanager
    def secure(self, who: str) -> Iterator[ssl.SSLSocket]:
        context = ssl.create_default_context(cafile=str(self.hop.ca.cert))
        context.check_hostname = False
        if who:
            certified = self.hop.callers[who]
            context.load_cert_chain(certified.cert, certified.key)
        with self.lab.enter(self.lab.world):
            made = socket.create_connection((WORLD4, PORTS[0]), PATIENCE)
        with made, context.wrap_socket(made) as wrapped:
            yield wrapped

    def ask(self, who: str, target: str, inner: bytes = b"", fields: Sequence[str] = ()) -> bytes:
        """All that comes back to CONNECT and to what is said behind it."""
        head = "".join(f"{line}\r\n" for line in (f"CONNECT {target} HTTP/1.1", f"Host: {target}", *fields))
        try:
            with self.secure(who) as made:
                made.sendall(f"{head}\r\n".encode())
                answer = made.recv(65536)
                if answer.startswith(b"HTTP/1.1 200") and inner:
                    made.sendall(inner)
                    return answer + drain(made)
                return answer
        except (ssl.SSLError, ConnectionError):
            return b""
