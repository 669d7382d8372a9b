"""A DestinationRule's credentialName: whom an origin that demands a certificate meets, and that nobody else is sent."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import copy

import pytest

from e2e.faulty import client as asking
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.frontend import IstioFrontend
from outgate.policy.model import Gate
from policy.frontends.istio.istio_building import document, errors
from proxy.gates import gate
from upstream.authorities import Authority, Pair
from upstream.origins import server_context, serving

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


@pytest.fixture(scope="module")
def ca(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("credential"), "partner-ca")


class Demanding:
    """Answers whoever shows a certificate of its authority, and keeps whom it met."""

    def __init__(self, ca: Authority) -> None:
        self.context = server_context(ca.issue("good", dns=("good.example",)))
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(ca.path)
        self.met: list[str] = []

    async def __call__(self, reader, writer) -> None:
        subject = dict(pair for (pair,) in writer.get_extra_info("peercert")["subject"])
        self.met.append(subject["commonName"])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)


def mounted(folder: Path, ca: Authority, pair: Pair) -> None:
    """As a secret is mounted."""
    folder.mkdir(exist_ok=True)
    for source, name in ((pair.certificate, "tls.crt"), (pair.key, "tls.key"), (ca.path, "ca.crt")):
        copy(source, folder / name)


@asynccontextmanager
async def demanded(authority, ca: Authority, secrets: Path) -> AsyncIterator:
    origin = Demanding(ca)
    async with serving(origin, origin.context) as port:
        entry = document(
            "ServiceEntry",
            f"{{hosts: [good.example], ports: [{{number: 80, name: http, protocol: HTTP, targetPort: {port}}}], "
            "resolution: STATIC, endpoints: [{address: 127.0.0.1}]}",
        )
        tls = "{mode: MUTUAL, credentialName: shop}"
        rule = document("DestinationRule", f"{{host: good.example, trafficPolicy: {{tls: {tls}}}}}")
        setting = Setting(gate=Gate(namespace="prod"), istio_secrets=str(secrets))
        found = IstioFrontend().translate(parse(entry + rule, "istio.yaml"), setting)
        assert not errors(found)
        async with gate(authority, *found.destinations) as running:
            yield running, origin


async def status(running) -> int:
    async with asking(running.address) as one:
        return (await one.ask("good.example", "/")).status


async def test_the_secret_s_certificate_is_shown_to_an_origin_of_its_authority(authority, ca, tmp_path):
    mounted(tmp_path / "shop", ca, ca.issue("gate"))
    async with demanded(authority, ca, tmp_path) as (running, origin):
        assert await status(running) == 200
    assert origin.met == ["gate"]


async def test_an_origin_of_another_authority_does_not_meet_it(authority, ca, tmp_path):
    mounted(tmp_path / "shop", Authority(tmp_path, "stranger-ca"), ca.issue("gate"))
    async with demanded(authority, ca, tmp_path) as (running, origin):
        assert await status(running) >= 500
        (line,) = await running.lines()
        assert line["failure"].startswith("tls_failed: the certificate of good.example")
    assert origin.met == []


async def test_without_the_secret_nobody_is_asked(authority, ca, tmp_path):
    async with demanded(authority, ca, tmp_path) as (running, origin):
        assert await status(running) >= 500
        (line,) = await running.lines()
        assert line["failure"].startswith("identity_failed")
    assert origin.met == []
