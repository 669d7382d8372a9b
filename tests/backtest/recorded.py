"""What a gate under a policy would have kept of a request: its verdict, and what a capture holds of it."""

from ipaddress import ip_network

from outgate.policy.attempts import asked_of
from outgate.policy.callers import identify
from outgate.policy.model import AttemptKind, Identity
from outgate.policy.trial import judged
from outgate.policy.urls import UrlError
from outgate.redact.exchange import Exchange, Relayed, Request, Response, Verdict
from outgate.redact.redacted import Manifest, Mark, seal
from policy.strategies import KEY, NEAR

TOKEN = "tok_secret_aaaaaaaaaaaaaaaa"


def who(sent):
    """The caller of a drawn request, with everything that a gate may know of it."""
    namespace, account = (*sent.declared, "", "")[:2]
    labels = (("app", "web"),) if sent.labelled else ()
    address = str(ip_network(NEAR)[1]) if sent.near else "10.9.9.9"
    return Identity(namespace, account, labels=labels, address=address, how="declared")


def recorded(policy, sent, *, header=False, segment=None):
    """The record of a drawn request, or None where a capture holds none. `header`, `segment`: what is redacted."""
    caller = identify(policy.defaults, who(sent))
    try:
        outcome = judged(policy, asked_of(sent.method, sent.url, caller, sent.address, sent.fields, sent.way))
    except UrlError:
        return None
    if outcome.meeting is None:
        return None
    attempt, decision = outcome.meeting.attempt, outcome.decision
    host, http = attempt.host or attempt.address or "", attempt.kind is AttemptKind.HTTP
    marks = [Mark(f"request.header.{KEY}", "rule", "token")] if header else []
    target, cut = _cut(attempt.path, segment)
    marks += [Mark(f"request.path[{segment}]", "rule", "token")] if cut else []
    exchange = Exchange(
        "1",
        1e9,
        request=_request(attempt, host, target, sent, header) if http else None,
        response=Response(200) if http else None,
        relayed=None if http else Relayed(host, attempt.port, sni=attempt.sni or ""),
        verdict=Verdict(str(decision.verdict), str(decision.code), decision.reason),
        caller=f"{caller.namespace}/{caller.service_account}" if caller.namespace else "",
    )
    return seal(exchange, Manifest(marks=tuple(marks)))


def _request(attempt, host, target, sent, header):
    fields = [(name, TOKEN if header and name.lower() == KEY else value) for name, value in sent.fields]
    if not any(name.lower() == "host" for name, _ in fields):
        fields.append(("host", sent.authority))
    raw = tuple((name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in fields)
    scheme = "https" if attempt.encrypted else "http"
    return Request(attempt.method, scheme, host, attempt.port, target, fields=raw)


def _cut(path, segment):
    """A path with a segment replaced, and whether it has that one."""
    bare, mark, query = path.partition("?")
    segments = bare.split("/")
    if segment is None or segment + 1 >= len(segments) or not segments[segment + 1]:
        return path, False
    segments[segment + 1] = TOKEN
    return "/".join(segments) + mark + query, True
