"""Routes and rules are shown as the data plane reads them: what a caller sees, and nothing that is secret."""

import pytest

from outgate.policy.compile import compile as compile_policy
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.model import Identity
from outgate.policy.views import routes, rules

POLICY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: mesh}
spec: {mode: REGISTRY_ONLY, denyStatus: 403}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: open}
spec:
  hosts: [open.example, "*.open.example"]
  ports:
    - {number: 443, protocol: HTTPS}
    - {number: 80, protocol: HTTP, upstream: {port: 443, protocol: HTTPS}}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: database, namespace: data}
spec:
  addresses: [192.0.2.0/28]
  exportTo: ["."]
  ports: [{number: 5432, protocol: TCP}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: pool}
spec:
  hosts: [pool.example]
  expires: 2020-01-01
  endpoints: [{address: 198.51.100.1, port: 8443}, {address: 198.51.100.2}]
  ports: [{number: 443, protocol: TLS}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {name: readers}
spec:
  action: ALLOW
  rules:
    - from: {serviceAccounts: [prod/web]}
      to: {methods: [GET], headers: {x-key: [hunter2]}}
    - from: {ipBlocks: [198.51.100.0/24]}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {name: not-batch}
spec: {action: DENY, shadow: true, from: [{namespaces: [batch]}], to: [{ports: [443]}]}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {name: all-but-web}
spec: {action: DENY, from: [{notServiceAccounts: [prod/web]}], to: [{hosts: [open.example]}]}
"""


@pytest.fixture(scope="module")
def policy():
    return compile_policy(parse(POLICY, "policy.yaml"), Setting())


def test_every_host_and_port_says_where_it_leads(policy):
    found = [
        (row["match"], row["port"], row["seen"], row["leads_to"], row["tls"], row["expired"])
        for row in routes(policy)["routes"]
    ]
    assert found == [
        ("open.example", 443, "requests", "the name asked for, port 443", "simple", False),
        ("open.example", 80, "requests", "the name asked for, port 443", "simple", False),
        ("*.open.example", 443, "requests", "the name asked for, port 443", "simple", False),
        ("*.open.example", 80, "requests", "the name asked for, port 443", "simple", False),
        ("192.0.2.0/28", 5432, "bytes", "the address dialled, port 5432", "none", False),
        ("pool.example", 443, "server name", "198.51.100.1:8443, 198.51.100.2:443", "the workload's", True),
    ]


def test_what_is_in_no_route_is_told_of(policy):
    told = routes(policy)
    assert (told["mode"], told["otherwise"], told["namespace"]) == ("REGISTRY_ONLY", "denied with 403", None)
    assert told["source"]["where"]["line"] == 5


def test_a_caller_has_the_routes_that_it_sees(policy):
    def seen(namespace):
        return {row["destination"].rpartition("/")[2] for row in routes(policy, Identity(namespace))["routes"]}

    assert seen("prod") == {"open", "pool"}
    assert seen("data") == {"open", "pool", "database"}
    assert routes(policy, Identity("data"))["namespace"] == "data"


def test_rules_are_told_in_words_and_without_the_values_of_headers(policy):
    told = {rule["name"]: rule for rule in rules(policy)}
    assert told["readers"]["rules"] == [
        "from service_account is one of prod/web; to method is one of GET and header[x-key] is one of [redacted]",
        "from source_ip is one of 198.51.100.0/24",
    ]
    assert (told["not-batch"]["action"], told["not-batch"]["dry_run"]) == ("DENY", True)
    assert told["readers"]["source"]["where"]["file"] == "policy.yaml"
    assert "hunter2" not in str(told)


@pytest.mark.parametrize(
    ("caller", "names"),
    [
        (Identity("prod", "web"), {"readers"}),
        (Identity("batch", "jobs"), {"readers", "not-batch", "all-but-web"}),
        (Identity("other", "one"), {"readers", "all-but-web"}),
        (Identity(), {"readers", "not-batch", "all-but-web"}),
    ],
)
def test_a_caller_is_concerned_by_what_does_not_exclude_it(policy, caller, names):
    """The second rule of `readers` is about an address, which everybody may have; a DENY denies who is not known."""
    assert {rule["name"] for rule in rules(policy, caller)} == names
