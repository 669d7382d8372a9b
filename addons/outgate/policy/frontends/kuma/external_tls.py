"""The TLS that a MeshExternalService has the gate start.

Owns the shape, what its fields ask of each other, and its translation. A secret is a file of its name in the directory
of the setting `kuma_secrets`; what is written inline is kept as it is, and never shown.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import PurePath

from outgate.policy.documents import Node
from outgate.policy.frontends.kuma.dialect import Dialect
from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.frontends.kuma.shapes import OneOf
from outgate.policy.hosts import literal
from outgate.policy.model import Fate, NameKind, SubjectName, UpstreamTLS, Verification
from outgate.policy.schema import Anything, Boolean, Choice, Field, Fields, Reading, Record, Sequence, Text
from outgate.policy.tls_model import Inline

VERSIONS = ("TLSAuto", "TLS10", "TLS11", "TLS12", "TLS13")
SPELT = {"TLS12": "TLSv1.2", "TLS13": "TLSv1.3"}
MODES = {
    "SkipSAN": Verification.SKIP_SAN,
    "SkipCA": Verification.SKIP_CA,
    "SkipAll": Verification.SKIP_ALL,
    "Secured": Verification.FULL,
}
KINDS = {"Prefix": NameKind.PREFIX, "Exact": NameKind.EXACT}
DNS_NAME = re.compile(r"(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})?)*\.?")
FILE_NAME = Text(pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*", hint="write the name of a secret")
SOURCES = ("caCert", "clientCert", "clientKey")
EARLIER = ("secret", "inline", "inlineString")
"""How certificates were named before 3.0."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a document holds within itself, as text or in base64. No message shows it."""

    encoded: bool = False

    def read(self, node: Node, path: str, reading: Reading) -> Inline | None:
        if not isinstance(node.data, str) or not node.data.strip():
            reading.error(node.where, path, "expected a text", "write the PEM itself, or name a secret")
            return None
        if not self.encoded:
            return Inline(node.data.encode())
        try:
            return Inline(base64.b64decode("".join(node.data.split()), validate=True))
        except ValueError:  # which is also what text beyond ASCII raises
            reading.error(node.where, path, "is no base64", "encode it, or write it in inlineString")
            return None


DATA_SOURCE = Fields(
    {
        "secret": Field(FILE_NAME),
        "inline": Field(Content(encoded=True)),
        "inlineString": Field(Content()),
        "type": Field(Text()),
        "secretRef": Field(Fields({"kind": Field(Choice(("Secret",))), "name": Field(FILE_NAME, required=True)})),
        "insecureInline": Field(Fields({"value": Field(Content(), required=True)})),
        "file": Field(Anything()),
        "envVar": Field(Anything()),
    }
)
VERIFICATION = Fields(
    {
        "mode": Field(OneOf("mode", tuple(MODES))),
        "serverName": Field(Text()),
        "subjectAltNames": Field(
            Sequence(
                Fields({"type": Field(OneOf("type", tuple(KINDS))), "value": Field(Text(empty=False), required=True)})
            )
        ),
        **{name: Field(DATA_SOURCE) for name in SOURCES},
    }
)
TLS = Fields(
    {
        "enabled": Field(Boolean()),
        "version": Field(
            Fields({"min": Field(OneOf("min", VERSIONS)), "max": Field(OneOf("max", VERSIONS))}),
            fate=Fate.APPROXIMATED,
            note="nothing below TLS 1.2 is spoken",
        ),
        "allowRenegotiation": Field(Boolean(), fate=Fate.IGNORED, note="the gate never renegotiates"),
        "verification": Field(VERIFICATION),
    }
)


def check(tls: Record | None, dialect: Dialect, reading: Reading) -> None:
    """What the fields of the block ask of each other."""
    if tls is None:
        return
    _check_version(tls.get("version"), reading)
    verification: Record | None = tls.get("verification")
    if verification is None:
        return
    name = verification.get("serverName")
    if name is not None and not DNS_NAME.fullmatch(name):
        reading.error(verification.at("serverName"), verification.under("serverName"), "must be a valid DNS name")
    for here, there in (("clientKey", "clientCert"), ("clientCert", "clientKey")):
        if there in verification and here not in verification:
            what = f"must be defined when {there} is defined"
            reading.error(verification.where, verification.under(here), what, "add it")
    for name in SOURCES:
        _check_source(verification.get(name), dialect, reading)


def _check_version(version: Record | None, reading: Reading) -> None:
    if version is None:
        return
    least, most = (VERSIONS.index(version.get(name, VERSIONS[0])) for name in ("min", "max"))
    if least and most and least > most:
        reading.error(version.at("min"), version.under("min"), "min version must be lower than max")
    if version.get("max") in ("TLS10", "TLS11"):
        what = f"{version.get('max')} is not spoken"
        reading.error(version.at("max"), version.under("max"), what, "write TLS12 or TLS13")


def _check_source(source: Record | None, dialect: Dialect, reading: Reading) -> None:
    if source is None:
        return
    given = [name for name in EARLIER if name in source]
    if dialect is not Dialect.V3_0:
        if len(given) != 1:
            what = f"exactly one of {', '.join(EARLIER)} has to be defined"
            reading.error(source.where, source.path, what, "write secret: NAME")
        for name in ("type", "secretRef", "insecureInline", "file", "envVar"):
            if name in source:
                hint = f"write secret: NAME; {name} is of dialect {Dialect.V3_0}"
                reading.error(source.at(name), source.under(name), "unknown field", hint)
        return
    for name in given:
        hint = f"write type and secretRef or insecureInline; {name} is of earlier dialects"
        reading.error(source.at(name), source.under(name), "unknown field", hint)
    kind = source.get("type", "")
    if kind not in ("Secret", "InsecureInline"):
        what = f"{kind} must be one of: Secret, InsecureInline"
        reading.error(source.at("type"), source.under("type"), what, "write Secret")
        return
    needed = "secretRef" if kind == "Secret" else "insecureInline"
    if needed not in source:
        reading.error(source.where, source.under(needed), "must be defined", "add it")


def upstream_tls(resource: Resource, addresses: tuple[str, ...], secrets: str) -> UpstreamTLS | None:
    """The block as TLS towards some addresses; None where it is off."""
    tls: Record | None = resource.spec.get("tls")
    if tls is None or not tls.get("enabled", False):
        return None
    verification: Record = tls.get("verification") or Record(tls.where, tls.under("verification"), {}, {})
    version: Record | None = tls.get("version")
    name = verification.get("serverName") or addresses[0]
    sans: list[Record] = verification.get("subjectAltNames", [])
    names = tuple(SubjectName(KINDS[san.get("type", "Exact")], san.get("value")) for san in sans)
    return UpstreamTLS(
        ca=_file(verification.get("caCert"), secrets),
        client_certificate=_file(verification.get("clientCert"), secrets),
        private_key=_file(verification.get("clientKey"), secrets),
        sni=name,
        names=names or (() if literal(name) is None else (SubjectName(NameKind.EXACT, name),)),
        verification=MODES[verification.get("mode", "Secured")],
        minimum_version=SPELT.get(version.get("min", "")) if version is not None else None,
        maximum_version=SPELT.get(version.get("max", "")) if version is not None else None,
        source=resource.source("spec.tls", tls.where),
    )


def _file(source: Record | None, secrets: str) -> str | None:
    """A path, or the content itself; None where no source is given."""
    if source is None:
        return None
    insecure: Record | None = source.get("insecureInline")
    content = insecure.get("value") if insecure is not None else source.get("inline") or source.get("inlineString")
    if isinstance(content, Inline):
        return content
    reference: Record | None = source.get("secretRef")
    name = reference.get("name") if reference is not None else source.get("secret")
    return str(PurePath(secrets, name))
