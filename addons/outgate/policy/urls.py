"""What a person writes for where a request goes, taken apart.

Owns the four schemes and the errors of writing one. Names stay as written: they are judged as a workload would send
them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from outgate.policy.hosts import bracketed

URL = re.compile(r"([A-Za-z]+)://([^/?#]*)([^#]*)(?:#.*)?", re.DOTALL)
AUTHORITY = re.compile(r"(?:\[([^\[\]]*:[^\[\]]*)\]|([^:\[\]]+))(?::([0-9]{1,5}))?")
"""An IPv6 address in brackets or a name, then a port."""


class Scheme(StrEnum):
    """What a workload may start."""

    HTTP = "http"
    HTTPS = "https"
    TLS = "tls"
    TCP = "tcp"


DEFAULT_PORTS = {Scheme.HTTP: 80, Scheme.HTTPS: 443}


class UrlError(ValueError):
    """The text is no URL that a workload could use; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL. `host` is as written, without brackets."""

    scheme: Scheme
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What a client puts into `Host`: the port only where it is not the scheme's own."""
        return bracketed(self.host) if self.port == DEFAULT_PORTS.get(self.scheme) else self.target

    @property
    def target(self) -> str:
        """Host and port, as a proxy is told them."""
        return f"{bracketed(self.host)}:{self.port}"


def parse_url(text: str) -> Url:
    """`http` and `https` URLs, and `tls://host:port` and `tcp://host:port`. Raises `UrlError`."""
    parts = URL.fullmatch(text)
    if parts is None or parts[1].lower() not in [*Scheme]:
        raise UrlError(f'"{text}" is not a URL; write {", ".join(f"{scheme}://" for scheme in Scheme)} and a host')
    scheme, authority = Scheme(parts[1].lower()), parts[2]
    if "@" in authority:
        raise UrlError(f'"{text}" carries user info; leave it out')
    found = AUTHORITY.fullmatch(authority)
    if found is None:
        raise UrlError(f'"{authority}" is neither HOST nor HOST:PORT')
    port = int(found[3]) if found[3] else DEFAULT_PORTS.get(scheme, 0)
    if not 0 < port < 65536:
        raise UrlError(f'"{text}" needs a port from 1 to 65535; write {scheme}://HOST:PORT')
    path = parts[3] if parts[3].startswith("/") else f"/{parts[3]}"
    return Url(scheme, found[1] or found[2], port, path)
