"""The laboratory itself: without a gate every origin is reached and says what it saw, and counters count.

What tests of the gate rest on is shown here first: that a zero means nothing came, and not that nobody looked.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.lab import world
from e2e.lab.namespaces import WORLD4, Lab
from e2e.lab.origins import LabOrigins, LocalOrigins
from e2e.lab.pki import Authority
from e2e.lab.raw import GREETING
from e2e.lab.streams import Tls
from e2e.lab.upstreams import Server

WORKLOAD = 1000


def curl(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return lab.run_in(lab.pod, ["curl", "-sS", "--max-time", "10", *arguments], uid=WORKLOAD)


def ask(lab: Lab, pki: world.OriginPki, url: str, *arguments: str) -> dict[str, Any]:
    """What the origin says it saw."""
    done = curl(lab, "--cacert", str(pki.origin_ca.cert), *arguments, url)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestNamespaces:
    @pytest.mark.parametrize("family", ["-4", "-6"])
    @pytest.mark.parametrize("host", ["api", "partner", "forbidden", "private", "metadata"])
    def test_every_plain_origin_is_reached_by_name(self, lab, origin_pki, origins, host, family):
        seen = ask(lab, origin_pki, f"http://{host}.example/path?query=1", family)
        assert seen["server"] == f"{host}-plain"
        assert seen["local"][0] == world.ADDRESSES[host][family == "-6"]
        assert seen["line"] == "GET /path?query=1 HTTP/1.1"

    @pytest.mark.parametrize("family", ["-4", "-6"])
    def test_calls_and_raw_services_are_reached_too(self, lab, origin_pki, origins, family):
        message = b"\0\0\0\0\x05hello"
        typed = ["-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary", "@-"]
        for scheme, flags in (
            ("http", ["--http2-prior-knowledge"]),
            ("https", ["--cacert", str(origin_pki.origin_ca.cert)]),
        ):
            command = ["curl", "-sS", family, *flags, *typed, f"{scheme}://grpc.example/lab.Echo/Unary"]
            done = lab.run_in(lab.pod, command, WORKLOAD, input=message, encoding=None, errors=None)
            assert done.stdout[5:] == b"echo:hello", done.stderr
        for port in (7000, 7001):
            with lab.enter(lab.pod), socket.create_connection((world.ADDRESSES["tcp"][family == "-6"], port), 5):
                pass
        expected = {"grpc-plain", "grpc", "tcp", "greeting"}
        origins.records.wait(lambda seen: {each["server"] for each in seen} == expected, "connection")

    def test_the_workload_runs_under_its_own_uid_with_no_way_to_change_the_network(self, lab):
        done = lab.run_in(lab.pod, ["sh", "-c", "id -u; ip link set lo down"], uid=WORKLOAD)
        assert done.stdout == f"{WORKLOAD}\n"
        assert done.returncode != 0

    def test_python_runs_under_any_uid(self, lab):
        program = "import os, ssl; print(os.getuid(), os.getgroups())"
        done = lab.run_in(lab.pod, [sys.executable, "-c", program], uid=1337)
        assert done.stdout == "1337 []\n", done.stderr

    def test_a_name_can_change_and_disappear_while_processes_run(self, lab, origins):
        lab.name("moving.example", world.ADDRESSES["one"][0])
        assert curl(lab, "http://moving.example:8080/").returncode == 0
        assert origins.records("request", "one-plain")
        lab.name("moving.example")
        assert "Could not resolve host" in curl(lab, "http://moving.example:8080/").stderr

    def test_a_thread_enters_a_namespace_and_returns(self, lab, origins):
        before = os.readlink("/proc/thread-self/ns/net")
        with lab.enter(lab.pod):
            assert os.readlink("/proc/thread-self/ns/net") != before
            with socket.create_connection((world.ADDRESSES["tcp"][0], 7001), timeout=5) as opened:
                assert opened.recv(100) == GREETING
        assert os.readlink("/proc/thread-self/ns/net") == before

    def test_labs_exist_side_by_side_and_leave_nothing(self, lab):
        with Lab({"only.example": ("93.184.216.99",)}) as other:
            process = other.popen_in(other.pod, ["sleep", "600"])
            assert not {other.pod, other.world} & {lab.pod, lab.world}
            assert "93.184.216.99" in other.run_in(other.pod, ["getent", "hosts", "only.example"]).stdout
            assert not lab.run_in(lab.pod, ["getent", "hosts", "only.example"]).stdout
        assert process.returncode == -signal.SIGKILL
        assert not Path("/run/netns", other.pod).exists()
        assert not Path("/run/netns", other.world).exists()
        assert not Path("/etc/netns", other.pod).exists()

    @pytest.mark.netns
    def test_a_lab_that_fails_half_way_leaves_nothing(self):
        broken = Lab({"broken.example": ("not an address",)})
        with pytest.raises(ValueError, match="not an address"), broken:
            pass
        assert not Path("/run/netns", broken.pod).exists()
        assert not Path("/etc/netns", broken.pod).exists()


class TestCounters:
    @pytest.mark.parametrize("version", [0, 1], ids=["IPv4", "IPv6"])
    def test_packets_count_by_address_and_port_and_zero_is_zero(self, counting, version):
        busy, quiet = f"93.184.216.{80 + version}", world.ADDRESSES["forbidden"][version]
        if version:
            busy = "2606:2800:220:1::80"
        counting.address(busy)
        before = counting.packets(quiet)
        assert counting.packets(busy) == 0
        with counting.enter(counting.pod):
            family = (socket.AF_INET, socket.AF_INET6)[version]
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                for _ in range(3):
                    sender.sendto(b"one", (busy, 4433))
            with socket.socket(family) as refused:
                assert refused.connect_ex((busy, 4434)) != 0
        assert counting.packets(busy) == 4
        assert counting.packets(busy, 4433) == 3
        assert counting.packets(busy, 4434) == counting.counters.syns(busy, 4434) == 1
        assert counting.packets(busy, 80) == 0
        assert counting.counters.syns(busy, 4433) == 0
        assert counting.packets(quiet) == before

    def test_a_connection_counts_one_syn(self, counting, origins):
        address = world.ADDRESSES["api"][0]
        syns, packets = counting.counters.syns(address, 80), counting.packets(address, 80)
        assert curl(counting, f"http://{address}/").returncode == 0
        assert counting.counters.syns(address, 80) == syns + 1
        assert counting.packets(address, 80) > packets + 3

    def test_a_look_up_of_an_unknown_name_counts_at_the_resolver(self, counting):
        before = counting.packets(WORLD4, 53)
        counting.run_in(counting.pod, ["getent", "hosts", "unknown.example"])
        assert counting.packets(WORLD4, 53) > before


class TestTls:
    @pytest.mark.parametrize("family", ["-4", "-6"])
    @pytest.mark.parametrize(("flag", "version"), [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2")])
    def test_an_origin_says_how_it_was_reached(self, lab, origin_pki, origins, family, flag, version):
        seen = ask(lab, origin_pki, "https://api.example/", family, flag)
        assert seen["line"] == f"GET / {version}"
        assert seen["tls"]["sni"] == "api.example"
        assert seen["tls"]["client"] is None
        assert seen["tls"]["alpn"] == {"HTTP/1.1": "http/1.1", "HTTP/2": "h2"}[version]

    def test_wildcard_names_and_addresses_are_certified(self, lab, origin_pki, origins):
        for host in ("a.wild.example", world.ADDRESSES["api"][0], f"[{world.ADDRESSES['api'][1]}]"):
            assert ask(lab, origin_pki, f"https://{host}/")["server"] == "api"

    def test_partner_serves_who_has_the_client_certificate_only(self, lab, origin_pki, origins):
        client = origin_pki.client
        seen = ask(lab, origin_pki, "https://partner.example/", "--cert", str(client.chain), "--key", str(client.key))
        assert seen["tls"]["client"] == {"subject": {"commonName": "workload"}, "fingerprint": client.fingerprint}
        assert curl(lab, "-k", "https://partner.example/").returncode != 0
        stranger = origin_pki.stranger
        refused = curl(lab, "-k", "--cert", str(stranger.chain), "--key", str(stranger.key), "https://partner.example/")
        assert refused.returncode != 0
        assert len(origins.records("request", "partner")) == 1
        assert len(origins.records("tls_failed", "partner")) == 2

    def test_curious_records_what_it_is_offered_and_serves_anyway(self, lab, origin_pki, origins):
        for offered in (origin_pki.client, origin_pki.stranger):
            files = ("--cert", str(offered.chain), "--key", str(offered.key))
            seen = ask(lab, origin_pki, "https://curious.example/", *files)
            assert seen["tls"]["client"]["fingerprint"] == offered.fingerprint
        assert ask(lab, origin_pki, "https://curious.example/")["tls"]["client"] is None
        offers = [seen["client"] for seen in origins.records("tls", "curious")]
        assert [bool(offer) for offer in offers] == [True, True, False]

    @pytest.mark.parametrize("host", ["wrong", "pinned"])
    def test_who_is_not_certified_for_its_name_by_a_known_authority_is_not_believed(
        self, lab, origin_pki, origins, host
    ):
        done = curl(lab, "--cacert", str(origin_pki.origin_ca.cert), f"https://{host}.example/")
        assert done.returncode == 60
        assert not origins.records("request")

    def test_pinned_is_believed_by_its_own_clients(self, lab, origin_pki, origins):
        assert ask(lab, origin_pki, "https://pinned.example/", "--cacert", str(origin_pki.second_ca.cert))

    def test_certificates_hold_under_strict_verification(self, origin_pki):
        strict = ssl.create_default_context(cafile=str(origin_pki.origin_ca.cert))
        strict.verify_flags |= ssl.VERIFY_X509_STRICT
        tls = Tls(str(origin_pki.servers["api"].chain), str(origin_pki.servers["api"].key))
        with LocalOrigins([Server("api", "http", ("127.0.0.1:0",), tls)]) as local:
            opened = socket.create_connection(local.address("api"), timeout=5)
            with opened, strict.wrap_socket(opened, server_hostname="api.example") as secured:
                assert secured.version() == "TLSv1.3"

    def test_a_certificate_may_have_expired(self, tmp_path):
        authority = Authority(tmp_path, "ca")
        expired = authority.server("late.example", ["late.example"], dt.timedelta(days=-1))
        tls = Tls(str(expired.chain), str(expired.key))
        with LocalOrigins([Server("late", "http", ("127.0.0.1:0",), tls)]) as local:
            trusting = ssl.create_default_context(cafile=str(authority.cert))
            opened = socket.create_connection(local.address("late"), timeout=5)
            with opened, pytest.raises(ssl.SSLCertVerificationError, match="expired"):
                trusting.wrap_socket(opened, server_hostname="late.example")


def test_origins_that_cannot_start_say_so(lab):
    with (
        pytest.raises(RuntimeError, match="the origins did not start"),
        LabOrigins(lab, [Server("x", "http", ("203.0.113.1:80",))]),
    ):
        pass
