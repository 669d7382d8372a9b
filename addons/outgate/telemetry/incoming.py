"""What workloads ask, counted: Istio's metrics, the server's side of the conventions, and verdicts.

Owns what these series are looked up by, and their labels. The way of an event that is like one before is one look-up.
"""

from __future__ import annotations

from outgate.policy.model import Code
from outgate.telemetry import istio_labels, names
from outgate.telemetry.aggregate import Count, Families, Histogram, Labels
from outgate.telemetry.cells import Grpc, Http, Tcp
from outgate.telemetry.event import Event
from outgate.telemetry.hosts import Some
from outgate.telemetry.istio_labels import Reporter
from outgate.telemetry.names import ISTIO_HTTP, ISTIO_TCP, OTHER, Spec
from outgate.telemetry.overrides import Overrides, Plan
from outgate.telemetry.span_errors import server_error

CELLS = 20_000
"""Keys that are remembered; then it is begun anew."""
CODES = 50
"""Codes of addons, beside the gate's own."""
KINDS = frozenset(("http", "tls", "tcp", "connection"))
OWN_CODES = frozenset(code.value for code in Code)
METHODS = frozenset(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"])
VERSIONS = {"HTTP/1.0": "1.0", "HTTP/1.1": "1.1", "HTTP/2.0": "2", "HTTP/2": "2", "HTTP/3": "3"}


class Incoming:
    """Used by one thread. `forget` is for when labels mean something else."""

    def __init__(self, families: Families, reporter: Reporter, overrides: Overrides) -> None:
        self._families, self._reporter, self._overrides = families, reporter, overrides
        self._cells: dict[tuple[object, ...], Http | Tcp] = {}
        self._codes = Some(CODES, lambda: families.overflow("code"))

    def observe(self, event: Event, host: str, known: bool) -> None:
        """`host` and `known` as `hosts.Hosts` has them."""
        caller, decision, plan = event.caller, event.decision, self._overrides.plan(event.caller)
        grpc = event.attempt is not None and event.attempt.grpc
        values = tuple([read(event) for read in plan.attributes]) if plan.attributes else ()
        key = (
            host,
            known,
            event.status,
            event.code,
            event.method,
            event.kind,
            event.verdict,
            event.protocol,
            event.encrypted,
            event.flags,
            event.error_type,
            caller.namespace,
            caller.service_account,
            caller.principal,
            caller.labels,
            decision.destination.key if decision is not None and decision.destination is not None else None,
            istio_labels.cluster(decision),
            event.endpoint_labels,
            decision.would.code.value if decision is not None and decision.would is not None else "",
            grpc and istio_labels.grpc_status(event),
            values,
        )
        if (cell := self._cells.get(key)) is None:
            cell = self._remembered(key, self._cell(event, host, known, plan, values))
        cell.add(event)

    def forget(self) -> None:
        self._cells.clear()

    def _remembered(self, key: tuple[object, ...], cell: Http | Tcp) -> Http | Tcp:
        if len(self._cells) >= CELLS:
            self._cells.clear()
        self._cells[key] = cell
        return cell

    def _cell(self, event: Event, host: str, known: bool, plan: Plan, values: tuple[str, ...]) -> Http | Tcp:
        status, reporter = istio_labels.status_of(event.status), self._reporter
        whole = istio_labels.istio(event, host, reporter.labels(event.caller), status)
        folded = istio_labels.folded(event, reporter.nobody(), status)
        told = Told(self._families, known, plan, values, whole, folded)
        decided = self._families.count(names.DECISIONS, *self._decided(event))
        if event.kind != "http":
            opened, closed, sent, received = map(
                told.count, (names.TCP_OPENED, names.TCP_CLOSED, names.TCP_SENT, names.TCP_RECEIVED)
            )
            return Tcp(decided, opened, closed, sent, received)
        request = (
            decided,
            told.count(names.REQUESTS),
            told.histogram(names.REQUEST_DURATION),
            told.histogram(names.REQUEST_BYTES),
            told.histogram(names.RESPONSE_BYTES),
            *self._served(event, known),
        )
        if istio_labels.protocol_of(event) != "grpc":
            return Http(*request)
        return Grpc(*request, told.count(names.REQUEST_MESSAGES), told.count(names.RESPONSE_MESSAGES))

    def _decided(self, event: Event) -> tuple[str, ...]:
        decision, code = event.decision, str(event.code)
        if code not in OWN_CODES and not self._codes.has(code):
            code = OTHER
        would = decision.would if decision is not None else None
        kind = event.kind if event.kind in KINDS else OTHER
        return kind, str(event.verdict), code, would.code.value if would is not None else ""

    def _served(self, event: Event, known: bool) -> tuple[Histogram, Histogram, Histogram]:
        method, scheme = method_of(event), "https" if event.encrypted else "http"
        status = status_of(event.status)
        labels = names.SERVER, (method, scheme, status, server_error(event), version_of(event.protocol))
        folded = names.SERVER, ("_OTHER", scheme, hundreds(status), "", "")
        specs = (names.SERVER_DURATION, names.SERVER_REQUEST_SIZE, names.SERVER_RESPONSE_SIZE)
        one, two, three = (self._families.histogram(spec).at(labels, folded, known=known) for spec in specs)
        return one, two, three


class Told:
    """Istio's labels of one event, and the series that they lead to, after what documents change about them."""

    def __init__(
        self,
        families: Families,
        known: bool,
        plan: Plan,
        values: tuple[str, ...],
        whole: tuple[str, ...],
        folded: tuple[str, ...],
    ) -> None:
        self._families, self._known, self._plan = families, known, plan
        self._values, self._whole, self._folded = values, whole, folded

    def count(self, spec: Spec) -> Count:
        if spec.name in self._plan.disabled:
            return Count()
        return self._families.counter(spec).at(*self._labels(spec), known=self._known)

    def histogram(self, spec: Spec) -> Histogram:
        if spec.name in self._plan.disabled:
            return Histogram(spec.bounds)
        return self._families.histogram(spec).at(*self._labels(spec), known=self._known)

    def _labels(self, spec: Spec) -> tuple[Labels, Labels]:
        whole, folded = self._whole, self._folded
        if spec.labels is ISTIO_TCP:
            whole, folded = istio_labels.tcp(whole), istio_labels.tcp(folded)
        beyond = (OTHER,) * len(self._values)
        plan, metric = self._plan, spec.name
        return (
            plan.labels(metric, (spec.labels, whole), self._values),
            plan.labels(metric, (spec.labels, folded), beyond),
        )


assert names.REQUESTS.labels is ISTIO_HTTP


def method_of(event: Event) -> str:
    """Methods are the workload's to make up."""
    return event.method if event.method in METHODS else "_OTHER"


def version_of(protocol: str) -> str:
    return VERSIONS.get(protocol, "")


def status_of(status: int) -> str:
    """Empty where there is none."""
    return str(status) if 100 <= status <= 999 else ""


def hundreds(status: str) -> str:
    return f"{status[0]}00" if status else ""
