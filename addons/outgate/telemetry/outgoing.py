"""What is asked of origins, counted: lookups, handshakes, the client's side of the conventions.

Owns what these series are looked up by, and their labels. An attempt that was tried twice is counted twice here.
"""

from __future__ import annotations

from contextlib import suppress

from cryptography.x509 import load_der_x509_certificate

from outgate.telemetry import names
from outgate.telemetry.aggregate import Families, Histogram
from outgate.telemetry.cells import Origin
from outgate.telemetry.event import Event, Reached
from outgate.telemetry.incoming import CELLS, hundreds, method_of, status_of, version_of
from outgate.telemetry.names import OTHER, Spec
from outgate.telemetry.span_errors import answered


class Outgoing:
    """Used by one thread."""

    def __init__(self, families: Families) -> None:
        self._families = families
        self._cells: dict[tuple[object, ...], Origin] = {}
        self._shown: dict[tuple[str, str], bytes] = {}
        """The certificate that was read last, by place."""

    def observe(self, event: Event, host: str, known: bool) -> None:
        """`host` and `known` as `hosts.Hosts` has them. Of several tries the last one is what was answered."""
        last = event.reached[-1]
        for reached in event.reached:
            status = answered(event, reached, reached is last)
            key = (
                host,
                known,
                event.port,
                event.kind,
                event.method,
                status,
                reached.error_type,
                reached.protocol,
                reached.reused,
            )
            if (cell := self._cells.get(key)) is None:
                cell = self._remembered(key, self._cell(event, reached, status, host, known))
            cell.tried.value += 1
            if cell.duration is not None:
                _asked(cell, event, reached, reached is last)
            if not reached.reused:
                self._opened(event, reached, host, known)

    def _remembered(self, key: tuple[object, ...], cell: Origin) -> Origin:
        if len(self._cells) >= CELLS:
            self._cells.clear()
        self._cells[key] = cell
        return cell

    def _cell(self, event: Event, reached: Reached, number: int, host: str, known: bool) -> Origin:
        place, error, spec = (host, str(event.port)), reached.error_type, names.ORIGIN_ATTEMPTS
        tried = self._families.counter(spec).at(
            (spec.labels, (*place, str(reached.reused).lower(), error)),
            (spec.labels, (OTHER, "", "", "")),
            known=known,
        )
        if event.kind != "http":
            return Origin(tried)
        status = status_of(number)
        failed = error or (status if number >= 400 else "")
        whole = (method_of(event), *place, status, failed, version_of(reached.protocol))
        folded = ("_OTHER", OTHER, "", hundreds(status), "", "")
        specs = (names.CLIENT_DURATION, names.CLIENT_REQUEST_SIZE, names.CLIENT_RESPONSE_SIZE)
        return Origin(tried, *(self._histogram(spec, whole, folded, known) for spec in specs))

    def _opened(self, event: Event, reached: Reached, host: str, known: bool) -> None:
        """A connection was made for this, or it was tried."""
        phases, place, failed = reached.phases, (host, str(event.port)), reached.failed_in
        error = {failed: reached.error_type}
        if phases.resolve is not None:
            self._add(names.DNS_DURATION, (host, error.get("resolve", "")), known, phases.resolve)
        if phases.connect is not None:
            self._add(names.CONNECT_DURATION, (*place, error.get("connect", "")), known, phases.connect)
        if phases.tls is not None:
            version = reached.tls.version.removeprefix("TLSv") if reached.tls is not None else ""
            self._add(names.TLS_DURATION, (*place, version, error.get("tls", "")), known, phases.tls)
        if known and reached.tls is not None and reached.tls.peer:
            self._certificate(place, reached.tls.peer)

    def _certificate(self, place: tuple[str, str], shown: bytes) -> None:
        """When it expires, of registered origins alone. It is read once."""
        if self._shown.get(place) == shown:
            return
        if len(self._shown) >= CELLS:
            self._shown.clear()
        self._shown[place] = shown
        with suppress(ValueError):  # the handshake had its own opinion
            expires = load_der_x509_certificate(shown).not_valid_after_utc.timestamp()
            family = self._families.counter(names.ORIGIN_CERTIFICATE)
            labels = names.ORIGIN_CERTIFICATE.labels
            family.at((labels, place), (labels, (OTHER, ""))).value = expires

    def _add(self, spec: Spec, values: tuple[str, ...], known: bool, value: float) -> None:
        self._histogram(spec, values, (OTHER, *("" for _ in values[1:])), known).add(value)

    def _histogram(self, spec: Spec, whole: tuple[str, ...], folded: tuple[str, ...], known: bool) -> Histogram:
        return self._families.histogram(spec).at((spec.labels, whole), (spec.labels, folded), known=known)


def _asked(cell: Origin, event: Event, reached: Reached, last: bool) -> None:
    assert cell.duration is not None
    took = reached.ended - reached.started
    if took > 0:
        cell.duration.add(took)
    else:
        cell.duration.add(event.duration if last else 0.0)
    if last and cell.sent is not None and cell.received is not None:
        cell.sent.add(event.sent)
        cell.received.add(event.received)
