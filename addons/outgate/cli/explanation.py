"""A decision in words: the verdict, the steps to it, what would happen upstream, what the workload would be told.

Owns the wording and its order, as text and as data. Everything that is said comes from the decision, the steps and the
target that the data plane would use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from outgate.cli.output import printable, style
from outgate.cli.routed import leads_on, origin_entries, origins, route_entries
from outgate.policy.attempts import Asked, Meeting, Way
from outgate.policy.decide import Treatment
from outgate.policy.keeping import Kept, inline, kept
from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Decision,
    Endpoint,
    HeaderInjection,
    SubjectName,
    UpstreamTLS,
    Verification,
    Via,
)
from outgate.policy.plain import plain
from outgate.policy.redaction_model import Direction, Matching, Mode, RedactionPolicy
from outgate.policy.routing import Chosen
from outgate.policy.snapshot import Policy
from outgate.policy.steps import Step, Steps
from outgate.policy.trial import judged
from outgate.upstream.errors import UpstreamError
from outgate.upstream.target import OFFERS, Target, speaks_http2, target_of

TREATMENTS = {
    Treatment.DECRYPT: "decrypted, so that the request inside is judged",
    Treatment.TUNNEL: "left to the workload and its server; only the server name is seen",
    Treatment.CLOSE: "closed before anything inside is seen",
}
MESSAGES = {
    Direction.REQUEST: "the request",
    Direction.RESPONSE: "the answer",
    Direction.BOTH: "the request and the answer",
}
WIDTH = 12


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about one attempt. Without a `meeting` it was refused before the policy was asked."""

    decision: Decision
    steps: tuple[Step, ...]
    meeting: Meeting | None = None
    chosen: Chosen | None = None
    """The route that an allowed attempt takes; None where none takes it, or there is no port."""
    target: Target | UpstreamError | None = None
    kept: Kept = field(default_factory=Kept)
    live: tuple[RedactionPolicy, ...] = ()
    """What looks at the messages before they go on."""

    @classmethod
    def of(cls, policy: Policy, asked: Asked) -> Explanation:
        """What the gate would do under a policy."""
        steps = Steps()
        outcome = judged(policy, asked, steps)
        decision, meeting = outcome.decision, outcome.meeting
        chosen = _chosen(policy, decision, meeting.attempt, steps) if meeting is not None else None
        found = decision.allowed and meeting and (decision.port is None or leads_on(chosen))
        target = _target(policy, _towards(decision, chosen), meeting.attempt) if found and meeting else None
        said = kept(policy.keeping, meeting.attempt, denied=not decision.allowed) if meeting else Kept()
        live: tuple[RedactionPolicy, ...] = ()
        if decision.allowed and meeting is not None and meeting.attempt.kind is AttemptKind.HTTP:
            live = inline(policy.keeping, meeting.attempt)
        return cls(decision, tuple(steps.taken), meeting, chosen, target, said, live)

    @property
    def found(self) -> bool:
        """Whether what is allowed is not 404 for want of a route."""
        return self.decision.port is None or self.chosen is not None

    @property
    def leaves(self) -> bool:
        """Whether it leaves as a request that the gate reads."""
        leads = self.decision.port is None or leads_on(self.chosen)
        read = self.meeting is not None and self.meeting.attempt.kind is AttemptKind.HTTP
        return self.decision.allowed and leads and read

    def lines(self) -> Iterator[str]:
        """For people."""
        yield _verdict(self.decision)
        for title, entries in self._parts():
            yield from section(title, entries)

    def content(self) -> dict[str, Any]:
        """For programs."""
        told = {"decision": plain(self.decision), "steps": plain(self.steps)}
        if self.meeting is not None:
            attempt = plain(self.meeting.attempt)
            del attempt["headers"]
            told |= {"attempt": attempt, "tls": self.meeting.treatment and str(self.meeting.treatment)}
        if self.decision.allowed and self.decision.port is not None:
            told["route"] = plain(self.chosen.route) if self.chosen is not None else None
        if isinstance(self.target, Target):
            told["upstream"] = plain(self.target)
        elif self.target is not None:
            told["upstream"] = {"error": str(self.target)}
        if not self.decision.allowed:
            told["answer"] = dict(self._answer())
        if self.kept != Kept():
            told["keeping"] = plain(self.kept)
        if self.live:
            told["live"] = plain(self.live)
        return told

    def _parts(self) -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
        yield "request", self._request()
        yield "steps", (("", _step(number, step)) for number, step in enumerate(self.steps, 1))
        port, attempt = self.decision.port, self.meeting.attempt if self.meeting is not None else None
        if self.decision.allowed and port is not None and attempt is not None:
            yield "route", route_entries(self.chosen, port, attempt)
        if self.target is not None:
            yield "upstream", self._upstream()
        if self.chosen is not None and port is not None and leads_on(self.chosen):
            yield "origin", origin_entries(origins(self.chosen, port))
        if not self.decision.allowed:
            yield "answer", self._answer()
        yield "live", _live(self.live)
        yield "keeping", _kept(self.kept)
        yield "beside", _beside(self.decision)

    def _request(self) -> Iterator[tuple[str, str]]:
        """What the gate judges, where that is less than what was asked."""
        if self.meeting is None:
            yield "judged", "before the policy is asked: no gate passes this on"
            return
        attempt = self.meeting.attempt
        if self.meeting.told is not None:
            yield "judged", "as the target that the proxy is told: nothing said later could change it"
        elif self.meeting.unread:
            yield "judged", f"as bytes: only TCP can go to port {attempt.port}, so nothing is read"
        elif self.meeting.treatment is not None:
            yield "TLS", TREATMENTS[self.meeting.treatment]
        if attempt.address is not None:
            yield "dialled", f"{attempt.address}, by the workload"

    def _upstream(self) -> Iterator[tuple[str, str]]:
        if not isinstance(self.target, Target):
            yield "refused", f"the gate would not dial: {self.target}"
            return
        target, destination = self.target, self.decision.destination
        yield "dials", _dialled(target)
        if (tunnel := target.tunnel) is not None:
            secure = ", by TLS" if target.proxy_tls is not None else ""
            yield "tunnel", f"a proxy, which is asked for {tunnel.host} port {tunnel.port}{secure}"
        if destination is not None and destination.region:
            yield "region", destination.region
        yield from (("endpoint", _endpoint(endpoint)) for endpoint in target.endpoints)
        yield "within", f"{target.connect_timeout:g} s for each address"
        yield from _tls(target, self.meeting.attempt if self.meeting else None)
        if destination is not None:
            yield from (("header", _header(header)) for header in destination.headers)

    def _answer(self) -> Iterator[tuple[str, str]]:
        """What the workload is told about a denial."""
        attempt = self.meeting.attempt if self.meeting is not None else None
        told = self.meeting.told if self.meeting is not None else None
        if told is Way.SOCKS5:
            yield "SOCKS", "reply 2, connection not allowed"
            return
        if attempt is not None and attempt.kind is not AttemptKind.HTTP and told is None:
            yield "connection", "reset: nothing can be told inside it"
            return
        status = str(self.decision.status)
        if attempt is not None and attempt.grpc:
            yield "status", f"gRPC, as for HTTP {status}"
        else:
            yield "status", f"HTTP {status}"
        yield "code", str(self.decision.code)
        if attempt is not None and attempt.encrypted:
            yield "condition", "the client trusts the gate's CA; else its handshake fails"


def section(title: str, entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A titled part of what is told; nothing where it has no entries."""
    rows = list(entries)
    if not rows:
        return
    yield ""
    yield style(title, bold=True)
    for name, text in rows:
        yield f"  {name:<{WIDTH}}{printable(text)}" if name else f"  {printable(text)}"


def _chosen(policy: Policy, decision: Decision, attempt: Attempt, steps: Steps) -> Chosen | None:
    if not decision.allowed or decision.port is None:
        return None
    return policy.route(decision.port, attempt, decision.destination, steps)


def _towards(decision: Decision, chosen: Chosen | None) -> Decision:
    """The decision with the one origin of a route as its port's; where there are several, with the first."""
    backends = chosen.route.backends if chosen is not None else ()
    if not backends or decision.port is None:
        return decision
    return replace(decision, port=replace(decision.port, upstream=backends[0].upstream))


def _target(policy: Policy, decision: Decision, attempt: Attempt) -> Target | UpstreamError:
    offered = OFFERS[speaks_http2(decision.port, asked=False)] if attempt.kind is AttemptKind.HTTP else ()
    try:
        return target_of(decision, attempt, policy.generation, offered, policy.defaults.nat64)
    except UpstreamError as error:
        return error


def _verdict(decision: Decision) -> str:
    word = style("ALLOW", fg="green", bold=True) if decision.allowed else style("DENY", fg="red", bold=True)
    source = f"  [{decision.source}]" if decision.source else ""
    return f"{word} {decision.code}: {printable(decision.reason + source)}"


def _step(number: int, step: Step) -> str:
    return f"{number}. {step.what}" + (f"  [{step.source}]" if step.source else "")


def _dialled(target: Target) -> str:
    if target.via is not Via.DIRECT:
        return f"the {target.via.lower()}, which is asked for {target.host} port {target.port}"
    if target.endpoints:
        return f"one of {len(target.endpoints)} endpoints, for {target.host}"
    if target.address is not None:
        refusal = target.permit.refusal(target.address)
        return f"{target.address} port {target.port}" + (f", which is refused: {refusal}" if refusal else "")
    return f"{target.host} port {target.port}, resolved by the gate"


def _endpoint(endpoint: Endpoint) -> str:
    extras = [f"weight {endpoint.weight}"] if endpoint.weight != 1 else []
    extras += [f"priority {endpoint.priority}"] if endpoint.priority else []
    extras += [endpoint.locality] if endpoint.locality else []
    return f"{endpoint.address} port {endpoint.port}" + (f" ({', '.join(extras)})" if extras else "")


def _tls(target: Target, attempt: Attempt | None) -> Iterator[tuple[str, str]]:
    tls = target.tls
    if tls is None:
        passed = attempt is not None and attempt.kind is AttemptKind.TLS
        handed = "the gateway's to start" if target.via is Via.GATEWAY else "none: the gate adds none"
        yield "TLS", "the workload's own, untouched" if passed else handed
        return
    yield "TLS", "mutual, started by the gate" if tls.mutual else "started by the gate"
    yield "SNI", target.sni or "none: an address is not sent"
    yield from _verified(tls, target.names)
    if tls.client_certificate is not None:
        yield "certificate", tls.client_certificate
    if tls.minimum_version or tls.maximum_version:
        yield "versions", f"{tls.minimum_version or 'any'} to {tls.maximum_version or 'the newest'}"


def _verified(tls: UpstreamTLS, names: tuple[SubjectName, ...]) -> Iterator[tuple[str, str]]:
    """What a server has to show."""
    if tls.verification in (Verification.SKIP_SAN, Verification.SKIP_ALL):
        yield "accepts", f"ANY name ({tls.verification})"
    else:
        yield "accepts", ", ".join(f"{name.kind} {name.value}" for name in names)
    if tls.verification in (Verification.SKIP_CA, Verification.SKIP_ALL):
        yield "CA", f"NONE is asked for ({tls.verification})"
    else:
        yield "CA", tls.ca or "the system's roots"
    if tls.pins:
        yield "pins", ", ".join(tls.pins)


def _header(header: HeaderInjection) -> str:
    return f"{header.name}, set from {header.file}" if header.file else f"{header.name}, set to what the document says"


def _beside(decision: Decision) -> Iterator[tuple[str, str]]:
    """Verdicts that are recorded and not enforced."""
    if decision.would is not None:
        yield (
            "would be",
            f"{decision.would.verdict.upper()} {decision.would.code}: {decision.would.reason}"
            + (f"  [{decision.would.source}]" if decision.would.source else ""),
        )
    for shadow in decision.shadows:
        yield "dry run", f"{shadow.verdict.upper()}  [{shadow.source}]"
    for source in decision.audited:
        yield "audited", str(source)


def _live(redactions: Iterable[RedactionPolicy]) -> Iterator[tuple[str, str]]:
    """What is done to messages before they go on."""
    for each in redactions:
        if (told := each.inline) is not None:
            rules = ", ".join(rule.name for rule in each.rules)
            forced = ", signed or not" if told.force_signed else ""
            held = f"up to {told.max_body} bytes held back"
            yield told.action, f"{MESSAGES[told.direction]} by {rules}{forced}, {held}  [{each.source}]"


def _kept(said: Kept) -> Iterator[tuple[str, str]]:
    """What is replaced and recorded, by documents."""
    for each in said.redactions:
        where = f"{_bodies(each.matching)}  [{each.source}]"
        yield "redacted", f"by {_rules(each)}{', and all other text' if each.mode is Mode.ALLOW else ''}{where}"
    if (capture := said.capture) is not None:
        share = "" if capture.sampling == 1 else f"{100 * capture.sampling:g} % of such, "
        yield "captured", f"{share}into {capture.folder}{_bodies(capture.matching)}  [{capture.source}]"


def _rules(redaction: RedactionPolicy) -> str:
    shipped = ["the rules that ship"] if redaction.defaults else []
    return ", ".join([*(rule.name for rule in redaction.rules), *shipped]) or "no rule"


def _bodies(matching: Matching) -> str:
    return f", where a body is {' or '.join(matching.media_types)}" if matching.media_types else ""
