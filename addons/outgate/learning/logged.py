"""What access logs tell of what was tried: outgate's own lines, and Envoy's and Istio's, as text and as JSON.

Owns the reading of a line into what was seen. A line that is none of these is counted, and nothing else is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from outgate.learning.seen import Seen, Speech, caller_of

REFUSED = frozenset({"UAEX", "NR", "RBAC_ACCESS_DENIED_MATCHED_POLICY"})
"""Flags of Envoy for what was not let pass."""
BLACKHOLE = "BlackHoleCluster"
UNSET = ("", "-")
WORD = r'(?:"((?:[^"\\]|\\.)*)"|(\S+))'
TEXT = re.compile(
    r'\[[^\]]*\] "(?P<method>\S+) (?P<path>\S*) (?P<protocol>\S+)" (?P<code>\d+|-) (?P<flags>\S+) (?P<rest>.*)'
)
WORDS = re.compile(WORD)
ENVOY, ISTIO = 9, 18
"""Values behind the flags, in the default formats."""
PLACE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\s\[\]]+)):(\d{1,5})")


@dataclass(slots=True)
class Log:
    """A log that is read. `strange`: lines that are none of an access log's."""

    strange: int = 0

    def read(self, lines: Iterable[bytes]) -> Iterator[Seen | None]:
        """An entry a line; None where a line tells of no attempt."""
        for line in lines:
            if not line.strip():
                continue
            try:
                yield _seen(line)
            except (ValueError, TypeError, KeyError):
                self.strange += 1


def _seen(line: bytes) -> Seen | None:
    if line.lstrip().startswith(b"{"):
        told = orjson.loads(line)
        return _own(told) if "verdict" in told else _envoy(told)
    return _envoy(_of_text(line.decode("utf-8", "replace").strip()))


def _own(told: Mapping[str, Any]) -> Seen | None:
    kind, verdict = told["kind"], told["verdict"]
    if verdict not in ("allow", "deny") or kind not in ("http", "tls", "tcp", "connection"):
        raise ValueError("no line of the gate's")
    if kind == "connection" or not (_text(told, "host") or _text(told, "address")):
        return None
    encrypted = _text(told, "scheme") == "https"
    speech = {"http": Speech.HTTPS if encrypted else Speech.HTTP, "tls": Speech.TLS, "tcp": Speech.TCP}[kind]
    upstream = PLACE.fullmatch(_text(told, "upstream"))
    started = speech is Speech.HTTP and upstream is not None and bool(_text(told, "upstream_tls"))
    return Seen(
        speech,
        _text(told, "host") or _text(told, "address"),
        _port(told["port"]),
        caller_of(_text(told, "namespace"), _text(told, "service_account")),
        (_text(told, "code") or "denied") if verdict == "deny" else "",
        _text(told, "traffic") == "internal",
        speech is Speech.HTTP and _text(told, "protocol").startswith("HTTP/2"),
        _port(upstream[3]) if started and upstream is not None else 0,
        told.get("client_certificate") is True,
    )


def _envoy(told: Mapping[str, Any]) -> Seen | None:
    """Of a line in Envoy's words. Its port is the one that was dialled, else the authority's."""
    told = {name: "" if value in ("-", None) else value for name, value in told.items()}
    method, authority, sni = told["method"], told["authority"], told.get("requested_server_name", "")
    flags, code, cluster = (
        set(told["response_flags"].split(",")),
        told["response_code"],
        told.get("upstream_cluster", ""),
    )
    dialled = PLACE.fullmatch(told.get("downstream_local_address", ""))
    refused = "denied" if flags & REFUSED or cluster == BLACKHOLE else ""
    http2 = told["protocol"].startswith("HTTP/2") and not sni
    if not method:
        if dialled is None:
            return None
        speech = Speech.TLS if sni else Speech.TCP
        return Seen(speech, sni or dialled[1] or dialled[2], _port(dialled[3]), denied=refused)
    host, port = _authority(authority, code)
    speech = Speech.HTTPS if sni else Speech.HTTP
    usual = 443 if sni else 80
    return Seen(speech, host, port or (_port(dialled[3]) if dialled else usual), denied=refused, http2=http2)


def _authority(text: str, code: object) -> tuple[str, int]:
    """Host and port; 0 where it names none."""
    if not text:
        raise ValueError(f"no authority with {code}")
    found = PLACE.fullmatch(text)
    return (found[1] or found[2], _port(found[3])) if found is not None else (text.strip("[]"), 0)


def _of_text(line: str) -> Mapping[str, str]:
    """The values of a line in Envoy's or Istio's default format."""
    found = TEXT.fullmatch(line)
    if found is None:
        raise ValueError("no line of Envoy's")
    rest = [quoted or plain for quoted, plain in WORDS.findall(found["rest"])]
    told = {
        "method": found["method"],
        "protocol": found["protocol"],
        "response_code": found["code"],
        "response_flags": found["flags"],
    }
    if len(rest) == ENVOY:
        return {**told, "authority": rest[7]}
    if len(rest) != ISTIO:
        raise ValueError("no default format")
    names = {"authority": 10, "upstream_cluster": 12, "downstream_local_address": 14, "requested_server_name": 16}
    return {**told, **{name: rest[at] for name, at in names.items()}}


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _port(value: object) -> int:
    port = int(value) if isinstance(value, int | str) else 0
    if not 0 < port < 65536:
        raise ValueError("no port")
    return port
