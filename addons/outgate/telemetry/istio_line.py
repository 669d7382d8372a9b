"""Istio's line of a request that went well, written out.

Owns nothing but speed: `defaults.ISTIO` says what is in the line, and renders it wherever anything is unusual, from an
error to a quotation mark. Each of its operators is asked by itself there, which takes five times as long; a test holds
that both say the same. Parts that come again with other requests are kept as they are written.
"""

from __future__ import annotations

from outgate.telemetry import defaults, formats
from outgate.telemetry.event import Event
from outgate.telemetry.formats import UNSET, Text
from outgate.telemetry.operators import outcome
from outgate.telemetry.showing import Showing, injected
from outgate.telemetry.stamps import iso
from outgate.telemetry.text import is_plain, place

KEPT, LONGEST = 1024, 1024
"""Parts of each kind that are kept, before it is begun anew, and the length of what is shown in one."""
AUTHORITY, HOST, AGENT, FORWARDED, IDENTIFIER = (
    b":authority", b"host", b"user-agent", b"x-forwarded-for", b"x-request-id",
)  # fmt: skip


def renderer(showing: Showing) -> Text:
    """Renders lines in Istio's format, without their end."""
    whole, usual = formats.text(defaults.ISTIO, showing), Usual(showing)

    def render(event: Event) -> str:
        return usual.line(event) or whole(event)

    return render


class Usual:
    """Such lines, and parts of them."""

    def __init__(self, showing: Showing) -> None:
        self._showing = showing
        self._heads: dict[tuple[str, str, str], str] = {}
        self._agents: dict[tuple[bytes, bytes], str] = {}
        self._ends: dict[tuple[object, ...], tuple[str, object]] = {}
        """With what a destination is known by: as long as it is held, no other has its address in memory."""

    def line(self, event: Event) -> str:
        """Empty where it is not as easy as that."""
        if not _went_well(event):
            return ""
        # The first of a name counts.
        fields = {name.lower(): value for name, value in reversed(event.request_fields)}
        key = event.method, event.path, event.protocol
        head, agent = self._heads.get(key) or self._head(event), self._agent(event, fields)
        end, identifier = self._end(event, fields), self._identifier(event, fields)
        if not (head and agent and end and identifier):
            return ""
        phases = event.reached[-1].phases
        begun = (phases.queue or 0.0) + (phases.resolve or 0.0) + (phases.connect or 0.0) + (phases.tls or 0.0)
        service = max(0.0, (phases.first_byte or 0.0) - begun)
        return (
            f'[{iso(event.started)}] "{head}" {event.status} - via_upstream - "-" {event.sent} {event.received} '
            f'{int(event.duration * 1000 + 1e-6)} {round(service * 1000)} {agent} "{identifier}" {end}'
        )

    def _head(self, event: Event) -> str:
        """What was asked for."""
        shown = event.method, self._showing.path(event), outcome.http_version(event.protocol)
        made = " ".join(text or UNSET for text in shown)
        if len(event.path) > LONGEST or not _is_short(made):
            return ""
        return _keep(self._heads, (event.method, event.path, event.protocol), made)

    def _agent(self, event: Event, fields: dict[bytes, bytes]) -> str:
        """By whom."""
        key = fields.get(FORWARDED, b""), fields.get(AGENT, b"")
        if injected(event, "x-forwarded-for", "user-agent"):
            return ""
        if (known := self._agents.get(key)) is not None:
            return known
        forwarded = self._showing.header(event, "x-forwarded-for", key[0]) or UNSET
        agent = self._showing.header(event, "user-agent", key[1]) or UNSET
        if len(key[0] + key[1]) > LONGEST or not _is_short(forwarded + agent):
            return ""
        return _keep(self._agents, key, f'"{forwarded}" "{agent}"')

    def _identifier(self, event: Event, fields: dict[bytes, bytes]) -> str:
        """Of the request: the workload's own counts."""
        shown = event.request_id
        if (said := fields.get(IDENTIFIER)) is not None:
            shown = self._showing.header(event, "x-request-id", said) or shown
            return (shown or UNSET) if _is_short(shown) else ""
        return shown or UNSET

    def _end(self, event: Event, fields: dict[bytes, bytes]) -> str:
        """Between whom."""
        decision, attempt, last, caller = event.decision, event.attempt, event.reached[-1], event.caller
        host = fields.get(HOST)
        if not host or AUTHORITY in fields or decision is None or attempt is None:
            return ""
        key = (
            host, id(decision.destination), decision.traffic, attempt.host, attempt.port, event.address, event.port,
            event.listener, event.sni, caller.address, event.caller_port, last.address, last.local,
        )  # fmt: skip
        known = self._ends.get(key)
        if known is None:
            known = self._ended(event, host), decision.destination
            if known[0] and len(host) <= LONGEST:
                _keep(self._ends, key, known)
        return known[0]

    @staticmethod
    def _ended(event: Event, host: bytes) -> str:
        last, caller = event.reached[-1], event.caller
        shown = (
            host.decode("utf-8", "surrogateescape").rpartition("@")[2] or UNSET,
            outcome.cluster(event) or UNSET,
            "_".join(event.sni.split()) or UNSET,
            outcome.route(event) or UNSET,
        )
        if not _is_short("".join(shown)):
            return ""
        authority, cluster, sni, route = shown
        original = (event.address, event.port) if event.address else event.listener
        return (
            f'"{authority}" "{place(last.address) or UNSET}" {cluster} {place(last.local) or UNSET} '
            f"{place(original) or UNSET} "
            f"{place((caller.address, event.caller_port)) if caller.address else UNSET} {sni} {route}"
        )


def _went_well(event: Event) -> bool:
    """Whether an origin has answered a request, and nothing is to be said of errors."""
    if event.kind != "http" or event.verdict != "allow" or event.status <= 0 or not event.reached:
        return False
    last = event.reached[-1]
    wrong = event.failure or event.error_type or event.flags
    return not wrong and last.local is not None and last.phases.first_byte is not None


def _is_short(text: str) -> bool:
    """Whether it is shown as it is, all of it."""
    return len(text) <= LONGEST and is_plain(text)


def _keep[K, V](kept: dict[K, V], key: K, made: V) -> V:
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = made
    return made
