"""Addresses of machines, whoever sits there. No default rule has them: traffic is full of them, and of little use
without. Those of somebody are in `hosts`."""

from __future__ import annotations

from outgate.redact.detect.detector import Detector, Group, apart_as_number
from outgate.redact.detect.validators import address

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

DETECTORS = (
    Detector("ipv4", Group.NETWORK, rf"(?:{_OCTET}\.){{3}}{_OCTET}", "192.0.2.17", around=apart_as_number),
    Detector(
        "ipv6",
        Group.NETWORK,
        r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{0,4}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})",
        "2001:db8::17",
        check=address,
    ),
    Detector(
        "mac", Group.NETWORK, "[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})", "00:00:5e:00:53:af"
    ),
)
