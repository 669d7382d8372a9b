"""What VERIFY_X509_STRICT refuses about one certificate. Pure.

Python sets that flag by default since 3.13, so a chain that curl, Go and Java accept can fail in a Python workload.
OpenSSL applies these rules to every certificate of a chain, the root included, unless the chain is one long.
"""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import ExtensionOID as Oid
from cryptography.x509.oid import ObjectIdentifier


def refusals(certificate: x509.Certificate) -> list[str]:
    """The reasons, each as a clause that follows the certificate's name; empty if it passes."""
    found = {extension.oid: extension for extension in certificate.extensions}
    rules = _authority if is_authority(certificate) else _end_entity
    return [*rules(certificate, found), *_any(certificate, found)]


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether its basic constraints call it an authority."""
    return any(isinstance(e.value, x509.BasicConstraints) and e.value.ca for e in certificate.extensions)


type _Found = dict[ObjectIdentifier, x509.Extension[x509.ExtensionType]]


def _authority(certificate: x509.Certificate, found: _Found) -> Iterator[str]:
    if not found[Oid.BASIC_CONSTRAINTS].critical:
        yield "has basic constraints that are not critical"
    if Oid.KEY_USAGE not in found:
        yield "is an authority without key usage"
    elif _path_length(found) is not None and not _signs(found):
        yield "limits the path length but may not sign certificates"
    if Oid.SUBJECT_KEY_IDENTIFIER not in found:
        yield "is an authority without a subject key identifier"
    if not certificate.subject.rdns:
        yield "is an authority with an empty subject"


def _end_entity(certificate: x509.Certificate, found: _Found) -> Iterator[str]:
    if _signs(found):
        yield "may sign certificates but is no authority"
    names = found.get(Oid.SUBJECT_ALTERNATIVE_NAME)
    if not certificate.subject.rdns and names and not names.critical:
        yield "has an empty subject and alternative names that are not critical"
    if not certificate.subject.rdns and not names:
        yield "has neither subject nor alternative names"


def _any(certificate: x509.Certificate, found: _Found) -> Iterator[str]:
    identifier = found.get(Oid.AUTHORITY_KEY_IDENTIFIER)
    value = identifier.value if identifier else None
    named = isinstance(value, x509.AuthorityKeyIdentifier) and value.key_identifier is not None
    if not named and certificate.issuer != certificate.subject:
        yield "has no authority key identifier"
    for oid, name in ((Oid.AUTHORITY_KEY_IDENTIFIER, "authority"), (Oid.SUBJECT_KEY_IDENTIFIER, "subject")):
        if oid in found and found[oid].critical:
            yield f"has a critical {name} key identifier"
    if not certificate.issuer.rdns:
        yield "has an empty issuer"


def _signs(found: _Found) -> bool:
    usage = found.get(Oid.KEY_USAGE)
    return bool(usage and isinstance(usage.value, x509.KeyUsage) and usage.value.key_cert_sign)


def _path_length(found: _Found) -> int | None:
    basic = found[Oid.BASIC_CONSTRAINTS].value
    return basic.path_length if isinstance(basic, x509.BasicConstraints) else None
