"""Attempts that are over, as outputs are told of them: one that was answered, one that was denied, a relay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Code,
    Decision,
    Destination,
    Endpoint,
    Identity,
    Port,
    Protocol,
    Source,
    Traffic,
    Upstream,
    Verdict,
)
from outgate.problems import Where
from outgate.telemetry.event import Event, Phases, Reached, Tls, Trace

START = 1_700_000_000.1234
CALLER = Identity("prod", "web", "cluster.local/ns/prod/sa/web", (("app", "web"), ("version", "v1")), "10.0.0.9")
SOURCE = Source(Where("policy.yaml", 3, 1), "EgressDestination", "d", "default")
PORT = Port(443, Protocol.HTTPS, Upstream(443))
KNOWN = Destination("d-1", "d", "default", ("api.example",), (), (PORT,), SOURCE)
ENDPOINT = Endpoint("93.184.216.34", 3306, labels=(("version", "v1"), ("zone", "a")))


def certificate(name: str) -> bytes:
    """DER of a certificate for a DNS name and a SPIFFE identity."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ours"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    names = [x509.DNSName(name), x509.UniformResourceIdentifier(f"spiffe://cluster.local/ns/prod/sa/{name}")]
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(0xABC).not_valid_before(begin).not_valid_after(begin + timedelta(days=100))
    made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


WEB, API = certificate("web"), certificate("api.example")


def answered(**changes: object) -> Event:
    """A request that was allowed and answered, with everything that may be known of it."""
    attempt = Attempt(AttemptKind.HTTP, CALLER, 443, "api.example", "192.0.2.1", "api.example", True, "POST", "/v1?q=1")
    decision = Decision(
        Verdict.ALLOW, Code.REGISTERED, "api.example:443 is registered", Traffic.REGISTERED, SOURCE, KNOWN, PORT
    )
    ours = Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "h2", "api.example", False, True, API)
    theirs = Tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", "h2", "api.example", True, True, WEB)
    phases = Phases(queue=0.001, resolve=0.002, connect=0.003, tls=0.004, first_byte=0.05)
    reached = Reached(
        ("93.184.216.34", 443), ("10.0.0.1", 50000), ours, "HTTP/2.0", True, None, phases,
        started=START, ended=START + 0.06, connection_id=8,
    )  # fmt: skip
    made = Event(
        "http", START, 0.0705, "allow", "registered", decision.reason, CALLER, 40000, attempt, decision, "0123",
        443, "192.0.2.1", "api.example", True, "POST", "/v1?q=1&token=hunter2", "HTTP/2.0",
        request_fields=(
            (b"Host", b"api.example"), (b"User-Agent", b"curl/8"), (b"X-Forwarded-For", b"10.9.9.9"),
            (b"Authorization", b"Bearer canary"), (b"x-two", b"second"),
        ),
        response_fields=((b"Content-Type", b"application/grpc"), (b"Set-Cookie", b"sid=canary")),
        trailer_fields=((b"grpc-status", b"3"), (b"x-t", b"end")),
        status=200, sent=10, received=20, downstream_tls=theirs, reached=(reached,),
        trace=Trace(0xAB, 0xCD, (0xEF,)), request_id="4fd2-1", connection_id=7, extra={"team": "blue"},
        listener=("127.0.0.1", 15001), request_end=0.02, ja3="3a", ja4="4a",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def denied(**changes: object) -> Event:
    """A request to a place that is not registered."""
    attempt = Attempt(AttemptKind.HTTP, CALLER, 80, "evil.example", "192.0.2.2", method="GET", path="/")
    decision = Decision(Verdict.DENY, Code.UNREGISTERED, "evil.example:80 is not registered", Traffic.BLACKHOLE)
    made = Event(
        "http", START, 0.001, "deny", "unregistered", decision.reason, CALLER, 40001, attempt, decision, "0123", 80,
        "192.0.2.2", method="GET", path="/", protocol="HTTP/1.1", status=502, received=80, flags="UAEX",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def relayed(**changes: object) -> Event:
    """A TCP connection to a registered place that only its address names."""
    attempt = Attempt(AttemptKind.TCP, CALLER, 3306, None, "192.0.2.3")
    known = replace(KNOWN, hosts=("db.example",), key="db-1", region="eu")
    decision = Decision(Verdict.ALLOW, Code.REGISTERED, "db.example:3306", Traffic.REGISTERED, SOURCE, known, PORT)
    reached = Reached(("93.184.216.34", 3306), ("10.0.0.1", 50001), endpoint=ENDPOINT)
    made = Event(
        "tcp", START, 2.5, "allow", "registered", decision.reason, CALLER, 40002, attempt, decision, port=3306,
        address="192.0.2.3", sent=1033, received=3490, reached=(reached,), connection_id=9,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]
