"""What MeshConfig says of logs, metrics and traces: the mesh's own log, providers, and what holds by default.

Owns these fields and what they come to. Where several documents carry a MeshConfig, the later directory's value of a
field holds; providers are joined by name.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from outgate.policy.frontends import Contribution
from outgate.policy.frontends.istio import providers
from outgate.policy.frontends.istio.common import NAMES, Checked, Item, unapplied
from outgate.policy.frontends.istio.providers import BUILT_IN, INSTEAD, STDOUT, Provider, path_fault
from outgate.policy.frontends.istio.proxy_config import PROXY
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.span_tags import check_tags, tags
from outgate.policy.frontends.line_formats import LineText, Written
from outgate.policy.model import Fate, Source
from outgate.policy.schema import Boolean, Choice, Field, Fields, Reading, Record, Sequence
from outgate.policy.telemetry_model import Encoding, LogSink, SinkKind, TelemetryPolicy, TraceRule

type Said = Callable[[str, Callable[[Any], Any]], tuple[Any, Resource | None]]
"""What a function makes of a field of MeshConfig in the directory that has the last word, and who says so."""

MESH_LOG = "accessLogFile"
"""The name of the sink that the field makes."""
FIELDS = {
    "accessLogFile": Field(Checked(path_fault, 'write "/dev/stdout" or another path from the root')),
    "accessLogFormat": Field(LineText()),
    "accessLogEncoding": Field(Choice(("TEXT", "JSON"))),
    "enableTracing": Field(Boolean()),
    "defaultProviders": Field(
        Fields(
            {
                "accessLogging": Field(NAMES),
                "tracing": Field(NAMES),
                "metrics": Field(NAMES, fate=Fate.IGNORED, note="metrics are always there"),
            },
            snake=True,
        )
    ),
    "extensionProviders": Field(Sequence(providers.PROVIDER)),
    "defaultConfig": Field(PROXY),
}
"""Of MeshConfig."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """What documents of the mesh refer to by name, and what the mesh says itself."""

    policy: TelemetryPolicy = field(default_factory=TelemetryPolicy)
    providers: dict[str, Provider] = field(default_factory=dict)
    """By name in lower case, as Istio looks them up."""

    def find(self, item: Item, signal: str, reading: Reading) -> Provider | None:
        """The provider of a name for `logs`, `spans` or `metrics`. None after reporting that nothing goes there."""
        found = self.providers.get(item.value.lower())
        if found is None:
            close = difflib.get_close_matches(item.value.lower(), self.providers, 1, 0.6)
            hint = f'; did you mean "{close[0]}"?' if close else "; define it in extensionProviders"
            unapplied(reading, item.where, item.path, f'there is no provider "{item.value}"{hint}')
        elif not found.serves(signal):
            what = f'"{item.value}" is {found.kind or "of no kind"}, where the gate sends no {signal}'
            unapplied(reading, item.where, item.path, f"{what} ({INSTEAD[signal]})")
            return None
        return found


def check(mesh: Record, reading: Reading) -> None:
    """What one value alone does not show."""
    providers.check(mesh.get("extensionProviders", []), reading)
    form: Written | None = mesh.get("accessLogFormat")
    if form is not None and form.value and mesh.get("accessLogEncoding") == "JSON":
        try:
            _object(form.value)
        except ValueError as error:
            reading.error(form.where, form.path, str(error), 'write {"status": "%RESPONSE_CODE%"}')
    if (tracing := _tracing(mesh)) is not None:
        check_tags(tracing.get("customTags", {}), reading)


def gathered(meshes: Iterable[Resource], contribution: Contribution) -> Mesh:
    """What some carriers say together, with the providers that are built in."""
    carriers = list(meshes)
    said = _saying(carriers, contribution)
    form = _form(said)
    known = {
        BUILT_IN: Provider(BUILT_IN, "envoyFileAccessLog", log=providers.to_file(BUILT_IN, STDOUT, form)),
        "prometheus": Provider("prometheus", "prometheus"),
    }
    known |= _defined(carriers, form, contribution)
    mesh = Mesh(providers=known)
    logs, spans = _defaults(said, mesh)
    sinks = [provider.log for provider in known.values() if provider.log is not None]
    path, by = said("accessLogFile", str)
    if path and by is not None:
        sink = providers.to_file(MESH_LOG, path, form)
        sinks.append(replace(sink, source=sink.source or _source(by, "accessLogFile")))
    policy = TelemetryPolicy(
        sinks=tuple(sinks),
        default_sinks=logs,
        fallback_sinks=(MESH_LOG,) if path else (),
        span_sinks=tuple(provider.span for provider in known.values() if provider.span is not None),
        default_trace=_trace(said, spans),
    )
    return replace(mesh, policy=policy)


def _saying(carriers: list[Resource], contribution: Contribution) -> Said:
    def said(name: str, read: Callable[[Any], Any]) -> tuple[Any, Resource | None]:
        given = [each for each in carriers if name in each.spec and read(each.spec.get(name)) is not None]
        if not given:
            return None, None
        winner = max(given, key=lambda each: each.document.layer)
        value = winner.spec.get(name)
        for other in given:
            if _bare(other.spec.get(name)) == _bare(value):
                continue
            if other.document.layer < winner.document.layer:
                contribution.replaced.append((_source(winner, name), _source(other, name)))
            else:
                where, path = other.spec.at(name), other.spec.under(name)
                other.reading.error(where, path, f"says otherwise than {_source(winner, name)}", "say it once")
        return read(value), winner

    return said


def _bare(value: object) -> object:
    """Without places, so that two documents that say the same are equal."""
    if isinstance(value, Record):
        return {name: _bare(inner) for name, inner in value.values.items()}
    if isinstance(value, (Item, Written)):
        return value.value
    if isinstance(value, dict):
        return {name: _bare(inner) for name, inner in value.items()}
    return [_bare(inner) for inner in value] if isinstance(value, list) else value


def _source(carrier: Resource, name: str) -> Source:
    return carrier.source(carrier.spec.under(name), carrier.spec.at(name))


def _form(said: Said) -> LogSink:
    """How the mesh's own log is written, on a sink that is only that. Envoy keeps numbers in JSON as they are."""
    text, by = said("accessLogFormat", lambda item: item.value)
    encoding, _ = said("accessLogEncoding", str)
    source = _source(by, "accessLogFormat") if by is not None else None
    if encoding != "JSON":
        return LogSink("", SinkKind.STDOUT, text=text or "", source=source)
    fields = _object(text) if text else {}
    return LogSink("", SinkKind.STDOUT, encoding=Encoding.TYPED_JSON, fields=fields, source=source)


def _object(text: str) -> dict[str, object]:
    """The object that a text spells. Raises `ValueError`, saying what it is instead."""
    try:
        read = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"is no JSON, as accessLogEncoding wants it: {error}") from None
    if not isinstance(read, dict):
        raise ValueError("is no JSON object, as accessLogEncoding wants it")
    return read


def _defined(carriers: list[Resource], form: LogSink, contribution: Contribution) -> dict[str, Provider]:
    """Every provider by its name in lower case. A later directory replaces an earlier one's of the same name."""
    found: dict[str, tuple[Provider, Resource, Source]] = {}
    for carrier in sorted(carriers, key=lambda each: each.document.layer):
        for record in carrier.spec.get("extensionProviders", []):
            source = carrier.source(record.path, record.where)
            provider = providers.made(record, source, form)
            key = provider.name.lower()
            _, owner, before = found.get(key, (provider, carrier, source))
            if owner.document.layer < carrier.document.layer:
                contribution.replaced.append((source, before))
            elif owner is not carrier:
                what = f'the provider "{provider.name}" is in {before} too'
                carrier.reading.error(record.where, record.path, what, "define it once")
            found[key] = (provider, carrier, source)
    return {key: provider for key, (provider, _, _) in found.items()}


def _defaults(said: Said, mesh: Mesh) -> tuple[tuple[str, ...], str]:
    """The names of the default log sinks, and of the sink for spans."""
    block, carrier = said("defaultProviders", _itself)
    if block is None or carrier is None:
        return (), ""
    logs = (mesh.find(item, "logs", carrier.reading) for item in block.get("accessLogging", []))
    spans = [mesh.find(item, "spans", carrier.reading) for item in block.get("tracing", [])]
    named = tuple(provider.log.name for provider in logs if provider is not None and provider.log is not None)
    return named, next((each.span.name for each in spans if each is not None and each.span is not None), "")


def _itself(value: Any) -> Any:
    return value


def _tracing(mesh: Record) -> Record | None:
    config: Record | None = mesh.get("defaultConfig")
    tracing: Record | None = config.get("tracing") if config is not None else None
    return tracing


def _trace(said: Said, sink: str) -> TraceRule | None:
    enabled, switch = said("enableTracing", _itself)
    config, carrier = said("defaultConfig", lambda record: record.get("tracing"))
    if enabled is None and config is None and not sink:
        return None
    share = config.get("sampling") if config is not None else None
    return TraceRule(
        sink=sink,
        sampling=None if share is None else share / 100,
        tags=tags(config.get("customTags", {})) if config is not None else (),
        disabled=True if enabled is False and not sink else None,
        source=_source(carrier, "defaultConfig") if carrier else _source(switch, "enableTracing") if switch else None,
    )
