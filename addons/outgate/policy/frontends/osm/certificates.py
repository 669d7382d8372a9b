"""Certificates that osm-edge has a caller present: `sources[].mtls` of an Egress.

Owns the shape, in both of the nestings that osm-edge has had, and the TLS that it comes to. A secret is a directory
`NAMESPACE/NAME` with `tls.crt`, `tls.key` and `ca.crt` in the directory of the setting `osm_secrets`.
"""

from __future__ import annotations

from pathlib import PurePath

from outgate.policy.frontends.osm.resource import Resource
from outgate.policy.model import Fate, UpstreamTLS
from outgate.policy.schema import Anything, Choice, Field, Fields, Record, Sequence, Text

NAME = Text(pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*", hint="write the name of a secret")
IN_THE_FILE = "the certificate itself says it"
CERTIFICATE = Fields(
    {
        "sn": Field(Anything(), fate=Fate.IGNORED, note=IN_THE_FILE),
        "subjectAltNames": Field(Sequence(Text()), fate=Fate.IGNORED, note=IN_THE_FILE),
        "expiration": Field(Anything(), fate=Fate.IGNORED, note=IN_THE_FILE),
        "secret": Field(Fields({"name": Field(NAME, required=True), "namespace": Field(NAME)})),
    }
)
ISSUERS = ("other", "osm", "fsm")
"""Of which the first is whoever made the secret, and the others the mesh."""
MTLS = Fields({"issuer": Field(Choice(ISSUERS)), "cert": Field(CERTIFICATE), **CERTIFICATE.fields})


def client_tls(source: Record, resource: Resource, secrets: str) -> UpstreamTLS | None:
    """The TLS towards what a caller asks for; None, and an error where it cannot be, for plain text."""
    block: Record | None = source.get("mtls")
    if block is None:
        return None
    holder: Record = block.get("cert") or block
    secret: Record | None = holder.get("secret")
    reading = resource.reading
    if block.get("issuer", ISSUERS[0]) != ISSUERS[0]:
        what = "the gate has no certificate of the mesh's own issuer"
        reading.error(block.at("issuer"), block.under("issuer"), what, "write issuer: other, and name a secret")
        return None
    if secret is None:
        reading.error(block.where, holder.under("secret"), "required value is missing", "name the secret")
        return None
    folder = PurePath(secrets, secret.get("namespace") or resource.namespace, secret.get("name"))
    return UpstreamTLS(
        ca=str(folder / "ca.crt"),
        client_certificate=str(folder / "tls.crt"),
        private_key=str(folder / "tls.key"),
        source=resource.source(block.path, block.where),
    )
