"""Addresses of machines that people sit at, where something says so. All others are in `network`."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import unquote

from outgate.redact.detect.detector import Detector, Group, apart_as_number
from outgate.redact.detect.said import ENDED, NEAR

_V4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_V6 = "[0-9A-Fa-f]{1,4}(?:(?::|%3[Aa]){1,2}[0-9A-Fa-f]{1,4}){2,7}(?:::|%3[Aa]%3[Aa])?"
_MAC = "[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5}|(?:%3[Aa][0-9A-Fa-f]{2}){5})"
_WHOSE = "client|user|visitor|customer|login|caller|guest|actor|end[ _-]?user"
_WORDS = (
    f"x-?forwarded-?for|x-?real-?ip|true-?client-?ip|cf-?connecting-?ip|forwarded for|remote[ _-]?addr(?:ess)?|remoteip"
    f"|(?:{_WHOSE})[ _-]?(?:ip|addr)(?:[ _-]?addr(?:ess)?)?|my ip(?: address)?|ip[ _-]?address"
)
_DEVICE = "mac[ _-]?addr(?:ess)?|(?:device|laptop|phone|client|wifi|wlan)[ _-]?mac"
_STAMP = r"[ ]\[[0-3][0-9]/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4}:"


def public(text: str) -> bool:
    """An address that is somebody's in the whole of the internet."""
    try:
        return ip_address(unquote(text).strip("[]").partition("%")[0]).is_global
    except ValueError:
        return False


DETECTORS = (
    Detector(
        "client-address",
        Group.PII,
        rf"(?i:{_WORDS}){ENDED}{NEAR}\b({_V4}|{_V6})",
        "remote_addr=8.20.30.40",
        hint=f"(?i:{_WORDS}){ENDED}",
        check=public,
        around=apart_as_number,
    ),
    Detector(
        "access-log-client",
        Group.PII,
        rf"\b({_V4}|{_V6})[ ][^\s\x00]{{1,64}}[ ][^\s\x00]{{1,64}}{_STAMP}",
        "8.20.30.40 - - [14/May/2026:11:02:37",
        hint=_STAMP,
        check=public,
    ),
    Detector(
        "device-address",
        Group.PII,
        rf"(?i:{_DEVICE}){ENDED}{NEAR}\b({_MAC})",
        "MAC address 3c:35:22:0e:9d:28",
        hint=f"(?i:{_DEVICE}){ENDED}",
    ),
)
