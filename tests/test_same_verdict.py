"""`explain` says what the data plane does: the same verdict and code, for any policy and any request.

Policies and requests are drawn. Each request is sent as a client sends it, through real sockets and real TLS, into the
real data plane, and what the access log says of it is held against what `outgate explain -o json` prints.
"""

from __future__ import annotations

import json
import ssl
from collections import Counter
from dataclasses import replace
from ipaddress import ip_network
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings

from dataplane import DataPlane, Line, running
from outgate.cli import explain as command
from outgate.pki import pem
from outgate.pki.authority import create_authority
from outgate.policy.attempts import Way
from outgate.policy.model import Code, Defaults, Intercept, Mode, Protocol, Resolution
from outgate.policy.snapshot import Policy
from outgate.settings import ListenMode, read_settings
from policy.building import destination
from policy.strategies import Request, cases
from sending import send

EXAMPLES = 200
OPEN = Policy("open", Defaults(Mode.ALLOW_ANY))
OPENED = Policy("opened", Defaults(Mode.ALLOW_ANY, unregistered_tls=Intercept.DECRYPT))
HELD = destination("a.example", port=80, protocol=Protocol.HTTP, resolution=Resolution.NONE, internal=True)
INSIDE = Policy("inside", destinations=(replace(HELD, networks=(ip_network("10.0.0.1/32"),)),))
"""Policies of examples that once were judged in two ways."""
USUAL = {
    Code.REGISTERED,
    Code.INTERNAL,
    Code.ALLOW_ANY,
    Code.OBSERVED,
    Code.UNREGISTERED,
    Code.ADDRESS_REFUSED,
    Code.REFUSED_BY_RULE,
    Code.REQUEST_MALFORMED,
    Code.PROTOCOL_UNKNOWN,
}
"""What has to occur among the examples, for them to mean something."""


@pytest.mark.slow
def test_explain_and_the_data_plane_agree() -> None:
    authority = create_authority("test CA", 365)
    trusting = ssl.create_default_context(cadata=pem.text(authority.certificate).decode())
    trusting.check_hostname = False  # who dials one address and spells another gets the certificate of one of them
    seen: Counter[str] = Counter()
    with running(authority) as plane:

        @given(cases())
        @example((OPEN, Request("http", "B\u00fccher.example", 80, http2=True, address="93.184.216.34")))
        @example((OPEN, Request("http", "a.example", 80, path="/\u00e9", way=Way.REGULAR)))
        @example((OPENED, Request("tls", "a.example", 443, address="93.184.216.34")))
        @example((INSIDE, Request("http", "a.example", 80, address="10.1.2.3")))
        @settings(max_examples=EXAMPLES)
        def agree(case: tuple[Policy, Request]) -> None:
            policy, request = case
            source = plane.source(9 if request.near else 8)
            line, told = judged(plane, trusting, policy, request, source), explained(policy, request, source)
            would = told["would"]["code"] if told["would"] else ""
            seen[told["code"]] += 1
            assert (line["verdict"], line["code"]) == (told["verdict"], told["code"]), (line, told)
            assert line.get("would", "") == would, (line, told)

        agree()
    assert {source: lines for source, lines in plane.lines.by_source.items() if len(lines) > 1} == {}
    assert set(seen) >= USUAL, seen


def judged(plane: DataPlane, trusting: ssl.SSLContext, policy: Policy, request: Request, source: str) -> Line:
    """What the access log says of a request that is made from `source`."""
    if request.address is not None:
        plane.dialled[source] = (request.address, request.port)
    gate = plane.listener.getsockname()

    async def client() -> Line:
        writer = await send(gate, request, source, trusting)
        try:
            return await plane.lines.first(source)
        finally:
            writer.transport.abort()

    workload = read_settings({}, declared(request), {}).workload
    return plane.judge(policy, ListenMode(request.way), workload, client)


def explained(policy: Policy, request: Request, source: str) -> dict[str, Any]:
    """The decision that the command prints. The policy was drawn and not written, so its loading is left out."""
    arguments = [request.method, request.url, "--from", source, "--policy", __file__, "-o", "json"]
    arguments += ["--to", request.address] if request.address else []
    for pair in (*declared(request), f"mode={request.way}"):
        arguments += ["--set", pair]
    for name, value in request.fields:
        arguments += ["--header", f"{name}={value}"]
    with mock.patch.object(command, "load", return_value=policy):
        result = CliRunner().invoke(command.explain, arguments, catch_exceptions=False)
    assert result.exit_code in (0, 1), result.output
    decision: dict[str, Any] = json.loads(result.stdout)["decision"]
    return decision


def declared(request: Request) -> list[str]:
    """The settings by which the caller's pod says who it is."""
    names = ("workload_namespace", "workload_service_account")
    pairs = [f"{name}={value}" for name, value in zip(names, request.declared, strict=False)]
    return pairs + (["workload_labels=app=web"] if request.labelled else [])
