"""What stands beside a flow on mitmweb's page: the verdict, its rule, its flags, what became of it.

Owns the words and the signs. They are the access log's, read from the same exchange.
"""

from __future__ import annotations

from collections.abc import Iterator

from mitmproxy import http

from outgate.policy.model import Code
from outgate.proxy.exchange import Exchange
from outgate.proxy.recorder import denied, flags_of
from outgate.redact.exchange import Verdict
from outgate.redact.redacted import Redacted

DENIED, FAILED, WOULD_DENY = ":no_entry:", ":warning:", ":eyes:"
"""Nothing left; it left, or was to, and came to nothing; it left, and a rule that is tried out says that it should
not."""


def mark(flow: http.HTTPFlow, exchange: Exchange, kept: Redacted | None = None) -> None:
    """Put both beside a flow. `kept`: what redaction makes of it, where that is known."""
    failure = f"{exchange.error_code or 'failed'}: {exchange.failure}" if exchange.failure else ""
    flow.comment = comment(verdict_of(flow, exchange), exchange, flow.response, failure, kept)
    flow.marked = sign(exchange)


def comment(
    verdict: Verdict, exchange: Exchange, response: http.Response | None, failure: str, kept: Redacted | None
) -> str:
    """`deny refused_by_rule (UAEX, 2 redacted): FAILURE; REASON [DOCUMENT]`: what is short comes first."""
    short = ", ".join(filter(None, [flags_of(response, exchange), *_taken(kept)]))
    reason = verdict.reason
    if verdict.rule and verdict.rule not in reason:
        reason += f" [{verdict.rule}]"
    said = "; ".join(filter(None, [failure, reason, *_beside(exchange)]))
    return f"{verdict.verdict} {verdict.code}{f' ({short})' if short else ''}: {said}"


def _taken(kept: Redacted | None) -> Iterator[str]:
    """How much redaction takes."""
    if kept is not None and kept.manifest.marks:
        yield f"{len(kept.manifest.marks)} redacted"
    if kept is not None:
        yield from (f"{where} {why.replace('_', ' ')}" for where, why in kept.manifest.dropped)


def sign(exchange: Exchange) -> str:
    decision = exchange.decision
    if decision is None or denied(exchange):
        return DENIED
    if exchange.failure:
        return FAILED
    would = decision.would is not None or any(shadow.verdict == "deny" for shadow in decision.shadows)
    return WOULD_DENY if would else ""


def verdict_of(flow: http.HTTPFlow, exchange: Exchange) -> Verdict:
    """As data."""
    decision, refused = exchange.decision, exchange.refused
    generation = exchange.policy.generation if exchange.policy is not None else ""
    if refused is not None:
        return Verdict("deny", refused.code, refused.reason, generation=generation)
    if decision is None:
        malformed = flow.error.msg if flow.error is not None else ""
        code = Code.REQUEST_MALFORMED if malformed else Code.POLICY_FAILURE
        return Verdict("deny", str(code), malformed, generation=generation)
    failed = decision.allowed and denied(exchange)
    return Verdict(
        "deny" if failed else str(decision.verdict),
        str(Code.POLICY_FAILURE if failed else decision.code),
        decision.reason,
        str(decision.source) if decision.source is not None else "",
        decision.destination.key if decision.destination is not None else "",
        generation,
    )


def _beside(exchange: Exchange) -> list[str]:
    """Verdicts that are recorded and not enforced."""
    decision = exchange.decision
    if decision is None:
        return []
    would = [f"would be {decision.would.verdict} {decision.would.code}"] if decision.would is not None else []
    shadows = [f"dry run {shadow.verdict} [{shadow.source}]" for shadow in decision.shadows]
    return would + shadows + [f"audited [{source}]" for source in decision.audited]
