"""Who calls a gateway: other gates, by certificates of mutual TLS, whose SPIFFE ID is who calls.

Owns the context that they are met with, which follows its files, and the reading of an identity. A certificate that has
been judged is all that says who somebody is: no header does.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable

from outgate.pki import names
from outgate.policy import principals
from outgate.policy.model import Identity, UpstreamTLS
from outgate.problems import Problem, Where
from outgate.upstream.judge import read
from outgate.upstream.trust import Trust, paths, serving
from outgate.upstream.watch import RECHECK, contents, stamps

HOW = "certificate"


class Peers:
    """Raises `ValueError` and `OSError` where its files cannot be used. Later, those in use stay in use until they can,
    and `report` is told once."""

    def __init__(
        self,
        tls: UpstreamTLS,
        report: Callable[[Problem], None] = lambda problem: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tls, self._report, self._clock = tls, report, clock
        self._files = paths(tls, Trust(system=None))
        self._stamps = stamps(self._files)
        self._checked = clock()
        self._context = serving(tls, contents(self._files))

    def context(self) -> ssl.SSLContext:
        """As the files are now."""
        if self._clock() - self._checked >= RECHECK:
            self._checked = self._clock()
            if (found := stamps(self._files)) != self._stamps:
                self._stamps = found
                self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            self._context = serving(self._tls, contents(self._files))
        except (OSError, ValueError) as error:
            where = Where(self._tls.client_certificate or "")
            hint = "what was read before stays in use until the files can be used"
            self._report(Problem(where, f"who this gateway is and whom it trusts cannot be read: {error}", hint))


def identity_of(der: bytes) -> Identity:
    """Who a certificate, which is valid, says that its holder is. Raises `ValueError` where it does not say one thing.

    As an X.509-SVID has it: one URI, and that a SPIFFE ID with a path.
    """
    uris = read(der).uris
    if len(uris) != 1:
        raise ValueError(f"the certificate names {len(uris)} URIs; it has to name one, the SPIFFE ID of its holder")
    principal = uris[0].removeprefix(principals.SCHEME)
    if not uris[0].startswith(principals.SCHEME) or "/" not in principal or not _sound(uris[0]):
        raise ValueError("the certificate's URI is no SPIFFE ID; use spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT")
    name = principals.parse(principal)
    return Identity(name.namespace, name.account, principal, how=HOW)


def _sound(text: str) -> bool:
    """Whether it is spelt as its specification has it, so that no other spelling of somebody is somebody else."""
    try:
        names.uri(text)
    except ValueError:
        return False
    return True
