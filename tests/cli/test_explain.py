"""`explain` gives the verdict of the data plane, with the document behind every step, and what would happen next."""

import json

import pytest

POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: mesh}
    spec: {mode: REGISTRY_ONLY}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: open}
    spec:
      hosts: [open.example, "*.open.example"]
      ports:
        - {number: 443, protocol: HTTPS}
        - {number: 50051, protocol: GRPC}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: shut}
    spec:
      hosts: [shut.example]
      ports: [{number: 443, protocol: TLS, intercept: TUNNEL}]
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: database}
    spec:
      hosts: [db.example]
      addresses: [192.0.2.0/28]
      ports: [{number: 5432, protocol: TCP}]
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: pool}
    spec:
      hosts: [pool.example]
      ports: [{number: 80, protocol: HTTP}]
      resolution: STATIC
      endpoints: [{address: 192.0.2.10, port: 8080, weight: 3}, {address: 192.0.2.11}]
"""
PARTNER = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: partner}
    spec:
      hosts: [partner.example]
      ports:
        - number: 80
          protocol: HTTP
          upstream:
            port: 443
            tls:
              mode: MUTUAL
              clientCertificate: partner.crt
              privateKey: partner.key
              caCertificates: ca.crt
              sni: api.partner.example
              subjectAltNames: [{kind: URI, value: "spiffe://partner/api"}]
      headers:
        set: [{name: x-api-key, value: hunter2}]
        setFromFile: [{name: authorization, file: token}]
"""
ACCESS = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressAccess
    metadata: {name: readers}
    spec:
      action: ALLOW
      rules:
        - from: {serviceAccounts: [prod/web]}
          to: {methods: [GET], paths: [/v1/*]}
        - from: {ipBlocks: [198.51.100.0/24]}
        - to: {headers: {x-key: [hunter2]}}
"""
OPEN_TO_ALL = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: mesh}
    spec: {mode: ALLOW_ANY, unregisteredTLS: DECRYPT}
"""
SHADOW = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressAccess
    metadata: {name: strict}
    spec: {action: DENY, shadow: true, rules: [{to: {methods: [GET]}}]}
"""


@pytest.fixture
def gate(terminal):
    terminal.write("policy/a.yaml", POLICY)
    return terminal


def sections(text: str) -> dict[str, list[str]]:
    """The lines of an explanation by their title; the verdict's is empty."""
    verdict, *parts = text.strip().split("\n\n")
    told = {part.splitlines()[0]: part.splitlines()[1:] for part in parts}
    return {title: [" ".join(line.split()) for line in lines] for title, lines in {"": [verdict], **told}.items()}


def test_an_allowed_request_names_document_file_and_line(gate):
    result = gate.run("explain", "GET", "https://open.example/", "--as", "prod/web")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == (
        "ALLOW registered: open.example:443 is registered  [EgressDestination default/open (policy/a.yaml:12:7)]"
    )
    steps = sections(result.stdout)["steps"]
    assert steps[0].startswith("1. cluster.local/ns/prod/sa/web is in namespace prod")
    assert "2. the mode is REGISTRY_ONLY [EgressDefaults default/mesh (policy/a.yaml:4:14)]" in steps
    assert any("of open [EgressDestination default/open (policy/a.yaml:6:1)]" in step for step in steps)


def test_a_denied_request_exits_1_with_the_answer_of_the_gate(gate):
    result = gate.run("explain", "GET", "https://other.example/")
    assert result.exit_code == 1
    told = sections(result.stdout)
    (line,) = told[""]
    assert line.startswith(
        "DENY unregistered: other.example:443 is not registered [EgressDefaults default/mesh (policy/"
    )
    assert told["answer"] == [
        "status HTTP 502",
        "code unregistered",
        "condition the client trusts the gate's CA; else its handshake fails",
    ]
    assert "upstream" not in told


def test_the_nearest_document_is_named_in_a_denial(gate):
    result = gate.run("explain", "GET", "http://open.example/")
    assert result.stdout.splitlines()[0] == (
        "DENY port_unregistered: open.example is registered for port 443, 50051, not 80  "
        "[EgressDestination default/open (policy/a.yaml:6:1)]"
    )


def test_upstream_says_what_is_dialled_and_who_must_answer(gate):
    told = sections(gate.run("explain", "GET", "https://x.open.example/").stdout)
    assert told["request"] == ["TLS decrypted, so that the request inside is judged"]
    assert told["upstream"] == [
        "dials x.open.example port 443, resolved by the gate",
        "within 10 s for each address",
        "TLS started by the gate",
        "SNI x.open.example",
        "accepts DNS x.open.example",
        "CA the system's roots",
    ]


def test_upstream_names_the_identity_and_never_a_secret(gate):
    for name in ("partner.crt", "partner.key", "ca.crt", "token"):
        gate.write(f"policy/{name}", "hunter3")
    gate.write("policy/b.yaml", PARTNER)
    result = gate.run("explain", "GET", "http://partner.example/")
    root = gate.path / "policy"
    assert sections(result.stdout)["upstream"] == [
        "dials partner.example port 443, resolved by the gate",
        "within 10 s for each address",
        "TLS mutual, started by the gate",
        "SNI api.partner.example",
        "accepts URI spiffe://partner/api",
        f"CA {root}/ca.crt",
        f"certificate {root}/partner.crt",
        "header x-api-key, set to what the document says",
        f"header authorization, set from {root}/token",
    ]
    assert "hunter" not in result.stdout + gate.run("explain", "GET", "http://partner.example/", "-o", "json").stdout


def test_endpoints_are_listed(gate):
    told = sections(gate.run("explain", "GET", "http://pool.example/").stdout)
    assert told["upstream"][:3] == [
        "dials one of 2 endpoints, for pool.example",
        "endpoint 192.0.2.10 port 8080 (weight 3)",
        "endpoint 192.0.2.11 port 80",
    ]
    assert told["upstream"][-1] == "TLS none: the gate adds none"


def test_tunnelled_tls_is_judged_by_its_server_name(gate):
    result = gate.run("explain", "GET", "https://shut.example/any")
    told = sections(result.stdout)
    assert result.exit_code == 0
    assert told["request"] == ["TLS left to the workload and its server; only the server name is seen"]
    assert told["upstream"][-1] == "TLS the workload's own, untouched"


def test_a_tunnel_to_what_is_decrypted_is_refused_and_can_be_told_nothing(gate):
    result = gate.run("explain", "-", "tls://open.example:443")
    assert result.exit_code == 1
    assert result.stdout.startswith("DENY protocol_mismatch: ")
    assert sections(result.stdout)["answer"] == ["connection reset: nothing can be told inside it"]


def test_what_is_decrypted_cannot_be_passed_in_any_mode_where_it_is_no_http(gate):
    gate.write("policy/b.yaml", OPEN_TO_ALL)
    result = gate.run("explain", "-", "tls://other.example:443", "--policy", "policy/b.yaml")
    assert result.exit_code == 1
    assert result.stdout.startswith("DENY protocol_unknown: other.example:443 is decrypted, ")


def test_a_proxy_refuses_a_hopeless_target_before_anything_is_said_inside(gate):
    asked = ("explain", "GET", "https://other.example/", "--header", "host=open.example", "--set")
    regular, socks = (gate.run(*asked, f"mode={mode}") for mode in ("regular", "socks5"))
    assert regular.stdout.startswith("DENY unregistered: other.example:443 is not registered")
    assert regular.exit_code == socks.exit_code == 1
    told = sections(regular.stdout)
    assert told["request"] == ["judged as the target that the proxy is told: nothing said later could change it"]
    assert told["answer"] == ["status HTTP 502", "code unregistered"]
    assert sections(socks.stdout)["answer"] == ["SOCKS reply 2, connection not allowed"]


def test_a_proxy_is_dialled_itself(gate):
    result = gate.run("explain", "GET", "https://open.example/", "--to", "192.0.2.7", "--set", "mode=regular")
    assert result.exit_code == 2
    assert "--to is for mode transparent" in result.stderr


def test_an_absolute_target_and_the_host_header_are_one(gate):
    asked = ("explain", "GET", "http://pool.example/", "--header", "host=open.example", "--set", "mode=regular")
    assert gate.run(*asked).stdout.startswith("DENY names_disagree: ")


def test_bytes_are_judged_by_the_address_they_go_to(gate):
    inside = gate.run("explain", "-", "tcp://db.example:5432", "--to", "192.0.2.7")
    outside = gate.run("explain", "-", "tcp://db.example:5432", "--to", "192.0.2.99")
    assert (inside.exit_code, outside.exit_code) == (0, 1)
    assert sections(inside.stdout)["request"] == [
        "judged as bytes: only TCP can go to port 5432, so nothing is read",
        "dialled 192.0.2.7, by the workload",
    ]


def test_a_grpc_call_is_told_so(gate):
    header = ("--header", "content-type=application/grpc")
    gate.write("policy/b.yaml", ACCESS)
    result = gate.run("explain", "POST", "http://open.example:50051/s/m", *header)
    assert result.exit_code == 1
    assert sections(result.stdout)["answer"] == ["status gRPC, as for HTTP 403", "code refused_by_rule"]


def test_who_calls_and_from_where_decides(gate):
    gate.write("policy/b.yaml", ACCESS)

    def code(*arguments: str) -> int:
        return gate.run("explain", "GET", "https://open.example/v1/x", *arguments).exit_code

    assert code() == 1
    assert code("--as", "prod/web") == 0
    assert code("--as", "prod/api") == 1
    assert code("--set", "workload_namespace=prod", "--set", "workload_service_account=web") == 0
    assert code("--as", "prod/api", "--set", "workload_service_account=web") == 1
    assert code("--from", "198.51.100.9") == 0
    assert code("--from", "203.0.113.9") == 1
    assert code("--header", "X-Key=hunter2") == 0
    assert code("--header", "x-key=other") == 1


def test_a_rule_that_refuses_is_named_with_its_line(gate):
    gate.write("policy/b.yaml", ACCESS)
    result = gate.run("explain", "POST", "https://open.example/v1/x", "--as", "prod/web")
    first = result.stdout.splitlines()[0]
    assert first.startswith("DENY refused_by_rule: ")
    assert "EgressAccess default/readers (policy/b.yaml:" in first
    assert any("policy/b.yaml:7:" in step for step in sections(result.stdout)["steps"])


REGION = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressAccess
    metadata: {name: own-region}
    spec: {action: ALLOW, to: {regions: [.]}}
"""


@pytest.mark.parametrize(("home", "verdict"), [("eu", "ALLOW registered: "), ("us", "DENY refused_by_rule: ")])
def test_the_region_of_a_destination_is_told(gate, home, verdict):
    gate.write("policy/a.yaml", POLICY.replace("hosts: [pool.example]", "hosts: [pool.example]\n      region: eu"))
    gate.write("policy/b.yaml", REGION)
    label = f"workload_labels=topology.kubernetes.io/region={home}"
    told = gate.run("explain", "GET", "http://pool.example/", "--set", label).stdout
    assert told.startswith(verdict)
    if home == "eu":
        assert "region eu" in sections(told)["upstream"]
    else:
        assert "; it is in the region eu" in told.splitlines()[0]
        assert any("not so: region is one of the caller's own" in step for step in sections(told)["steps"])


def test_observe_says_what_would_have_been(gate):
    gate.write("policy/a.yaml", POLICY.replace("REGISTRY_ONLY", "OBSERVE"))
    result = gate.run("explain", "GET", "http://other.example/", "--to", "203.0.113.7")
    assert result.exit_code == 0
    told = sections(result.stdout)
    assert told[""][0].startswith("ALLOW observed: ")
    (line,) = told["beside"]
    assert line.startswith("would be DENY unregistered: other.example:80 is not registered [EgressDefaults default/")
    assert "dials 203.0.113.7 port 80" in told["upstream"]


def test_dry_run_verdicts_stand_beside(gate):
    gate.write("policy/b.yaml", SHADOW)
    result = gate.run("explain", "GET", "https://open.example/")
    assert result.exit_code == 0
    (line,) = sections(result.stdout)["beside"]
    assert line.startswith("dry run DENY [EgressAccess default/strict (policy/b.yaml:")


def test_what_is_no_request_is_denied_before_the_policy_is_asked(gate):
    result = gate.run("explain", "GET", "https://open.example/", "--header", "Host=other.example")
    assert result.exit_code == 1
    told = sections(result.stdout)
    assert told[""][0].startswith("DENY names_disagree: ")
    assert told["request"] == ["judged before the policy is asked: no gate passes this on"]
    assert told["answer"][0] == "status HTTP 421"


TRAFFIC = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressTraffic
    metadata: {name: pool}
    spec:
      destination: pool
      limits: {connections: 5}
      balancing: {balancer: RING_HASH, hash: [{on: header, name: x-user}]}
      outliers: {consecutive5xx: 3, maximumPercent: 50}
      healthChecks: [{probe: tcp, interval: 9s}]
      panicPercent: 50
      proxyProtocol: 2
      routes:
        - name: old
          match: {path: {prefix: /old/}}
          redirect: {prefix: /new/}
        - {match: {path: {exact: /off}}, answer: {status: 503, body: gone}}
        - match: {path: {prefix: /new/}}
          timeout: 3s
          idleTimeout: 4s
          maximumDuration: 5s
          retries: {attempts: 2, on: reset, statuses: 503, perTryTimeout: 1s}
          rewrite: {prefix: /v2/, authority: b.example}
          requestHeaders: {set: {x-key: hunter2}, add: {x-b: a}, remove: [x-a]}
          faults: [{delay: {duration: 1s, percent: 5}, abort: {status: 503}, from: {namespaces: prod}}]
          mirrors: [{destination: open, port: 443, percent: 10}]
          rateLimits: [{name: a, tokens: 9, interval: 1s, by: caller}]
          to: [{destination: pool, weight: 3}, {destination: open, port: 443}]
"""


def routed(gate, path: str) -> tuple[int, dict[str, list[str]]]:
    gate.write("policy/t.yaml", TRAFFIC)
    result = gate.run("explain", "GET", f"http://pool.example{path}")
    assert "hunter2" not in result.stdout
    return result.exit_code, sections(result.stdout)


def test_a_route_is_told_with_all_that_it_does(gate):
    code, told = routed(gate, "/new/a?q")
    where = "EgressTraffic default/pool (policy/t.yaml"
    assert code == 0
    assert told["route"] == [
        "taken [EgressTraffic default/pool (policy/t.yaml:17:7)]",
        "sends 75 % to EgressDestination/default/pool: pool.example port 80",
        "sends 25 % to EgressDestination/default/open: open.example port 443",
        "path is sent as /v2/a?q",
        "authority is sent as b.example",
        "request removes x-a; sets x-key; adds x-b",
        "timeout 3 s for the whole answer",
        "idle 4 s without a byte",
        "duration 5 s at most",
        "retries 2 at most, on reset, retriable-status-codes (503), each within 1 s",
        "mirror 10 % to EgressDestination/default/open: open.example port 443",
        f"fault 5 % delayed by 1 s, 100 % answered with 503 of those whose namespace is one of prod [{where}:24:16)]",
        f"rate limit 9 requests, then 9 each 1 s, of this gate, for each caller; beyond it HTTP 429 [{where}:26:20)]",
    ]


def test_the_routes_that_were_looked_at_are_steps(gate):
    _, told = routed(gate, "/new/a")
    assert [step.split(". ", 1)[1].partition(" [")[0] for step in told["steps"][-3:]] == [
        "the route old does not take it, for its path",
        "a route does not take it, for its path",
        "a route takes it",
    ]


def test_what_holds_for_the_origin_is_told(gate):
    _, told = routed(gate, "/new/a")
    assert told["origin"] == [
        "said by [EgressTraffic default/pool (policy/t.yaml:1:1)]",
        "balancing RING_HASH by header x-user",
        "limits at most 5 connections",
        "ejection after 3 5xx in a row, for 30 s and longer, 50 % of endpoints at most",
        "health tcp every 9 s",
        "panic below 50 % of healthy endpoints",
        "begins with PROXY protocol, version 2",
    ]


TUNNEL = """
    apiVersion: networking.istio.io/v1
    kind: ServiceEntry
    metadata: {name: far}
    spec:
      hosts: [far.example]
      addresses: [203.0.113.9]
      ports: [{number: 5432, name: tcp, protocol: TCP}]
      resolution: DNS
    ---
    apiVersion: networking.istio.io/v1
    kind: ServiceEntry
    metadata: {name: db}
    spec: {hosts: [db.example], ports: [{number: 5433, name: tcp, protocol: TLS}], resolution: DNS}
    ---
    apiVersion: networking.istio.io/v1
    kind: DestinationRule
    metadata: {name: far}
    spec: {host: far.example, trafficPolicy: {tls: {mode: SIMPLE}, tunnel: {targetHost: db.example, targetPort: 5433}}}
"""


def test_a_tunnel_through_the_origin_is_told(gate):
    gate.write("policy/t.yaml", TUNNEL)
    result = gate.run("explain", "-", "tcp://far.example:5432", "--to", "203.0.113.9")
    assert result.exit_code == 0, result.stderr
    told = sections(result.stdout)["upstream"]
    assert told[:2] == [
        "dials far.example port 5432, resolved by the gate",
        "tunnel a proxy, which is asked for db.example port 5433, by TLS",
    ]


def test_an_answer_of_the_gates_own_leaves_nothing(gate):
    for path, answer in (("/old/a?q", "HTTP 301 to http://pool.example/new/a?q"), ("/off", "HTTP 503 with 4 bytes")):
        code, told = routed(gate, path)
        assert (code, told["route"][1]) == (0, f"answers {answer}")
        assert not told.keys() & {"upstream", "origin"}


def test_what_no_route_takes_is_not_found(gate):
    code, told = routed(gate, "/else")
    assert (code, told["route"]) == (1, ["taken none: HTTP 404, and what is no HTTP is closed"])
    assert "upstream" not in told


def test_json_holds_the_route_and_no_header_values(gate):
    gate.write("policy/t.yaml", TRAFFIC)
    result = gate.run("explain", "GET", "http://pool.example/new/a", "-o", "json")
    route = json.loads(result.stdout)["route"]
    assert (route["timeout"], route["retry"]["on"]) == (3.0, ["reset", "retriable-status-codes"])
    assert route["request_headers"]["set"] == [["x-key", "[redacted]"]]
    assert "hunter2" not in result.stdout


def test_json_holds_decision_steps_upstream_and_no_headers(gate):
    arguments = ("https://open.example/", "--as", "prod/web", "--header", "authorization=hunter2", "-o", "json")
    result = gate.run("explain", "GET", *arguments)
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (told["decision"]["verdict"], told["decision"]["code"]) == ("allow", "registered")
    assert told["decision"]["source"]["where"] == {"file": "policy/a.yaml", "line": 12, "column": 7}
    assert told["steps"][1]["source"]["name"] == "mesh"
    assert (told["tls"], told["attempt"]["kind"], told["attempt"]["path"]) == ("DECRYPT", "http", "/")
    assert told["upstream"]["host"] == "open.example"
    assert "hunter2" not in result.stdout
    assert "answer" not in told


def test_json_of_a_denial_holds_the_answer(gate):
    result = gate.run("explain", "GET", "http://other.example/", "-o", "json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["answer"] == {"status": "HTTP 502", "code": "unregistered"}
    assert (told["tls"], "upstream" in told) == (None, False)


def test_a_policy_that_cannot_be_used_gives_no_verdict(gate):
    gate.write("policy/b.yaml", "kind: [")
    result = gate.run("explain", "GET", "https://open.example/")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("policy/b.yaml:1:")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("GET", "open.example"), "is not a URL"),
        (("GET", "tcp://open.example"), "needs a port"),
        (("GET", "http://a.example", "--as", "web"), ""),
        (("GET", "http://a.example", "--as", "prod/"), "is not NAMESPACE/SERVICEACCOUNT"),
        (("GET", "http://a.example", "--as", "/web"), "is not NAMESPACE/SERVICEACCOUNT"),
        (("GET", "http://a.example", "--as", "a/b/c"), "is not NAMESPACE/SERVICEACCOUNT"),
        (("GET", "http://a.example", "--from", "here"), '"here" is not an IP address'),
        (("GET", "http://a.example", "--to", "10.1"), '"10.1" is not an IP address'),
        (("GET", "http://a.example", "--header", "x"), '"x" is not NAME=VALUE'),
        (("GET", "http://a.example", "--policy", "nowhere"), 'the policy "nowhere" does not exist'),
        (("GET",), "Missing argument 'URL'"),
    ],
)
def test_wrong_usage_says_what_to_write(gate, arguments, message):
    result = gate.run("explain", *arguments)
    assert result.exit_code == (2 if message else 1)
    assert message in result.stderr


def test_a_url_cannot_write_to_the_terminal(gate):
    result = gate.run("explain", "GET", "http://other.example/\x1b[2J")
    assert "\x1b" not in result.stdout


KEEPING = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressRedaction
    metadata: {name: people}
    spec:
      match: {hosts: ["*.example"], mediaTypes: [application/json, text/*]}
      rules: [{name: mails, detect: email}]
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressRedaction
    metadata: {name: strict}
    spec: {match: {hosts: [open.example]}, mode: ALLOW, defaults: false}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressCapture
    metadata: {name: some}
    spec: {folder: /var/captures, sampling: 5, denied: false}
"""


LIVE = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressRedaction
    metadata: {name: cards}
    spec:
      match: {hosts: [open.example, shut.example]}
      rules: [{name: cards, detect: card}, {name: pins, select: {key: pin code}}]
      inline: {action: MASK, direction: REQUEST, maxBody: 64Ki, forceSigned: true}
"""


class TestLive:
    def test_what_looks_at_live_messages_is_told_with_its_document(self, gate):
        gate.write("policy/k.yaml", LIVE)
        assert sections(gate.run("explain", "GET", "https://open.example/").stdout)["live"] == [
            (
                "mask the request by cards, pins, signed or not, up to 65536 bytes held back "
                "[EgressRedaction default/cards (policy/k.yaml:1:1)]"
            )
        ]
        (told,) = json.loads(gate.run("explain", "GET", "https://open.example/", "-o", "json").stdout)["live"]
        assert told["inline"]["max_body"] == 65536

    def test_where_nobody_can_look_it_is_denied_and_said_by_which_document(self, gate):
        gate.write("policy/k.yaml", LIVE)
        result = gate.run("explain", "GET", "https://shut.example/")
        assert result.exit_code == 1
        assert "redaction_refused" in result.stdout
        assert "EgressRedaction default/cards" in result.stdout
        assert "live" not in sections(result.stdout)


class TestKeeping:
    def test_what_is_replaced_and_recorded_is_told_with_its_documents(self, gate):
        gate.write("policy/k.yaml", KEEPING)
        result = gate.run("explain", "GET", "https://open.example/")
        people = (
            "mails, the rules that ship, where a body is application/json or text/* [EgressRedaction default/people"
        )
        assert sections(result.stdout)["keeping"] == [
            f"redacted by {people} (policy/k.yaml:1:1)]",
            "redacted by no rule, and all other text [EgressRedaction default/strict (policy/k.yaml:8:1)]",
            "captured 5 % of such, into /var/captures [EgressCapture default/some (policy/k.yaml:13:1)]",
        ]
        told = json.loads(gate.run("explain", "GET", "https://open.example/", "-o", "json").stdout)["keeping"]
        assert [each["name"] for each in told["redactions"]] == [
            "EgressRedaction/default/people",
            "EgressRedaction/default/strict",
        ]
        assert told["capture"]["folder"] == "/var/captures"

    def test_what_is_denied_is_seldom_recorded(self, gate):
        gate.write("policy/k.yaml", KEEPING)
        (line,) = sections(gate.run("explain", "GET", "https://other.example/").stdout)["keeping"]
        assert line.startswith("redacted by mails")

    def test_of_a_tunnel_there_is_nothing_to_replace(self, gate):
        gate.write("policy/k.yaml", KEEPING)
        (line,) = sections(gate.run("explain", "GET", "https://shut.example/").stdout)["keeping"]
        assert line.startswith("captured 5 %")
