"""Flags, pairs and environment become one value, and whatever does not fit is refused by name."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest

from outgate.policy.model import Identity
from outgate.settings import (
    Limits,
    ListenMode,
    MetricsSource,
    Settings,
    SettingsError,
    parse_address,
    parse_endpoint,
    read_settings,
    shared,
)
from outgate.telemetry.propagation import Propagation
from outgate.telemetry.spans import Shape
from outgate.telemetry.urls import Query


def read(*pairs: str, flags: dict[str, object] | None = None, **environ: str) -> Settings:
    return read_settings(flags or {}, pairs, environ)


def test_nothing_said_gives_the_defaults():
    assert read() == Settings()


def test_a_flag_beats_a_pair_and_a_pair_beats_a_variable():
    environ = {"OUTGATE_DRAIN_TIMEOUT": "1", "OUTGATE_ADMIN": "127.0.0.1:1", "OUTGATE_STRICT": "false"}
    settings = read("drain_timeout=2", "admin=127.0.0.1:2", flags={"drain_timeout": 3.0, "admin": None}, **environ)
    assert (settings.drain_timeout, settings.admin, settings.strict) == (3.0, "127.0.0.1:2", False)


def test_the_last_of_two_pairs_counts():
    assert read("drain_timeout=2", "drain-timeout=4").drain_timeout == 4


@pytest.mark.parametrize(
    ("pair", "name", "value"),
    [
        ("policy=/a:b", "policy", (Path("/a"), Path("b"))),
        ("strict=0", "strict", False),
        ("mode=socks5", "mode", ListenMode.SOCKS5),
        ("listen=[::1]:99", "listen", ("::1", 99)),
        ("admin=", "admin", ""),
        ("admin=unix:/run/admin.sock", "admin", "unix:/run/admin.sock"),
        ("ca-key=/k", "ca_key", Path("/k")),
        ("drain_timeout=0.5", "drain_timeout", 0.5),
        ("Access-Log=FALSE", "access_log", False),
    ],
)
def test_a_pair_sets_its_field(pair, name, value):
    assert getattr(read(pair), name) == value


@pytest.mark.parametrize(
    ("pair", "name", "value"),
    [
        ("trace_sampling=0.25", "trace_sampling", 0.25),
        ("trace_parent_rate=0", "trace_parent_rate", 0.0),
        ("trace_spans=client", "trace_spans", Shape.CLIENT),
        ("trace_propagation=b3multi", "trace_propagation", Propagation.B3MULTI),
        ("url_query=drop", "url_query", Query.DROP),
        ("url_secrets=badge:ticket_no", "url_secrets", ("badge", "ticket_no")),
    ],
)
def test_tracing_is_set(pair, name, value):
    assert getattr(read(pair).tracing, name) == value


@pytest.mark.parametrize("pair", ["trace_sampling=1.5", "trace_sampling=-1", "trace_spans=three", "url_query=keep"])
def test_tracing_that_does_not_fit_is_refused(pair):
    with pytest.raises(SettingsError, match=pair.partition("=")[0]):
        read(pair)


def test_the_standard_variables_say_where_telemetry_goes():
    settings = read(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318")
    assert settings.export.traces.endpoint == "http://collector:4318/v1/traces"


def test_a_standard_variable_that_does_not_fit_is_refused():
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"):
        read(OTEL_EXPORTER_OTLP_PROTOCOL="carrier-pigeon")


@pytest.mark.parametrize("name", [entry.name for entry in dataclasses.fields(Limits)])
def test_every_limit_can_be_set(name):
    assert getattr(read(f"{name}=7").limits, name) == 7
    assert getattr(read(**{f"OUTGATE_{name.upper()}": "8"}).limits, name) == 8


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("drain_timeout=soon", '"soon" does not fit the setting "drain_timeout"; write a number, 0 or more'),
        ("drain_timeout=-1", '"-1" does not fit the setting "drain_timeout"; write a number, 0 or more'),
        ("drain_timeout=nan", '"nan" does not fit the setting "drain_timeout"; write a number, 0 or more'),
        ("idle_timeout=inf", '"inf" does not fit the setting "idle_timeout"; write a number, 0 or more'),
        ("connections=1.5", '"1.5" does not fit the setting "connections"; write a whole number, 0 or more'),
        ("strict=maybe", '"maybe" does not fit the setting "strict"; write true or false'),
        ("gate_collapses=no", '"no" does not fit the setting "gate_collapses"; write true or false'),
        ("gate_labels=app", '"app" does not fit the setting "gate_labels"; write key=value,key=value'),
        ("workload_labels==x", '"=x" does not fit the setting "workload_labels"; write key=value,key=value'),
        ("mode=open", '"open" does not fit the setting "mode"; write one of transparent, regular, socks5'),
        ("listen=15001", '"15001" does not fit the setting "listen"; write ADDR:PORT, such as 127.0.0.1:15001'),
        ("admin=here", '"here" does not fit the setting "admin"; write ADDR:PORT, unix:PATH'),
        ("peek_timout=1", 'unknown setting "peek_timout"; did you mean "peek_timeout"?'),
        ("gate=x", 'unknown setting "gate"; '),
        ("limits=x", 'unknown setting "limits"; '),
        ("zzz=x", 'unknown setting "zzz"; known: '),
        ("strict", '"strict" is not KEY=VALUE'),
        ("=x", '"=x" is not KEY=VALUE'),
    ],
)
def test_what_does_not_fit_is_refused_by_name(pair, message):
    with pytest.raises(SettingsError) as caught:
        read(pair)
    assert str(caught.value).startswith(message)


def test_a_misspelt_variable_is_refused_like_a_pair():
    with pytest.raises(SettingsError, match='unknown setting "strictt"; did you mean "strict"'):
        read(OUTGATE_STRICTT="1")


def test_variables_of_kubernetes_services_are_not_settings():
    environ = {
        "OUTGATE_SERVICE_HOST": "10.0.0.1",
        "OUTGATE_SERVICE_PORT": "443",
        "OUTGATE_SERVICE_PORT_ADMIN": "443",
        "OUTGATE_PORT": "tcp://10.0.0.1:443",
        "OUTGATE_PORT_443_TCP": "tcp://10.0.0.1:443",
        "OUTGATE_PORT_443_TCP_ADDR": "10.0.0.1",
        "OUTGATE_PORT_443_TCP_PORT": "443",
        "OUTGATE_PORT_443_TCP_PROTO": "tcp",
        "OUTGATE_WEBHOOK_SERVICE_HOST": "10.0.0.2",
        "OUTGATE_WEBHOOK_PORT_53_UDP_ADDR": "10.0.0.2",
    }
    assert read(**environ) == Settings()


def test_other_variables_are_left_alone():
    assert read(OUTGATES="x", PATH="/bin", outgate_strict="false") == Settings()


def test_the_gate_has_a_name_a_namespace_and_labels():
    gate = read(
        "gate_name=edge", "gate_namespace=egress", 'gate_labels=app="gw", tier=1', "root_namespace=mesh",
        "gate_collapses=false",
    ).gate  # fmt: skip
    assert (gate.name, gate.namespace, gate.root_namespace, gate.collapses) == ("edge", "egress", "mesh", False)
    assert gate.labels == (("app", "gw"), ("tier", "1"))


def test_a_declared_workload_has_a_principal_once_all_parts_are_known():
    environ = {"OUTGATE_WORKLOAD_NAMESPACE": "prod", "OUTGATE_TRUST_DOMAIN": "corp"}
    assert read(**environ).workload == Identity("prod", how="declared")
    workload = read("workload_service_account=web", **environ).workload
    assert workload == Identity("prod", "web", "corp/ns/prod/sa/web", how="declared")


def test_without_a_trust_domain_the_principal_is_left_to_the_policy():
    """The documents may name a trust domain; a principal under another would match none of their rules."""
    workload = read("workload_namespace=prod", "workload_service_account=web").workload
    assert workload == Identity("prod", "web", "", how="declared")


def test_labels_alone_declare_a_workload():
    """A scope may select by labels: losing them would widen what the workload sees."""
    assert read("workload_labels=app=web").workload == Identity(labels=(("app", "web"),), how="declared")


def test_nothing_declared_is_nobody():
    assert read("trust_domain=corp").workload == Identity()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:15001", ("127.0.0.1", 15001)),
        (":0", ("", 0)),
        ("[::1]:80", ("::1", 80)),
        ("[::]:65535", ("::", 65535)),
    ],
)
def test_an_address_is_read(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "80", "host", "host:", "h:65536", "h:-1", "h:²", "h:000080", "::1:80", "[h]:80", "a/b:80"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(SettingsError, match=r"is not an address; write ADDR:PORT"):
        parse_address(text)


def test_an_endpoint_is_an_address_a_socket_or_nothing():
    for text in ("127.0.0.1:1", "unix:/a", ""):
        assert parse_endpoint(text) == text
    for text in ("unix:", "/a", "a"):
        with pytest.raises(SettingsError):
            parse_endpoint(text)


def test_what_is_bounded_for_the_gate_is_divided_among_its_workers():
    settings = Settings(limits=Limits(connections=10))
    assert shared(settings, 4).limits.connections == 3
    assert shared(settings, 100).limits.connections == 1
    assert replace(shared(settings, 4), limits=settings.limits) == settings


@pytest.mark.parametrize("text", ["0", "-1", "two"])
def test_there_is_at_least_one_worker(text):
    with pytest.raises(SettingsError, match="a whole number, 1 or more"):
        read_settings({}, [f"workers={text}"], {})


@pytest.mark.parametrize("admin", ["127.0.0.1:0", ":0"])
def test_workers_have_to_know_the_admin_port(admin):
    with pytest.raises(SettingsError, match="name the admin port"):
        read(f"admin={admin}", "workers=2")
    assert read(f"admin={admin}").admin_ports == frozenset()


@pytest.mark.parametrize(
    ("admin", "ports"), [("127.0.0.1:15000", {15000}), ("[::1]:2", {2}), ("unix:/run/admin.sock", set()), ("", set())]
)
def test_the_admin_port_is_told_where_there_is_one(admin, ports):
    assert read(f"admin={admin}", "workers=2").admin_ports == ports


def test_the_metrics_listener_has_an_address_or_none():
    assert read().metrics == ""
    assert read("metrics=:15020").own_ports == {15000, 15020}
    assert read("metrics=").own_ports == {15000}
    with pytest.raises(SettingsError, match="name the metrics port"):
        read("metrics=:0", "workers=2")
    with pytest.raises(SettingsError, match="write ADDR:PORT, or nothing"):
        read("metrics=unix:/run/metrics.sock")


def test_who_metrics_name_as_the_source():
    assert read().metrics_source is MetricsSource.CALLER
    assert read("metrics_source=gate").metrics_source is MetricsSource.GATE
    with pytest.raises(SettingsError, match="one of caller, gate"):
        read("metrics_source=else")
