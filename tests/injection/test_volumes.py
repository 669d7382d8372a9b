"""What the injected containers mount: nothing is mounted that is not there, and no key is among what workloads see."""

from __future__ import annotations

import re

import pytest

from injection.podded import PLAIN
from outgate.injection import names, pods
from outgate.injection.settings import Authority, Form, Mode, Mounted, Settings, Trust
from outgate.injection.volumes import volumes

AUTHORITY = Authority("own-ca", "ca.crt", "ca.key")
SORTS = [
    Settings(),
    Settings(mode=Mode.REGULAR),
    Settings(sidecar=Form.CLASSIC, policy=("a", "b")),
    Settings(trust=Trust(config_map="roots")),
    Settings(token=True, policy=()),
    Settings(trust=Trust(also_trusted="next"), secrets=(Mounted("s", "/s", optional=True), Mounted("t", "/t"))),
]


def named(settings):
    return {each["name"]: each for each in volumes(settings)}


@pytest.mark.parametrize("settings", SORTS, ids=range(len(SORTS)))
def test_each_volume_is_mounted_and_each_mount_is_there(settings):
    spec = pods.inject(PLAIN, settings)[0]["spec"]
    mounted = {
        mount["name"]
        for kind in ("initContainers", "containers")
        for each in spec[kind]
        for mount in each["volumeMounts"]
    }
    assert mounted == {each["name"] for each in spec["volumes"]}
    assert all(names.VOLUME.fullmatch(name) for name in mounted)
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name) for name in mounted)


@pytest.mark.parametrize("settings", SORTS, ids=range(len(SORTS)))
def test_workloads_see_certificates_and_no_key(settings):
    spec = pods.inject(PLAIN, settings)[0]["spec"]
    (main,) = [each for each in spec["containers"] if each["name"] == "main"]
    assert main["volumeMounts"] == [{"name": "outgate-trust", "mountPath": "/etc/outgate/trust", "readOnly": True}]
    assert "tls.key" not in str(named(settings)["outgate-trust"])


def test_the_authority_is_where_the_gate_looks_and_of_its_group_alone():
    assert named(Settings(authority=AUTHORITY))["outgate-ca"]["secret"] == {
        "secretName": "own-ca",
        "items": [{"key": "ca.crt", "path": "outgate-ca.crt"}, {"key": "ca.key", "path": "outgate-ca.key"}],
        "defaultMode": 0o440,
    }


def test_the_bundle_is_made_of_certificates_alone():
    sources = named(Settings(authority=AUTHORITY, trust=Trust(also_trusted="next")))["outgate-authority"]["projected"]
    assert sources["sources"] == [
        {"secret": {"name": "own-ca", "items": [{"key": "ca.crt", "path": "outgate-ca.crt"}]}},
        {
            "configMap": {
                "name": "next",
                "items": [{"key": "ca.crt", "path": "also-trusted.crt"}],
                "optional": True,
            }
        },
    ]


def test_a_bundle_that_is_there_already_is_mounted_as_it_is():
    (source,) = named(Settings(trust=Trust(config_map="roots")))["outgate-trust"]["projected"]["sources"]
    assert source["configMap"]["name"] == "roots"
    assert {each["key"] for each in source["configMap"]["items"]} == {
        "ca-bundle.pem",
        "outgate-ca.pem",
        "truststore.p12",
    }


def test_secrets_may_be_missing_where_that_was_said():
    found = named(Settings(secrets=(Mounted("s", "/s", optional=True), Mounted("t", "/t"))))
    assert found["outgate-secret-0"]["secret"] == {"secretName": "s", "defaultMode": 0o440, "optional": True}
    assert found["outgate-secret-1"]["secret"] == {"secretName": "t", "defaultMode": 0o440}


def test_the_token_is_mounted_as_kubernetes_mounts_it_and_for_the_gate_alone():
    (volume,) = (each for each in volumes(Settings(token=True)) if each["name"] == "outgate-token")
    paths = [
        path for source in volume["projected"]["sources"] for path in re.findall(r"'path': '([\w.]+)'", str(source))
    ]
    assert paths == ["token", "ca.crt", "namespace"]
    spec = pods.inject(PLAIN, Settings(token=True))[0]["spec"]
    holding = [
        each["name"]
        for kind in ("initContainers", "containers")
        for each in spec[kind]
        if "outgate-token" in [mount["name"] for mount in each["volumeMounts"]]
    ]
    assert holding == ["outgate"]
