"""mitmdump behind the redirect: the original address, the tunnel and raw TCP are the gate's there too."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.documents import destination, policy
from e2e.hosted import EGRESS
from e2e.journal import untouched
from e2e.lab import gate as lab_gate
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload, drain

pytestmark = pytest.mark.netns

POLICY = policy(
    destination("api.example", ports=("80/HTTP", "443/HTTPS")),
    destination("pinned.example", ports=("443/TLS",)),
    destination("tcp.example", ports=("7000/TCP",)),
)


class HostedInPod(lab_gate.Gate):
    """mitmdump in the place of `outgate run`, under the gate's uid."""

    def _launch(self, argv: list[str], environment: dict[str, str]) -> subprocess.Popen[Any]:
        conf = self._folder / "conf"
        conf.mkdir()
        shutil.chown(conf, lab_gate.UID, lab_gate.UID)
        host, port = self.admin_address
        told = {**self._settings, "policy": self.policy, "admin": f"{host}:{port}"}
        pairs = [f"confdir={conf}", *(f"outgate_{key}={value}" for key, value in told.items())]
        options = [part for pair in pairs for part in ("--set", pair)]
        binary = str(Path(sys.executable).with_name("mitmdump"))
        environment.pop("PYTHONPATH", None)
        return super()._launch(
            [sys.executable, binary, "-s", str(EGRESS), "--mode", "transparent@15001", *options], environment
        )


@pytest.fixture(scope="module")
def gate(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> Iterator[HostedInPod]:
    with HostedInPod(lab, POLICY, origin_pki) as running:
        yield running
        assert "Traceback" not in running.stderr(), running.stderr()


@pytest.mark.parametrize("url", ["http://api.example/echo", "https://api.example/echo"])
def test_a_registered_host_is_reached(workload: Workload, origins: LabOrigins, url: str) -> None:
    assert workload.curl(url).status == 200
    assert len(origins.records("request")) == 1


def test_what_is_not_registered_gets_no_packet(workload: Workload, counting: Lab) -> None:
    with untouched(counting, *world.ADDRESSES["forbidden"]):
        assert workload.curl("http://forbidden.example/").denial["code"] == "unregistered"


def test_names_that_disagree_with_each_other_reach_nothing(workload: Workload, origins: LabOrigins) -> None:
    answer = workload.curl("https://api.example/echo", "-H", "Host: forbidden.example")
    assert answer.denial["code"] == "names_disagree"
    assert origins.records("request") == []


def test_a_tunnel_is_not_looked_into(workload: Workload, origins: LabOrigins, origin_pki: world.OriginPki) -> None:
    assert workload.curl("https://pinned.example/echo", trust=origin_pki.second_ca.cert).status == 200


def test_raw_tcp_passes_where_it_is_registered(workload: Workload) -> None:
    with workload.dial("tcp.example", 7000) as made:
        made.sendall(b"hello")
        assert made.recv(100) == b"hello"


def test_raw_tcp_to_elsewhere_is_reset(workload: Workload, counting: Lab) -> None:
    with untouched(counting, *world.ADDRESSES["forbidden"]), workload.dial("forbidden.example", 9999) as made:
        made.sendall(b"\x00\x01hello")
        assert drain(made) == b""
