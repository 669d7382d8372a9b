"""The TLS that a gateway or a sidecar serves: one block, in Gateway and in Sidecar ingress.

Owns the shape and what its fields ask of each other. Of all this only the mode matters to the gate, whose own leafs and
CA serve the workload: `gateway.py` reads it.
"""

from __future__ import annotations

import re

from outgate.policy.frontends.istio.common import Placed, one_of
from outgate.policy.model import Fate
from outgate.policy.schema import Boolean, Choice, Field, Fields, Reading, Record, Sequence, Shape, Text

MODES = ("PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL")
VERSIONS = ("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")
CERTIFICATES = (
    "serverCertificate",
    "privateKey",
    "caCertificates",
    "tlsCertificates",
    "credentialName",
    "credentialNames",
    "caCertCredentialName",
)
BYPASSED = ("PASSTHROUGH", "AUTO_PASSTHROUGH")
VERIFYING = ("MUTUAL", "OPTIONAL_MUTUAL")
SPKI = re.compile(r"[A-Za-z0-9+/]{43}=")
HASH = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){31}")
CIPHERS = frozenset(
    {
        "AES128-GCM-SHA256",
        "AES128-SHA",
        "AES128-SHA256",
        "AES256-GCM-SHA384",
        "AES256-SHA",
        "AES256-SHA256",
        "DES-CBC3-SHA",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES256-SHA",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-PSK-AES128-CBC-SHA",
        "ECDHE-PSK-AES256-CBC-SHA",
        "ECDHE-PSK-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-SHA",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "PSK-AES128-CBC-SHA",
        "PSK-AES256-CBC-SHA",
    }
)

_NOTE = "the gate serves the workload with its own certificates and TLS settings"

CERTIFICATE = Fields(
    {
        "serverCertificate": Field(Text()),
        "privateKey": Field(Text()),
        "caCertificates": Field(Text()),
    },
    snake=True,
)

_SHAPES: dict[str, Shape] = {
    "serverCertificate": Text(),
    "privateKey": Text(),
    "caCertificates": Text(),
    "caCrl": Text(),
    "credentialName": Text(),
    "credentialNames": Sequence(Text(empty=False), most=2),
    "caCertCredentialName": Text(),
    "tlsCertificates": Sequence(CERTIFICATE, most=2),
    "subjectAltNames": Sequence(Text()),
    "verifyCertificateSpki": Sequence(Placed(Text())),
    "verifyCertificateHash": Sequence(Placed(Text())),
    "minProtocolVersion": Choice(VERSIONS),
    "maxProtocolVersion": Choice(VERSIONS),
    "cipherSuites": Sequence(Placed(Text())),
    "insecureSkipVerify": Boolean(),
}

TLS = Fields(
    {
        "mode": Field(Choice(MODES)),
        "httpsRedirect": Field(Boolean(), note="of requests that routes send through the gateway"),
        **{name: Field(shape, fate=Fate.IGNORED, note=_NOTE) for name, shape in _SHAPES.items()},
    },
    snake=True,
)


def mode(tls: Record) -> str:
    chosen: str = tls.get("mode", "PASSTHROUGH")
    return chosen


def check(tls: Record | None, reading: Reading) -> None:
    """What the fields of one block ask of each other."""
    if tls is None:
        return
    _check_versions(tls, reading)
    _check_ciphers(tls, reading)
    _check_digests(tls, reading)
    one_of(tls, ("credentialName", "credentialNames", "tlsCertificates"), reading)
    given = [name for name in CERTIFICATES if tls.get(name)]
    if mode(tls) == "ISTIO_MUTUAL":
        for name in given:
            reading.error(
                tls.at(name), tls.under(name), "the mesh supplies the certificates of ISTIO_MUTUAL", "remove it"
            )
    elif mode(tls) in BYPASSED:
        for name in given:
            reading.warn(tls.at(name), tls.under(name), f"{mode(tls)} uses no certificates", "remove it")
    else:
        _check_sources(tls, given, reading)


def _check_sources(tls: Record, given: list[str], reading: Reading) -> None:
    """SIMPLE, MUTUAL, OPTIONAL_MUTUAL: one source of certificates, and a whole one."""
    files = "serverCertificate" in given and "privateKey" in given
    named = next((name for name in ("credentialName", "credentialNames") if name in given), "")
    for name in (named, "tlsCertificates") if files else ():
        if name in given:
            reading.error(tls.at(name), tls.under(name), 'cannot stand beside "serverCertificate"', "keep one of them")
    if named:
        return
    if mode(tls) in VERIFYING and not {"caCertificates", "caCertCredentialName"} & set(given):
        _missing(tls, "caCertificates", reading)
    for certificate in tls.get("tlsCertificates") or [tls]:
        for name in ("serverCertificate", "privateKey"):
            if not certificate.get(name):
                _missing(certificate, name, reading)
    if tls.get("caCrl") and mode(tls) == "SIMPLE":
        reading.error(tls.at("caCrl"), tls.under("caCrl"), "SIMPLE verifies no client", "use MUTUAL, or remove it")


def _missing(record: Record, name: str, reading: Reading) -> None:
    reading.error(record.at(name), record.under(name), "the mode needs it", "add it, or credentialName")


def _check_versions(tls: Record, reading: Reading) -> None:
    least, most = (VERSIONS.index(tls.get(name, "TLS_AUTO")) for name in ("minProtocolVersion", "maxProtocolVersion"))
    if 0 < most < least:
        reading.error(
            tls.at("maxProtocolVersion"), tls.under("maxProtocolVersion"), "is below minProtocolVersion", "raise it"
        )
    if least in (1, 2) and not tls.get("cipherSuites"):
        reading.warn(
            tls.at("minProtocolVersion"),
            tls.under("minProtocolVersion"),
            f"{VERSIONS[least]} needs cipher suites of its time",
            "list cipherSuites",
        )


def _check_ciphers(tls: Record, reading: Reading) -> None:
    seen: set[str] = set()
    for item in tls.get("cipherSuites", []):
        if item.value not in CIPHERS:
            reading.warn(item.where, item.path, f'"{item.value}" is not a cipher suite', "remove it")
        elif item.value in seen:
            reading.warn(item.where, item.path, f'"{item.value}" is given twice', "remove it")
        seen.add(item.value)


def _check_digests(tls: Record, reading: Reading) -> None:
    for name, form, what in (
        ("verifyCertificateSpki", SPKI, "the base64 SHA-256 of a public key"),
        ("verifyCertificateHash", HASH, "the hexadecimal SHA-256 of a certificate"),
    ):
        for item in tls.get(name, []):
            if not form.fullmatch(item.value):
                reading.error(item.where, item.path, f'"{item.value}" is not {what}')
