"""Events as the data plane makes them, for whoever reads them."""

from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Code,
    Decision,
    Destination,
    Identity,
    Source,
    Traffic,
    Verdict,
)
from outgate.problems import Where
from outgate.telemetry.event import Event, Reached

SOURCE = Source(Where("policy.yaml", 1, 1), "EgressDestination", "partner", "shop")
CALLER = Identity(
    "shop", "cart", "cluster.local/ns/shop/sa/cart", (("app", "cart"), ("version", "v7")), "10.0.0.7", how="declared"
)


def destination(*hosts: str, name: str = "partner") -> Destination:
    return Destination(f"EgressDestination/shop/{name}", name, "shop", hosts, (), (), SOURCE)


PARTNER = destination("api.partner.example")


def allowed(to: Destination | None = PARTNER, would: Decision | None = None) -> Decision:
    traffic = Traffic.REGISTERED if to is not None else Traffic.PASSTHROUGH
    code = Code.REGISTERED if to is not None else Code.ALLOW_ANY
    return Decision(Verdict.ALLOW, code, "", traffic, destination=to, would=would)


DENIED = Decision(Verdict.DENY, Code.UNREGISTERED, "", Traffic.BLACKHOLE)


def event(
    host: str | None = "api.partner.example",
    decision: Decision | None = None,
    *,
    kind: str = "http",
    caller: Identity = CALLER,
    grpc: bool = False,
    **more: object,
) -> Event:
    """A request to the partner that was answered with 200, unless said otherwise."""
    decision = decision or allowed()
    known = {"duration": 0.25, "status": 200 if decision.allowed else 502, "method": "GET", "protocol": "HTTP/1.1"}
    known |= {"code": decision.code.value, "sent": 100, "received": 3000, "port": 443, "encrypted": True} | more
    attempt = Attempt(AttemptKind(kind), caller, 443, host, grpc=grpc)
    return Event(
        kind=kind,
        started=1000.0,
        verdict=decision.verdict.value,
        reason="",
        caller=caller,
        attempt=attempt,
        decision=decision,
        **known,
    )


def reached(**more: object) -> Reached:
    known = {"protocol": "HTTP/1.1", "reused": True, "started": 1000.0, "ended": 1000.2} | more
    return Reached(("93.184.216.40", 443), **known)
