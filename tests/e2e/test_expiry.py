"""A running gate ends what a temporary allowance opened when the allowance ends."""

import socket
from datetime import UTC, datetime, timedelta

from e2e.documents import defaults, native, policy
from e2e.lab.gate import LoopbackGate

BEGUN = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun"
ASK = b"GET http://brief.example/ HTTP/1.1\r\nHost: brief.example\r\n\r\n"
EMPTY = policy(defaults(mode="REGISTRY_ONLY"))


def test_a_download_does_not_outlive_its_allowance(origin_pki):
    with socket.create_server(("127.0.0.1", 0)) as listener, LoopbackGate(EMPTY, origin_pki) as gate:
        listener.settimeout(20)
        port = {
            "number": 80,
            "protocol": "HTTP",
            "upstream": {"endpoints": [{"address": "127.0.0.1", "port": listener.getsockname()[1]}]},
        }
        ends = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
        spec = {"hosts": ["brief.example"], "ports": [port], "expires": ends}
        gate.reload(policy(defaults(mode="REGISTRY_ONLY"), native("EgressDestination", "brief", spec)))
        with socket.create_connection(gate.address, 20) as client:
            client.sendall(ASK)
            with listener.accept()[0] as origin:
                origin.recv(1000)
                origin.sendall(BEGUN)
                received = b""
                try:
                    while data := client.recv(1000):
                        received += data
                except ConnectionResetError:
                    pass
        (entry,) = gate.log(at_least=1)
    assert received.endswith(b"begun")
    assert "expired" in entry["failure"]
