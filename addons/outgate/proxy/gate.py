"""The addon that asks the policy: at a request's head, and once more at its response's.

Owns the order of the questions and what is installed on an allowed exchange. The questions are `view`'s, the answers
are the policy's, and where an exchange goes is `upstream`'s.
"""

from __future__ import annotations

from mitmproxy import http

from outgate.policy.current import Snapshot
from outgate.policy.decide import decide, denial
from outgate.policy.model import Attempt, Code, Decision, Protocol, Verdict
from outgate.policy.names import Refusal
from outgate.proxy import answers, view
from outgate.proxy.exchange import Exchange, exchange_of
from outgate.proxy.stages import Masking
from outgate.upstream.headers import Injected, InjectedHeaders
from outgate.upstream.target import target_of

OFFERS = {True: ("h2", "http/1.1"), False: ("http/1.1",)}
"""ALPN offered to the origin, by whether the workload speaks HTTP/2."""


def _speaks_http2(decision: Decision, request: http.Request) -> bool:
    """Whether the origin is offered HTTP/2: where its port is for it, else as the workload speaks.

    A plain HTTP port is spoken to in HTTP/1, for there is nothing to negotiate with.
    """
    port = decision.port
    if port is None:
        return request.is_http2
    if port.upstream.http2 or port.protocol in (Protocol.HTTP2, Protocol.GRPC):
        return True
    return request.is_http2 and port.protocol is not Protocol.HTTP


class Gate:
    """First in the chain: nothing sees a request before it is judged."""

    def __init__(self, snapshot: Snapshot, injected: InjectedHeaders) -> None:
        self.snapshot = snapshot
        self.injected = injected

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        exchange = exchange_of(flow)
        if flow.error is not None:  # mitmproxy found it invalid and answers 400 itself
            return
        exchange.policy = policy = self.snapshot.policy
        attempt = view.attempt_of(flow.request, exchange.facts, exchange.absolute_scheme)
        if isinstance(attempt, Refusal):
            self._deny(flow, exchange, denial(policy.defaults, attempt.code, attempt.reason))
            return
        exchange.attempt = attempt
        decision = decide(policy, attempt)
        if decision.verdict is not Verdict.ALLOW:
            self._deny(flow, exchange, decision)
            return
        exchange.decision = decision
        self._approve(flow, exchange, decision, attempt)
        view.canonicalise(flow.request, exchange)
        self._inject(flow, exchange, decision)

    def _approve(self, flow: http.HTTPFlow, exchange: Exchange, decision: Decision, attempt: Attempt) -> None:
        http2 = _speaks_http2(decision, flow.request)
        assert exchange.policy is not None
        policy = exchange.policy
        exchange.target = target_of(decision, attempt, policy.generation, OFFERS[http2], policy.defaults.nat64)
        exchange.prior_knowledge = http2 and exchange.target.tls is None

    def _deny(self, flow: http.HTTPFlow, exchange: Exchange, decision: Decision) -> None:
        exchange.decision = decision
        host = exchange.attempt.host if exchange.attempt and exchange.attempt.host else ""
        grpc = flow.request.headers.get("content-type", "").startswith("application/grpc")
        flow.response = answers.denial(decision, host, grpc=grpc)

    def _inject(self, flow: http.HTTPFlow, exchange: Exchange, decision: Decision) -> None:
        """Set the destination's headers. A value the workload must not learn is hidden in what comes back."""
        if decision.destination is None or not decision.destination.headers:
            return
        injected = self.injected.of(decision.destination.headers)
        for name, value in injected.headers:
            flow.request.headers[name] = value.reveal()
        if injected.echoes:
            exchange.injected = injected
            # Plain and whole: in pieces of its own choice, a workload could have what is found only in one.
            flow.request.headers["accept-encoding"] = "identity"
            for name in ("range", "if-range"):
                flow.request.headers.pop(name, None)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        exchange, response = exchange_of(flow), flow.response
        if response is None or exchange.decision is None:
            return
        view.clean_response(response)
        if exchange.injected is not None:
            self._hide(response, exchange, exchange.injected)

    def _hide(self, response: http.Response, exchange: Exchange, injected: Injected) -> None:
        coded = (
            response.headers.get("content-encoding", "identity"),
            response.headers.get("transfer-encoding", "chunked"),
        )
        if tuple(map(str.lower, coded)) != ("identity", "chunked"):
            exchange.failure = "the origin compressed an answer in which a credential may be echoed"
            exchange.error_code = str(Code.POLICY_FAILURE)
            return
        masked = [(injected.mask(name), injected.mask(value)) for name, value in response.headers.fields]
        response.headers = http.Headers(masked)
        response.data.reason = injected.mask(response.data.reason)
        exchange.response_stages.append(Masking(injected.stream()))

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        exchange = exchange_of(flow)
        if exchange.injected is None or flow.websocket is None:
            return
        message = flow.websocket.messages[-1]
        if not message.from_client:
            message.content = exchange.injected.mask(message.content)
