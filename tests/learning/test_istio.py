"""Services in Istio's kinds: an entry that Istio accepts, and a rule where the gate starts TLS."""

import pytest

from outgate.learning.istio import callers, documents
from outgate.learning.services import Port, Service
from outgate.policy.model import Protocol


def service(*ports, hosts=("a.example",), **facts):
    return Service("a-example", hosts, tuple(Port(*port) for port in ports), (), **facts)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (service((443, Protocol.HTTPS)), ("MESH_EXTERNAL", "DNS", ["a.example"])),
        (service((443, Protocol.TLS, True), hosts=("*.a.example",)), ("MESH_EXTERNAL", "DYNAMIC_DNS", ["*.a.example"])),
        (service((80, Protocol.HTTP), internal=True), ("MESH_INTERNAL", "DNS", ["a.example"])),
        (
            service((5432, Protocol.TCP, True), hosts=("192.0.2.7",), addresses=True),
            ("MESH_EXTERNAL", "NONE", ["a-example.invalid"]),
        ),
    ],
)
def test_an_entry(made, told):
    (entry,) = documents(made)
    assert (entry["spec"]["location"], entry["spec"]["resolution"], entry["spec"]["hosts"]) == told


def test_tls_that_the_gate_starts_is_a_rule_for_each_host():
    entry, *rules = documents(service((80, Protocol.HTTP, False, 443), hosts=("a.example", "b.example")))
    assert entry["spec"]["ports"] == [{"number": 80, "name": "http-80", "protocol": "HTTP", "targetPort": 443}]
    assert [rule["spec"]["host"] for rule in rules] == ["a.example", "b.example"]
    assert len({rule["metadata"]["name"] for rule in rules}) == 2
    levels = rules[0]["spec"]["trafficPolicy"]["portLevelSettings"]
    assert levels == [{"port": {"number": 80}, "tls": {"mode": "SIMPLE"}}]


def test_server_names_are_conditions_of_a_rule():
    made = callers([service((443, Protocol.TLS, True), callers=frozenset({"prod/web"}))], "istio-system")
    assert made["metadata"]["namespace"] == "istio-system"
    assert made["spec"]["rules"] == [
        {
            "from": [{"source": {"serviceAccounts": ["prod/web"]}}],
            "to": [{"operation": {"ports": ["443"]}}],
            "when": [{"key": "connection.sni", "values": ["a.example"]}],
        }
    ]
