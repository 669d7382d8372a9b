"""`outgate convert`: what is written, where, what is said of it, and the exit code."""

import pytest
import yaml

ISTIO = """
    apiVersion: networking.istio.io/v1
    kind: ServiceEntry
    metadata: {name: partner, namespace: shop}
    spec: {hosts: [api.partner.example], ports: [{number: 443, name: https, protocol: HTTPS}], resolution: DNS}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: defaults}
    spec: {mode: REGISTRY_ONLY}
"""
TELEMETRY = """
    apiVersion: telemetry.istio.io/v1
    kind: Telemetry
    metadata: {name: all, namespace: istio-system}
    spec: {accessLogging: [{providers: [{name: envoy}]}]}
"""
TWICE = """
    type: Mesh
    name: default
    networking: {outbound: {passthrough: false}}
    ---
    type: MeshExternalService
    name: partner
    mesh: default
    spec:
      match: {type: HostnameGenerator, port: 443, protocol: http}
      endpoints: [{address: partner.example, port: 443}]
    ---
    type: MeshTimeout
    name: short
    mesh: default
    spec:
      to:
      - targetRef: {kind: MeshExternalService, name: partner}
        default: {http: {requestTimeout: 1.5ms}}
"""


def test_documents_are_written_in_native_kinds_with_where_they_came_from(terminal):
    terminal.write("policy/a.yaml", ISTIO)
    result = terminal.run("convert", "policy")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "# from ServiceEntry shop/partner (policy/a.yaml:1)\n" in result.stdout
    defaults, partner, traffic = yaml.safe_load_all(result.stdout)
    assert defaults["spec"] == {"mode": "REGISTRY_ONLY"}
    assert partner["kind"] == "EgressDestination"
    assert partner["spec"]["hosts"] == ["api.partner.example"]
    assert traffic["spec"]["destination"] == "partner"


def test_what_is_written_is_a_policy(terminal):
    terminal.write("policy/a.yaml", ISTIO)
    written = terminal.run("convert", "policy", "--output", "native")
    assert written.exit_code == 0
    assert "written to native/outgate.yaml, 3 documents" in written.stderr
    for policy in ("policy", "native"):
        explained = terminal.run("explain", "--policy", policy, "GET", "https://api.partner.example/", "-o", "json")
        assert '"allow"' in explained.stdout


def test_nothing_is_written_over(terminal):
    terminal.write("policy/a.yaml", ISTIO)
    kept = terminal.write("native/outgate.yaml", "kept")
    result = terminal.run("convert", "policy", "--output", "native")
    assert result.exit_code == 2
    assert "native/outgate.yaml is there already; name another directory" in result.stderr
    assert kept.read_text() == "kept"


def test_a_directory_that_cannot_be_made_is_told(terminal):
    terminal.write("policy/a.yaml", ISTIO)
    terminal.write("native", "a file")
    result = terminal.run("convert", "policy", "--output", "native/below")
    assert (result.exit_code, "native/below/outgate.yaml cannot be written" in result.stderr) == (2, True)


def test_what_has_no_native_form_is_told_with_its_place_and_nothing_is_written(terminal):
    terminal.write("policy/a.yaml", TWICE)
    result = terminal.run("convert", "policy", "--output", "native")
    assert result.exit_code == 1
    assert result.stderr == (
        "policy/a.yaml:17:5: spec.to[0]: MeshTimeout short has no native form: 0.0015s is finer than a millisecond; "
        "use whole milliseconds\n"
    )
    assert result.stdout == ""
    assert not (terminal.path / "native").exists()


def test_telemetry_of_a_mesh_is_told_to_be_left_out(terminal):
    terminal.write("policy/a.yaml", ISTIO)
    terminal.write("policy/b.yaml", TELEMETRY)
    result = terminal.run("convert", "policy", "--lenient")
    assert result.exit_code == 0
    assert "policy/b.yaml:4:24: warning: Telemetry all: telemetry is not converted; write an EgressTelemetry" in (
        result.stderr
    )


def test_fields_without_effect_are_told_to_be_left_out(terminal):
    terminal.write("policy/a.yaml", ISTIO.replace("resolution: DNS", "resolution: DNS, location: MESH_EXTERNAL"))
    result = terminal.run("convert", "policy")
    assert result.exit_code == 0
    assert all(": left out: ServiceEntry spec." in each for each in result.stderr.splitlines())


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("kind: [", 1, "policy/a.yaml:"),
        ("kind: Nothing", 1, "policy/a.yaml:1:1: "),
        ("", 2, "there is no document in policy"),
    ],
)
def test_documents_that_cannot_be_used_are_told(terminal, text, code, said):
    terminal.write("policy/a.yaml", text)
    result = terminal.run("convert", "policy")
    assert result.exit_code == code
    assert said in result.stderr
    assert result.stdout == ""
