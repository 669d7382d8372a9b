"""Addresses of machines that people sit at."""

import pytest

from outgate.redact.detect.hosts import public
from outgate.redact.detect.search import Detectors

DETECTORS = Detectors(["client-address", "access-log-client", "device-address"])


def found(text: str) -> list[str]:
    return [text[hit.start : hit.end] for hit in DETECTORS.search([text], [""])]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("X-Forwarded-For: 8.20.30.40, 10.0.0.7", "8.20.30.40"),
        ("client_ip=8.20.30.40 status=200", "8.20.30.40"),
        ("Remote addr: 2a02:8109:f6e1:9895::17", "2a02:8109:f6e1:9895::17"),
        ("GET /a?user_ip=2a02%3A8109%3A%3A17&x=1", "2a02%3A8109%3A%3A17"),
        ("my IP address is 8.20.30.40.", "8.20.30.40"),
        ('8.20.30.40 - jane [14/May/2026:11:02:37 +0000] "GET / HTTP/1.1" 200', "8.20.30.40"),
        ("MAC address 3c:35:22:0e:9d:28", "3c:35:22:0e:9d:28"),
        ("device_mac=3C-35-22-0E-9D-28", "3C-35-22-0E-9D-28"),
    ],
)
def test_it_is_found(text, address):
    assert found(text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "client_ip=10.0.0.7",
        "X-Forwarded-For: 192.0.2.17",
        "the server 8.20.30.40 answers",
        "client version 1.2.3.4",
        "10.0.0.7 - - [14/May/2026:11:02:37 +0000]",
        "hmac 3c:35:22:0e:9d:28",
        "client_ip=999.1.1.1",
    ],
)
def test_it_is_nobodys(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("address", "is_public"), [("8.8.8.8", True), ("[2a02::17]", True), ("::1", False), ("a", False)]
)
def test_only_what_the_internet_knows_is_somebodys(address, is_public):
    assert public(address) is is_public
