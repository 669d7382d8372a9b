"""The file that `outgate inject` and `outgate webhook` are given: YAML to `Settings`, with the line of each fault.

Owns the names in the file and what several of its values may not say together. Defaults are `settings.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from outgate.injection.annotations import NAMES
from outgate.injection.quantities import QUANTITY
from outgate.injection.settings import (
    Authority,
    Engine,
    Form,
    Mode,
    Mounted,
    Redirect,
    Resources,
    Settings,
    Trust,
    Unconfined,
)
from outgate.netfilter.backend import Kind
from outgate.netfilter.options import LAST_UID, parse_cidrs, parse_ports
from outgate.policy.documents import Node, parse, read
from outgate.policy.schema import Boolean, Choice, Field, Fields, Integer, Reading, Record, Sequence, Text
from outgate.policy.schema import Mapping as Words
from outgate.problems import PolicyError, Problem, Where
from outgate.settings import PREFIX, SettingsError, read_settings

NAME = Text(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", "write the name of an object, such as outgate-policy")
KEY = Text(r"[-._a-zA-Z0-9]{1,253}", "write a key of the object, such as tls.crt")
PATH = Text(r"/[^:,]*[^:,/]", "write an absolute path, such as /etc/outgate/trust")
IMAGE = Text(r"\S+", "write an image, such as registry.example/outgate:1.0")
DOMAIN_NAME = Text(r"[a-z0-9._-]{0,255}", "write a trust domain, such as cluster.local")
PORT = Integer(1, 65535)
SECONDS = Integer(0, 3600)
OWN = {
    "policy": "policy",
    "mode": "mode",
    "listen": "listenPort",
    "admin": "adminPort",
    "metrics": "metricsPort",
    "dns": "dns",
    "ca_certificate": "authority",
    "ca_key": "authority",
    "drain_timeout": "drainSeconds",
    "trust_domain": "trustDomain",
    "workload_namespace": "",
    "workload_service_account": "",
    "workload_labels": "",
    "gate_namespace": "",
    "gate_name": "",
    "gate_labels": "",
}
"""Settings of the gate that are made of others here, and of which. Of nothing: what the pod is says it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list, or one text of the same with commas, that `parse` reads. Raises nothing: what it does is reported."""

    parse: Callable[[str], Any]

    def read(self, node: Node, path: str, reading: Reading) -> Any:
        words = [item.data for item in node.sequence] if isinstance(node.data, list) else [node.data]
        if not all(isinstance(word, str) or type(word) is int for word in words):
            reading.error(node.where, path, "expected texts or numbers", "write them as a list")
            return None
        try:
            return self.parse(",".join(map(str, words)))
        except ValueError as error:
            reading.error(node.where, path, str(error))
            return None


@dataclass(frozen=True, slots=True)
class Value:
    """A text, a number, true or false, as text."""

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        if isinstance(node.data, bool):
            return str(node.data).lower()
        if isinstance(node.data, str | int | float):
            return str(node.data)
        reading.error(node.where, path, "expected a text, a number, true or false")
        return None


@dataclass(frozen=True, slots=True)
class Quantity:
    """As Kubernetes writes amounts: `100m`, `512Mi`, `2`."""

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        text = str(node.data)
        if not isinstance(node.data, bool) and isinstance(node.data, str | int | float) and QUANTITY.fullmatch(text):
            return text
        reading.error(node.where, path, f'"{text[:60]}" is no quantity', "write one such as 100m or 512Mi")
        return None


def _all_or_ports(text: str) -> object:
    return () if text == "all" else parse_ports(text)


SHAPE = Fields(
    {
        "image": Field(IMAGE),
        "imagePullPolicy": Field(Choice(("Always", "IfNotPresent", "Never"))),
        "engine": Field(Choice(tuple(Engine))),
        "sidecar": Field(Choice(tuple(Form))),
        "mode": Field(Choice(tuple(Mode))),
        "uid": Field(Integer(1, LAST_UID)),
        "listenPort": Field(PORT),
        "adminPort": Field(PORT),
        "metricsPort": Field(PORT),
        "dns": Field(Boolean()),
        "dnsPort": Field(PORT),
        "policy": Field(Sequence(NAME)),
        "authority": Field(Fields({"secret": Field(NAME), "certificate": Field(KEY), "key": Field(KEY)})),
        "trust": Field(Fields({"path": Field(PATH), "configMap": Field(NAME), "alsoTrusted": Field(NAME)})),
        "redirect": Field(
            Fields(
                {
                    "ports": Field(Listed(_all_or_ports)),
                    "excludePorts": Field(Listed(parse_ports)),
                    "excludeCIDRs": Field(Listed(parse_cidrs)),
                    "ipv6": Field(Boolean()),
                    "backend": Field(Choice(tuple(Kind))),
                }
            )
        ),
        "secrets": Field(
            Sequence(
                Fields(
                    {
                        "secret": Field(NAME, required=True),
                        "path": Field(PATH, required=True),
                        "optional": Field(Boolean()),
                    }
                )
            )
        ),
        "token": Field(Boolean()),
        "settings": Field(Words(Value())),
        "environment": Field(Words(Text())),
        "trustDomain": Field(DOMAIN_NAME),
        "resources": Field(Fields({"requests": Field(Words(Quantity())), "limits": Field(Words(Quantity()))})),
        "drainSeconds": Field(SECONDS),
        "lingerSeconds": Field(SECONDS),
        "annotations": Field(Sequence(Choice(NAMES))),
        "unconfined": Field(Choice(tuple(Unconfined))),
    }
)


def load(path: Path) -> Settings:
    """The settings of a file. Raises `PolicyError` with everything that is wrong with it."""
    return from_text(read(path), str(path))


def from_text(text: str, file: str) -> Settings:
    """The settings of a text. Raises `PolicyError`."""
    documents = parse(text, file)
    if not documents:
        return Settings()
    if len(documents) > 1:
        what, hint = "a second document", "write all settings into one"
        raise PolicyError([Problem(documents[1].where, what, hint)])
    reading = Reading("settings of the injection")
    record = SHAPE.read(documents[0].root, "", reading)
    settings = _settings(record) if record is not None and not reading.failed else None
    if record is not None and settings is not None:
        _together(settings, record, reading)
    if reading.failed or settings is None:
        raise PolicyError(reading.problems)
    return settings


def _settings(record: Record) -> Settings:
    values = dict(record.values)
    groups: Mapping[str, type] = {"authority": Authority, "trust": Trust, "redirect": Redirect, "resources": Resources}
    values |= {name: _made(group, values[name].values) for name, group in groups.items() if name in values}
    for name, kind in {"engine": Engine, "sidecar": Form, "mode": Mode, "unconfined": Unconfined}.items():
        if name in values:
            values[name] = kind(values[name])
    values["secrets"] = tuple(Mounted(**each.values) for each in values.get("secrets", ()))
    made: Settings = _made(Settings, values)
    return made


def _made(kind: type, values: Mapping[str, Any]) -> Any:
    """Lists become tuples, and names Python's."""
    named = {_snake(name): tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    if "backend" in named:
        named["backend"] = Kind(str(named["backend"]))
    return kind(**{entry.name: named[entry.name] for entry in fields(kind) if entry.name in named})


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z]+)", lambda found: f"_{found[1].lower()}", name.replace("CIDRs", "Cidrs"))


def _together(settings: Settings, record: Record, reading: Reading) -> None:
    """What no value by itself is wrong about."""
    _distinct_ports(settings, record, reading)
    if settings.dns and settings.mode is Mode.REGULAR:
        what = "in regular mode nothing leads the workload's DNS to the gate"
        reading.error(record.at("dns"), "dns", what, "leave it out, or use mode transparent")
    if not (settings.policy or settings.token):
        reading.error(record.at("policy"), "policy", "is empty, so there would be none", "name a ConfigMap")
    for name in settings.environment:
        if name.startswith(PREFIX):
            hint = f'write it under "settings", as {name.removeprefix(PREFIX).lower()}'
            reading.error(record.at("environment"), f"environment.{name}", "is a setting of the gate", hint)
    for where, path, what, hint in _gate_settings(settings, record):
        reading.error(where, path, what, hint)


def _distinct_ports(settings: Settings, record: Record, reading: Reading) -> None:
    seen: dict[int, str] = {}
    for name, port in settings.ports.items():
        if port in seen:
            reading.error(record.at(name), name, f"{port} is {seen[port]} already", "use a port of its own")
        seen[port] = name


def _gate_settings(settings: Settings, record: Record) -> Iterator[tuple[Where, str, str, str]]:
    where = record.at("settings")
    for name in settings.settings:
        if name != (plain := name.lower().replace("-", "_")):
            yield where, f"settings.{name}", "is not how it is written", f'write "{plain}"'
        if (instead := OWN.get(plain)) is not None:
            hint = f'set "{instead}" here' if instead else "leave it out: the pod's own are used"
            yield where, f"settings.{name}", "is made by the injection", hint
    if settings.engine is Engine.MITMDUMP and settings.settings.get("workers", "1") != "1":
        yield where, "settings.workers", "mitmdump is one process", "leave it out, or use engine outgate"
    try:
        read_settings({}, [f"{name}={value}" for name, value in settings.settings.items()], {})
    except SettingsError as error:
        yield where, "settings", str(error), ""
