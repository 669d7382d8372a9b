"""What a gate is told of the hops around it: the gateway that it forwards to or is, proxies before it and behind it.

Owns the names of these settings and what they demand of each other. Which traffic takes which way is the policy's.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from outgate.policy.model import Network
from outgate.upstream.secret import Secret

SCHEMES = {"http": 3128, "https": 443}
"""Of a proxy, and the port where none is given."""


@dataclass(frozen=True, slots=True)
class Hops:
    """Nothing given: what leaves goes straight to its origin, and callers come straight from where they are."""

    gateway: tuple[tuple[str, int], ...] = ()
    """Replicas of the gateway to forward through; a name stands for all of its addresses. Empty: none."""
    gateway_cert: Path | None = None
    """The gate's own certificate between sidecar and gateway, with its SPIFFE ID."""
    gateway_key: Path | None = None
    gateway_ca: Path | None = None
    """Who is trusted to say who the other end is."""
    gateway_id: str = ""
    """The SPIFFE ID that the gateway has to prove."""
    proxy_protocol: tuple[Network, ...] = ()
    """From where connections begin with a PROXY header, and have to; elsewhere it counts for nothing."""
    upstream_proxy: str = ""
    """`http://HOST:PORT` or `https://HOST:PORT` of a proxy that is asked by CONNECT; empty for none."""
    upstream_proxy_credentials: Secret | None = None
    """`USER:PASSWORD`. In the environment rather than on the command line, which every process may read."""
    upstream_proxy_credentials_file: Path | None = None
    """The same in a file, which is read again when it changes."""

    @property
    def certificates(self) -> tuple[Path, ...]:
        """The three files of the hop between sidecar and gateway, as far as they are given."""
        files = (self.gateway_cert, self.gateway_key, self.gateway_ca)
        return tuple(path for path in files if path is not None)


NAMES = tuple(entry.name for entry in fields(Hops))


def fault(hops: Hops, *, serves: bool, redirected: bool) -> str:
    """Why these settings cannot be used together, and what to do; empty where they can. `serves`: it is a gateway.
    `redirected`: its connections are turned to it by the kernel."""
    return _gateway(hops, serves=serves) or _before(hops, redirected=redirected) or _behind(hops)


def _gateway(hops: Hops, *, serves: bool) -> str:
    if serves and (hops.gateway or hops.gateway_id):
        name = "gateway" if hops.gateway else "gateway_id"
        return f'"{name}" is for who forwards to a gateway, and this one is one; remove it'
    if not (serves or hops.gateway):
        given = next((name for name in NAMES[1:5] if getattr(hops, name)), "")
        return f'"{given}" is set, and no gateway is; name it with --gateway, or be one with --mode gateway' * bool(
            given
        )
    needed = NAMES[1:4] if serves else NAMES[1:5]
    missing = next((name for name in needed if not getattr(hops, name)), "")
    if missing:
        return f'a gateway is spoken to by mutual TLS, and "{missing}" is not set; give --{missing.replace("_", "-")}'
    return "" if serves else _identity(hops.gateway_id)


def _identity(text: str) -> str:
    from outgate.pki.names import uri  # loads much, and only who names an identity needs it

    try:
        found = uri(text).value
    except ValueError as error:
        return f'"{text}" does not fit the setting "gateway_id": {error}'
    return "" if found.startswith("spiffe://") else f'"{text}" is no SPIFFE ID; write spiffe://DOMAIN/ns/NAME/sa/NAME'


def _before(hops: Hops, *, redirected: bool) -> str:
    if hops.proxy_protocol and redirected:
        return '"proxy_protocol" is for who is dialled, and what is redirected says itself whence it comes; remove it'
    return ""


def _behind(hops: Hops) -> str:
    given = (hops.upstream_proxy_credentials is not None, hops.upstream_proxy_credentials_file is not None)
    if any(given) and not hops.upstream_proxy:
        return "credentials of an upstream proxy are set, and none is; name it with --upstream-proxy"
    if all(given):
        return "credentials of the upstream proxy are set twice; give the variable or the file"
    return ""


def proxy_url(text: str) -> str:
    """The text itself, if it is the URL of a proxy or empty. Raises `ValueError`."""
    if text:
        proxy_place(text)
    return text


def proxy_place(url: str) -> tuple[bool, str, int]:
    """Of a proxy's URL: whether it is spoken to by TLS, its host and its port. Raises `ValueError`.

    Credentials are refused there, where every process could read them.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    rest = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in SCHEMES or not parts.hostname or "@" in parts.netloc or rest:
        raise ValueError("no URL of a proxy")
    return parts.scheme == "https", parts.hostname, parts.port or SCHEMES[parts.scheme]
