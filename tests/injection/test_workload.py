"""The workload's own containers: what they say for themselves stays, and what was added goes again."""

from __future__ import annotations

from outgate.injection import workload
from outgate.injection.settings import Mode, Settings

TOLD = {"SSL_CERT_FILE": "/t/ca-bundle.pem", "PIP_CERT": "/t/ca-bundle.pem"}
BUSY = {
    "name": "main",
    "env": [{"name": "SSL_CERT_FILE", "value": "/own"}],
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
}


def test_what_a_container_sets_itself_stays():
    made = workload.trusting(BUSY, TOLD, "/t")
    assert made["env"] == [*BUSY["env"], {"name": "PIP_CERT", "value": "/t/ca-bundle.pem"}]
    assert made["volumeMounts"] == [
        *BUSY["volumeMounts"],
        {"name": "outgate-trust", "mountPath": "/t", "readOnly": True},
    ]
    assert workload.left(BUSY, TOLD) == ["SSL_CERT_FILE"]


def test_what_was_added_goes_and_what_was_changed_since_stays():
    made = workload.trusting(BUSY, TOLD, "/t")
    made["env"][1] = {"name": "PIP_CERT", "value": "/changed"}
    assert workload.without(made, TOLD) == BUSY | {"env": made["env"]}


def test_programs_are_pointed_at_the_bundle_and_in_regular_mode_at_the_gate():
    plain = workload.variables("/t", "")
    assert plain["SSL_CERT_FILE"] == "/t/ca-bundle.pem"
    assert plain["NODE_EXTRA_CA_CERTS"] == "/t/outgate-ca.pem"
    assert "/t/truststore.p12" in plain["JAVA_TOOL_OPTIONS"]
    assert not {"https_proxy", "HTTPS_PROXY"} & plain.keys()
    asked = workload.variables("/t", workload.proxy(Settings(mode=Mode.REGULAR, listen_port=16001)))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        assert asked[name] == "http://127.0.0.1:16001"
    assert asked["no_proxy"] == asked["NO_PROXY"] == "localhost,127.0.0.1,::1"
    assert workload.proxy(Settings()) == ""
