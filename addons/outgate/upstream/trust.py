"""Files and settings into a TLS context.

Owns what is verified, with which roots, and who the gate is. The bytes that are digested are the bytes that are loaded:
OpenSSL reads certificates and keys from paths only, so each goes through an anonymous file in memory.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from outgate.policy.model import UpstreamTLS, Verification
from outgate.upstream.handshake import Context, client_context
from outgate.upstream.watch import digest

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
UNVERIFIED = (Verification.SKIP_CA, Verification.SKIP_ALL)
CERTIFICATE, CRL = b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X509 CRL-----"


@dataclass(frozen=True, slots=True)
class Trust:
    """What holds for every server."""

    roots: tuple[str, ...] = ()
    """Files of roots beside the system's, for destinations that name no CA of their own."""
    system: str | None = field(default_factory=lambda: ssl.get_default_verify_paths().cafile)
    """The system's own file of roots; None where it keeps a directory, which is then read but not watched."""
    strict: bool = False
    """Refuse certificates that RFC 5280 forbids, such as a CA without key usage. Many private CAs are made like that,
    so it is off, whatever the Python release has as its default."""
    partial_chain: bool = True
    """A certificate in a destination's CA file is trusted even if it is not a root: who names an intermediate, or the
    server's own certificate, means it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A context, and the digest of all that it was made of."""

    context: Context
    digest: str
    trusted: str
    """What the chain is verified against, for messages."""


def paths(tls: UpstreamTLS, trust: Trust) -> tuple[str, ...]:
    """The files that an identity is made of, each once."""
    files = (*_anchors(tls, trust), tls.crl, tls.client_certificate, tls.private_key)
    return tuple(dict.fromkeys(path for path in files if path))


def identity(tls: UpstreamTLS, alpn: tuple[str, ...], trust: Trust, files: Mapping[str, bytes]) -> Identity:
    """The identity that `tls` describes. `files` are the bytes of all of `paths`.

    Raises `ValueError` with what is wrong and what to do: a bad version, a file without certificates, no pair.
    """
    context = client_context()
    _bound(context, tls)
    _verify(context, tls, trust, files)
    _present(context, tls, files)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    bounds = (tls.verification, tls.minimum_version, tls.maximum_version, alpn, trust)
    roles = (tls.ca, tls.crl, tls.client_certificate, tls.private_key)
    parts = {"settings": repr((bounds, roles)).encode(), **files}
    return Identity(context, digest(parts), tls.ca or "the system's roots")


def serving(tls: UpstreamTLS, files: Mapping[str, bytes]) -> ssl.SSLContext:
    """A server's context for peers who have to prove who they are. `files` are the bytes of `paths`.

    Nothing is resumed: each connection proves it anew, under the files of its time. Raises `ValueError`.
    """
    if tls.ca is None or tls.client_certificate is None:
        raise ValueError("a server of mutual TLS needs a certificate and a CA; name both")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    _anchor(context, tls.ca, files[tls.ca])
    _present(context, tls, files)
    return context


def _anchors(tls: UpstreamTLS, trust: Trust) -> tuple[str, ...]:
    if tls.verification in UNVERIFIED:
        return ()
    system = (trust.system,) if trust.system else ()
    return (tls.ca,) if tls.ca else (*system, *trust.roots)


def _bound(context: Context, tls: UpstreamTLS) -> None:
    lowest, highest = _version(tls.minimum_version or "TLSv1.2"), _version(tls.maximum_version or "TLSv1.3")
    if lowest > highest:
        raise ValueError(f"minimum version {tls.minimum_version} is above maximum version {tls.maximum_version}")
    context.minimum_version, context.maximum_version = lowest, highest


def _version(name: str) -> ssl.TLSVersion:
    if name not in VERSIONS:
        raise ValueError(f"{name!r} is not a TLS version that is offered; use {' or '.join(VERSIONS)}")
    return VERSIONS[name]


def _verify(context: Context, tls: UpstreamTLS, trust: Trust, files: Mapping[str, bytes]) -> None:
    if tls.verification in UNVERIFIED:
        context.verify_mode = ssl.CERT_NONE
        return
    context.verify_mode = ssl.CERT_REQUIRED
    flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
    if trust.strict:
        flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    if tls.ca and trust.partial_chain:
        flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if tls.crl:
        flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
    context.verify_flags = flags
    if not tls.ca and not trust.system:
        context.set_default_verify_paths()
    for path in _anchors(tls, trust):
        _anchor(context, path, files[path])
    if tls.crl:
        _revoke(context, tls.crl, files[tls.crl])


def _anchor(context: ssl.SSLContext, path: str, data: bytes) -> None:
    if CERTIFICATE not in data:
        raise ValueError(f"{path} holds no certificate; use a PEM file with the CA's certificate")
    _load(context, path, data)


def _revoke(context: Context, path: str, data: bytes) -> None:
    # A certificate in this file would be trusted like a root.
    if CRL not in data or CERTIFICATE in data:
        raise ValueError(f"{path} is not a list of revoked certificates; use a PEM file with CRLs and nothing else")
    _load(context, path, data)


def _load(context: ssl.SSLContext, path: str, data: bytes) -> None:
    try:
        with _in_memory(data) as name:
            context.load_verify_locations(cafile=name)
    except ssl.SSLError as error:
        raise ValueError(f"{path} cannot be read ({error.reason}); use PEM") from error


def _present(context: ssl.SSLContext, tls: UpstreamTLS, files: Mapping[str, bytes]) -> None:
    if tls.client_certificate is None:
        if tls.private_key is not None:
            raise ValueError(f"private key {tls.private_key} has no client certificate; name both or neither")
        return
    key = tls.private_key or tls.client_certificate
    try:
        with _in_memory(files[tls.client_certificate]) as chain, _in_memory(files[key]) as private:
            context.load_cert_chain(chain, private, password=_encrypted)
    except ssl.SSLError as error:
        why = "they do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else str(error.reason or error)
        raise ValueError(f"{tls.client_certificate} and {key} cannot be used: {why}; use a PEM pair") from error


def _encrypted() -> bytes:
    """Instead of asking at the terminal."""
    raise ValueError("the private key is encrypted; use one that is not, readable by the gate alone")


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """A path under which OpenSSL reads these very bytes; no file system ever holds them."""
    with os.fdopen(os.memfd_create("outgate", os.MFD_CLOEXEC), "wb", buffering=0) as file:
        file.write(data)
        yield f"/proc/self/fd/{file.fileno()}"
