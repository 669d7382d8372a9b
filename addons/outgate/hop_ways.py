"""Settings of hops as the ways that they open: a gateway to forward to, a proxy to leave through, who may call.

Owns the translation, and that nothing starts whose own certificate of that hop cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.hop_settings import Hops, proxy_place
from outgate.policy.model import NameKind, SubjectName, UpstreamTLS
from outgate.settings import ListenMode, Settings, SettingsError
from outgate.upstream.judge import read
from outgate.upstream.trust import Trust, identity, paths, serving
from outgate.upstream.watch import contents
from outgate.upstream.ways import Gateway, Proxy

VERSION = "TLSv1.3"


def gateway_of(hops: Hops, heard: Callable[[bytes], None] = lambda head: None) -> Gateway | None:
    return Gateway(hops.gateway, hop_tls(hops), heard) if hops.gateway else None


def proxy_of(hops: Hops, roots: str | None = None) -> Proxy | None:
    """`roots` is a file of roots under which the proxy proves itself, where it is spoken to by TLS."""
    if not hops.upstream_proxy:
        return None
    secure, host, port = proxy_place(hops.upstream_proxy)
    tls = UpstreamTLS(ca=roots) if secure else None
    return Proxy((host, port), tls, hops.upstream_proxy_credentials, hops.upstream_proxy_credentials_file)


def hop_tls(hops: Hops) -> UpstreamTLS:
    """Mutual TLS between gates: who this one is, and who the other end has to be where that is one."""
    names = (SubjectName(NameKind.URI, hops.gateway_id),) if hops.gateway_id else ()
    certificate, key, ca = (str(path) if path is not None else None for path in _files(hops))
    return UpstreamTLS(ca=ca, client_certificate=certificate, private_key=key, names=names, minimum_version=VERSION)


def require_identity(settings: Settings) -> None:
    """Raises `SettingsError` where the gate cannot prove who it is on its hop, or not judge who the other end is."""
    hops = settings.hops
    if not hops.certificates:
        return
    tls = hop_tls(hops)
    try:
        files = contents(paths(tls, Trust(system=None)))
        if settings.mode is ListenMode.GATEWAY:
            serving(tls, files)
        else:
            identity(tls, (), Trust(system=None), files)
        _require_id(files[str(hops.gateway_cert)], str(hops.gateway_cert))
    except OSError as error:
        raise SettingsError(f"{error.filename}: {error.strerror}; mount it, or correct the path") from error
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _require_id(pem: bytes, path: str) -> None:
    from cryptography import x509  # loads much, and only who has a hop needs it
    from cryptography.hazmat.primitives.serialization import Encoding

    uris = read(x509.load_pem_x509_certificates(pem)[0].public_bytes(Encoding.DER)).uris
    if len(uris) != 1 or not uris[0].startswith("spiffe://"):
        raise ValueError(
            f"{path} names no SPIFFE ID; issue it with outgate certs issue --uri spiffe://DOMAIN/ns/NAME/sa/NAME"
        )


def _files(hops: Hops) -> tuple[object, ...]:
    return hops.gateway_cert, hops.gateway_key, hops.gateway_ca
