"""The TLS that a document has the gate start: one block, in DestinationRule and in mesh settings.

Owns the shape of the block, what its fields ask of each other, and its translation into `UpstreamTLS`. Which block
applies to which port is `destination_rules.py`'s.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

from outgate.policy.model import NameKind, Source, SubjectName, UpstreamTLS, Verification
from outgate.policy.schema import Boolean, Choice, Field, Fields, Reading, Record, Sequence, Text

MODES = ("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")
FILES = ("clientCertificate", "privateKey", "caCertificates", "caCrl")
CONFIG_MAP = "configmap://"
CREDENTIAL = r"((configmap://)?([A-Za-z0-9][A-Za-z0-9.-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*)?"
SYSTEM = "system"
"""As `caCertificates`: the system's roots."""

TLS = Fields(
    {
        "mode": Field(Choice(MODES)),
        "clientCertificate": Field(Text()),
        "privateKey": Field(Text()),
        "caCertificates": Field(Text()),
        "caCrl": Field(Text()),
        "credentialName": Field(
            Text(pattern=CREDENTIAL, hint="write the name of a secret"),
            note="a directory of the setting istio_secrets, with tls.crt, tls.key and ca.crt in it",
        ),
        "subjectAltNames": Field(Sequence(Text(empty=False))),
        "sni": Field(Text()),
        "insecureSkipVerify": Field(Boolean()),
    },
    snake=True,
)


def check(tls: Record | None, namespace: str, reading: Reading) -> None:
    """What the fields of one block ask of each other."""
    if tls is None:
        return
    mode = tls.get("mode", "DISABLE")
    if tls.get("insecureSkipVerify"):
        _check_insecure(tls, mode, reading)
    _check_config_map(tls, namespace, reading)
    if mode == "ISTIO_MUTUAL":
        _refuse(tls, (*FILES, "credentialName"), reading, "the mesh supplies the certificates of ISTIO_MUTUAL")
    elif mode in ("SIMPLE", "MUTUAL") and tls.get("credentialName"):
        _refuse(tls, FILES, reading, 'cannot stand beside "credentialName"')
    elif mode == "MUTUAL":
        _check_mutual(tls, reading)
    elif mode == "SIMPLE" and tls.get("clientCertificate"):
        reading.warn(
            tls.at("clientCertificate"), tls.under("clientCertificate"), "SIMPLE presents no certificate", "use MUTUAL"
        )


def _check_insecure(tls: Record, mode: str, reading: Reading) -> None:
    if mode not in ("SIMPLE", "MUTUAL"):
        return
    reading.warn(
        tls.at("insecureSkipVerify"),
        tls.under("insecureSkipVerify"),
        "the server's certificate is not verified: anyone on the way can read and change this traffic",
        "name the CA under caCertificates instead",
    )
    against = ("caCertificates", "subjectAltNames", *(("credentialName",) if mode == "SIMPLE" else ()))
    _refuse(tls, against, reading, 'cannot stand beside "insecureSkipVerify: true"')


def _check_mutual(tls: Record, reading: Reading) -> None:
    for name in ("clientCertificate", "privateKey"):
        if not tls.get(name):
            reading.error(tls.at(name), tls.under(name), "MUTUAL needs it", "name a file")


def _check_config_map(tls: Record, namespace: str, reading: Reading) -> None:
    name = tls.get("credentialName", "")
    if not name.startswith(CONFIG_MAP):
        return
    owner, slash, rest = name.removeprefix(CONFIG_MAP).partition("/")
    if not owner or (slash and (not rest or owner != namespace)):
        reading.error(
            tls.at("credentialName"),
            tls.under("credentialName"),
            f'"{name}" is not a ConfigMap of namespace {namespace}',
            f'write "{CONFIG_MAP}name"',
        )


def _refuse(tls: Record, names: tuple[str, ...], reading: Reading, why: str) -> None:
    for name in names:
        if tls.get(name):
            reading.error(tls.at(name), tls.under(name), why, "remove it")


def upstream_tls(tls: Record, sans: tuple[str, ...], floor: str | None, source: Source) -> UpstreamTLS:
    """A SIMPLE or MUTUAL block. `sans` are the entry's own names, used where the block has none; `floor` is the lowest
    TLS version that the mesh allows."""
    mutual = tls.get("mode") == "MUTUAL"
    insecure = bool(tls.get("insecureSkipVerify"))
    names = tuple(tls.get("subjectAltNames", [])) or (() if insecure else sans)
    made = verified(names, floor)
    return replace(
        made,
        ca=None if tls.get("caCertificates", SYSTEM) in ("", SYSTEM) else tls.get("caCertificates"),
        client_certificate=(tls.get("clientCertificate") or None) if mutual else None,
        private_key=(tls.get("privateKey") or None) if mutual else None,
        crl=tls.get("caCrl") or None,
        sni=tls.get("sni") or None,
        verification=Verification.SKIP_ALL if insecure else Verification.FULL,
        source=source,
    )


def with_credential(made: UpstreamTLS, tls: Record, secrets: str) -> UpstreamTLS:
    """The same with the files of the secret that the block names, if it names one. Which of them there are, is found
    out when they are read: without one of them, nothing leaves."""
    name: str = tls.get("credentialName", "")
    if not name:
        return made
    folder = PurePath(secrets, PurePath(name.removeprefix(CONFIG_MAP)).name)
    ca = None if made.verification is Verification.SKIP_ALL else str(folder / "ca.crt")
    if tls.get("mode") != "MUTUAL":
        return replace(made, ca=ca)
    return replace(made, ca=ca, client_certificate=str(folder / "tls.crt"), private_key=str(folder / "tls.key"))


def verified(names: tuple[str, ...], floor: str | None) -> UpstreamTLS:
    """TLS to a server that has one of some names, or the one that was asked for."""
    accepted = tuple(SubjectName(NameKind.EXACT, name) for name in names)
    return UpstreamTLS(names=accepted, minimum_version=floor)
