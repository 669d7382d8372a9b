"""The addon that asks the policy: at a request's head, and once more at its response's.

Owns the order of the questions and what is installed on an allowed exchange. The questions are `view`'s, the answers
are the policy's, and where an exchange goes is `upstream`'s.
"""

from __future__ import annotations

from mitmproxy import http

from outgate.policy.current import Snapshot
from outgate.policy.decide import decide, denial
from outgate.policy.model import Attempt, Code, Decision, Verdict, Via
from outgate.policy.names import Refusal
from outgate.policy.snapshot import Policy
from outgate.proxy import answers, changes, departure, tracing, view
from outgate.proxy.capturing import Capturing
from outgate.proxy.departure import target_for
from outgate.proxy.exchange import Exchange, exchange_of
from outgate.proxy.governor import Governor, reached_by
from outgate.proxy.inline import Inlines
from outgate.proxy.passage import Refused
from outgate.proxy.stages import Masking
from outgate.telemetry.messages import messages_of
from outgate.telemetry.tracer import Tracer
from outgate.upstream.errors import UpstreamError
from outgate.upstream.headers import Injected, InjectedHeaders
from outgate.upstream.target import OFFERS, speaks_http2


class Gate:
    """First in the chain: nothing sees a request before it is judged."""

    def __init__(
        self,
        snapshot: Snapshot,
        injected: InjectedHeaders,
        inlines: Inlines | None = None,
        tracer: Tracer | None = None,
        governor: Governor | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.governor = governor or Governor()
        self.tracer = tracer
        self.injected, self.inlines = injected, inlines or Inlines()
        self.capturing: Capturing | None = None

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        exchange = exchange_of(flow)
        if flow.error is not None:  # mitmproxy found it invalid and answers 400 itself
            return
        if self.judge(flow.request, exchange):
            exchange.sent_messages = messages_of(flow.request.headers.get("content-type", ""))
        elif exchange.decision is not None and not exchange.failure:
            # A stricter reader would not have looked for the end of it.
            exchange.close = exchange.close or exchange.decision.code is Code.REQUEST_MALFORMED
            host = exchange.attempt.host if exchange.attempt and exchange.attempt.host else ""
            grpc = flow.request.headers.get("content-type", "").startswith("application/grpc")
            flow.response = answers.denial(exchange.decision, host, grpc=grpc)

    def judge(self, request: http.Request, exchange: Exchange) -> bool:
        """Whether a request may leave; then it is made canonical. The decision, or why it cannot be carried out, stands
        in the exchange."""
        policy = self._policy(exchange)
        exchange.facts = exchange.facts.under(policy.defaults)
        if self.tracer is not None:
            tracing.begin(self.tracer, request, exchange)
        attempt = view.attempt_of(request, exchange.facts, exchange.absolute_scheme)
        if isinstance(attempt, Refusal):
            exchange.decision = denial(policy.defaults, attempt.code, attempt.reason)
            return False
        exchange.attempt = attempt
        exchange.decision = decision = decide(policy, attempt)
        if decision.verdict is not Verdict.ALLOW:
            return False
        if policy.keeping.redactions:
            exchange.inline = self.inlines.of(policy, attempt, decision)
        if policy.keeping.captures and self.capturing is not None:
            self.capturing.begin(exchange, policy.keeping, attempt)
        try:
            self._approve(request, exchange, decision, attempt)
            # What a gateway is handed on, it gives its credentials to.
            own = decision.via is not Via.GATEWAY
            if own and decision.destination is not None and decision.destination.headers:
                exchange.injected = self.injected.of(decision.destination.headers)
        except Refused as refused:
            exchange.refuse(refused)
            return False
        except UpstreamError as error:
            exchange.failure, exchange.status, exchange.error_code = error.message, error.status, str(error.code)
            return False
        view.canonicalise(request, exchange)
        if self.tracer is not None:
            tracing.tell(request, exchange)
        exchange.judged = departure.judged(request)
        return True

    def _policy(self, exchange: Exchange) -> Policy:
        """The one in force. What was begun under another one is begun again."""
        policy = self.snapshot.policy
        if exchange.passage is not None and exchange.policy is not policy:
            exchange.passage.leave()
            exchange.passage = None
        exchange.policy = policy
        return policy

    def _approve(self, request: http.Request, exchange: Exchange, decision: Decision, attempt: Attempt) -> None:
        policy = exchange.policy
        assert policy is not None
        passage = exchange.passage
        if passage is None:
            passage = exchange.passage = self.governor.enter(policy, decision, attempt)
        backend = passage.plan.backend if passage is not None else None
        http2 = speaks_http2(reached_by(backend, decision.port), asked=request.is_http2)
        exchange.approved = exchange.target = target_for(exchange, decision, attempt, OFFERS[http2])
        exchange.prior_knowledge = http2 and exchange.target.tls is None

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        exchange, response = exchange_of(flow), flow.response
        if response is None or exchange.decision is None:
            return
        view.clean_response(response)
        if exchange.passage is not None:
            changes.incoming(response, exchange)
        if exchange.sent_messages is not None:
            exchange.received_messages = messages_of(response.headers.get("content-type", ""))
        if exchange.hidden is not None:
            self._hide(response, exchange, exchange.hidden)

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
        if exchange.hidden is None or flow.websocket is None:
            return
        message = flow.websocket.messages[-1]
        if not message.from_client:
            message.content = exchange.hidden.mask(message.content)

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        exchange, websocket = exchange_of(flow), flow.websocket
        if exchange.hidden is None or websocket is None or websocket.closed_by_client or not websocket.close_reason:
            return
        masked = exchange.hidden.mask_cut(websocket.close_reason.encode())
        websocket.close_reason = masked.decode(errors="replace")
