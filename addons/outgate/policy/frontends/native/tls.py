"""The `tls` block of an `EgressDestination`: the TLS that the gate starts.

Owns its shape, its contradictions and its paths. What the files hold is looked at by `upstream`.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode
from binascii import Error
from dataclasses import dataclass

from outgate.policy.documents import Node
from outgate.policy.frontends.native.resource import Resource
from outgate.policy.frontends.native.shapes import Host
from outgate.policy.model import NameKind, SubjectName, UpstreamTLS, Verification
from outgate.policy.schema import Boolean, Choice, Field, Fields, Reading, Record, Sequence, Text

VERSIONS = ("TLSv1.2", "TLSv1.3")
FILES = ("clientCertificate", "privateKey", "caCertificates", "crl")
HEX_PIN = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """The SHA-256 of a public key, in hexadecimal or base64; returned as hexadecimal."""

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        text = Text().read(node, path, reading)
        if text is None:
            return None
        if HEX_PIN.fullmatch(text):
            return text.lower()
        try:
            digest = b64decode(text, validate=True)
        except (Error, ValueError):
            digest = b""
        if len(digest) != 32:
            reading.error(node.where, path, f"{text[:80]!a} is no SHA-256", "write 64 hexadecimal digits or base64")
            return None
        return digest.hex()


@dataclass(frozen=True, slots=True)
class Name:
    """A name that the server's certificate may carry: text, or `{kind, value}`."""

    def read(self, node: Node, path: str, reading: Reading) -> SubjectName | None:
        if not isinstance(node.data, dict):
            text = Text(empty=False).read(node, path, reading)
            return SubjectName(NameKind.EXACT, text) if text is not None else None
        record = NAMED.read(node, path, reading)
        if record is None or "kind" not in record or "value" not in record:
            return None
        return SubjectName(NameKind(record.get("kind")), record.get("value"))


NAMED = Fields(
    {
        "kind": Field(Choice(tuple(NameKind), fold=True), required=True),
        "value": Field(Text(empty=False), required=True),
    }
)

TLS = Fields(
    {
        "mode": Field(Choice(("DISABLE", "SIMPLE", "MUTUAL"), fold=True)),
        **{name: Field(Text(empty=False)) for name in FILES},
        "sni": Field(Host(pattern=False)),
        "subjectAltNames": Field(Sequence(Name(), most=256)),
        "pins": Field(Sequence(Pin())),
        "verification": Field(Choice(tuple(Verification), fold=True)),
        "minVersion": Field(Choice(VERSIONS, fold=True)),
        "maxVersion": Field(Choice(VERSIONS, fold=True)),
        "insecureSkipVerify": Field(Boolean()),
    }
)


def translate(resource: Resource, record: Record) -> UpstreamTLS | None:
    """The TLS of a block, or None where it is switched off. Contradictions are reported."""
    _contradictions(resource.reading, record)
    if record.get("mode") == "DISABLE":
        return None
    return UpstreamTLS(
        ca=absolute(resource, record.get("caCertificates")),
        client_certificate=absolute(resource, record.get("clientCertificate")),
        private_key=absolute(resource, record.get("privateKey")),
        crl=absolute(resource, record.get("crl")),
        sni=record.get("sni"),
        names=tuple(record.get("subjectAltNames", ())),
        pins=tuple(record.get("pins", ())),
        verification=_verification(resource.reading, record),
        minimum_version=record.get("minVersion"),
        maximum_version=record.get("maxVersion"),
        source=resource.source(record.path, record.where),
    )


def absolute(resource: Resource, path: str | None) -> str | None:
    """A file named by a document. Relative paths start from the directory of the document."""
    if path is None:
        return None
    return os.path.abspath(os.path.join(os.path.dirname(resource.document.where.file), path))


def _contradictions(reading: Reading, record: Record) -> None:
    mode, mutual = record.get("mode"), [name for name in FILES[:2] if name in record]
    if mode == "DISABLE" and len(record.values) > 1:
        extra = next(name for name in record.values if name != "mode")
        reading.error(record.at(extra), record.under(extra), "means nothing with mode DISABLE", "remove it")
    elif mode == "MUTUAL" or mutual:
        for name in FILES[:2]:
            if name not in record:
                reading.error(record.where, record.under(name), "mutual TLS needs certificate and key", "add it")
    if mode == "SIMPLE" and mutual:
        hint = "use mode MUTUAL, or remove it"
        reading.error(record.at(mutual[0]), record.under(mutual[0]), "is not sent with mode SIMPLE", hint)
    if (record.get("minVersion") or VERSIONS[0]) > (record.get("maxVersion") or VERSIONS[-1]):
        reading.error(record.at("minVersion"), record.under("minVersion"), "is above maxVersion", "swap the two")


def _verification(reading: Reading, record: Record) -> Verification:
    chosen = Verification(record.get("verification", Verification.FULL))
    if not record.get("insecureSkipVerify"):
        if chosen is not Verification.FULL:
            _loud(reading, record, "verification", str(chosen))
        return chosen
    if chosen not in (Verification.FULL, Verification.SKIP_ALL) or "verification" in record:
        reading.error(record.at("verification"), record.under("verification"), "insecureSkipVerify says otherwise")
    _loud(reading, record, "insecureSkipVerify", "true")
    return Verification.SKIP_ALL


def _loud(reading: Reading, record: Record, name: str, value: str) -> None:
    what = f"{value}: SERVERS ARE NOT FULLY VERIFIED, anyone on the way can answer for them"
    reading.warn(record.at(name), record.under(name), what, "use caCertificates, subjectAltNames or pins instead")
