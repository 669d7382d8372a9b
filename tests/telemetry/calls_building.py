"""Events as the recorder makes them, in one line."""

from outgate.policy.model import Attempt, AttemptKind, Code, Decision, Identity, Traffic, Verdict
from outgate.telemetry.event import Event, Reached, Tls
from policy.building import destination

WEB = Identity("prod", "web", address="10.0.0.9")
KNOWN = destination("api.example")
MUTUAL, SIMPLE = Tls("TLSv1.3", mutual=True), Tls("TLSv1.3")


def registered(**more) -> Decision:
    return Decision(Verdict.ALLOW, Code.REGISTERED, "", Traffic.REGISTERED, destination=KNOWN, **more)


def denied() -> Decision:
    return Decision(Verdict.DENY, Code.UNREGISTERED, "", Traffic.BLACKHOLE)


def event(
    host="api.example",
    *,
    decision=None,
    caller=WEB,
    kind="http",
    tls=None,
    port=443,
    grpc=False,
    encrypted=False,
    **more,
) -> Event:
    """Of an HTTP request that was answered, unless `more` says otherwise."""
    decision = decision or registered()
    attempt = Attempt(AttemptKind(kind), caller, port, host, encrypted=encrypted, grpc=grpc)
    told = {
        "started": 100.0,
        "duration": 0.1,
        "method": "GET",
        "status": 200,
        "sent": 1,
        "received": 10,
        "protocol": "HTTP/1.1",
    } | more
    reached = (Reached(("192.0.2.1", port), tls=tls),) if decision.allowed else ()
    verdict, code = str(decision.verdict), str(decision.code)
    given = {"attempt": attempt, "decision": decision, "reached": reached, "port": port, "encrypted": encrypted}
    return Event(kind, verdict=verdict, code=code, reason="", caller=caller, **given, **told)
