"""What is wrong with certificates that were read: validity, strictness, chains. Pure: certificates in, problems out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from outgate.pki import strict
from outgate.pki.authority import EXPIRY_NOTICE
from outgate.pki.chains import is_root, issued
from outgate.pki.facts import shown
from outgate.problems import Problem, Severity, Where


@dataclass(frozen=True, slots=True)
class Located:
    """A certificate and where it stands."""

    where: Where
    certificate: x509.Certificate


def validity(item: Located, now: datetime, within: timedelta | None = None) -> Problem | None:
    """Expired, not valid yet, or expiring `within`; without that, in two weeks or the last third of a shorter life."""
    start, end = item.certificate.not_valid_before_utc, item.certificate.not_valid_after_utc
    who, date = _name(item), f"{end:%Y-%m-%d %H:%M} UTC"
    if now > end:
        return Problem(item.where, f"{who} expired on {date}", "replace it")
    if now < start:
        return Problem(item.where, f"{who} is not valid before {start:%Y-%m-%d %H:%M} UTC", "check the machine's clock")
    if end - now < (min(EXPIRY_NOTICE, (end - start) / 3) if within is None else within):
        days = (end - now).days
        return Problem(item.where, f"{who} expires in {days} days, on {date}", "renew it before then", Severity.WARNING)
    return None


def strictness(item: Located) -> Iterator[Problem]:
    """What Python's strict verification refuses about an authority."""
    if not strict.is_authority(item.certificate):
        return
    for reason in strict.refusals(item.certificate):
        what = f"{_name(item)} {reason}; Python 3.13 and later refuse it"
        yield Problem(item.where, what, "reissue the authority", Severity.WARNING)


def chain(
    item: Located, same_file: Sequence[Located], others: Iterable[Located], roots: Iterable[x509.Certificate]
) -> Problem | None:
    """Whether a peer that holds the root could build the chain from this certificate's own file."""
    certificate = item.certificate
    if is_root(certificate) or any(issued(other.certificate, certificate) for other in same_file):
        return None
    elsewhere = [other for other in others if issued(other.certificate, certificate)]
    if any(is_root(other.certificate) for other in elsewhere) or any(issued(root, certificate) for root in roots):
        return None
    issuer = f"chain incomplete: the issuer {shown(certificate.issuer.rfc4514_string())!r} of {_name(item)}"
    if elsewhere:
        return Problem(item.where, f"{issuer} is in {elsewhere[0].where.file} only", "append it to this file too")
    return Problem(item.where, f"{issuer} is nowhere", "append its certificate, or inspect its file as well")


def _name(item: Located) -> str:
    subject = item.certificate.subject.rfc4514_string()
    return repr(shown(subject)) if subject else "the certificate"
