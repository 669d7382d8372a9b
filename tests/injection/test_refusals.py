"""Pods that could pass by the gate, or that it cannot stand beside: each is refused with its reason, and others not."""

from __future__ import annotations

import pytest

from injection.podded import container, pod
from outgate.injection import pods
from outgate.injection.annotations import Refusal
from outgate.injection.refusals import MESHES, POWERS, REASONS
from outgate.injection.settings import Authority, Form, Mode, Mounted, Settings, Unconfined

SETTINGS = Settings()
PARTNER = Settings(authority=Authority("own-ca"), secrets=(Mounted("partner", "/etc/partner"),))


def warned(given, settings=SETTINGS):
    return pods.inject(given, settings)[1]


def projected(name):
    return pod({"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {}}, {"secret": {"name": name}}]}}]})


def secured(**context):
    return container(securityContext=context)


REFUSED = [
    (pod({"os": {"name": "windows"}}), SETTINGS, "a Windows pod cannot be held"),
    (pod({"nodeSelector": {"beta.kubernetes.io/os": "windows"}}), SETTINGS, "a Windows pod cannot be held"),
    (pod({"hostNetwork": True}), SETTINGS, "it shares the host's network"),
    (pod({"hostPID": True}), SETTINGS, "it shares the host's processes"),
    (pod({"shareProcessNamespace": True}), SETTINGS, "its containers share processes"),
    *(
        (pod({"volumes": [{"name": "v", "hostPath": {"path": path}}]}), SETTINGS, f"volume v is {path} of the node")
        for path in ("/", "//", "/var", "/var/lib/kubelet/pods", "//run/containerd", "/var/log/../lib/docker", "/proc")
    ),
    (pod({"dnsConfig": {"nameservers": ["203.0.113.9"]}}), SETTINGS, "it names resolvers of its own"),
    (
        container(livenessProbe={"httpGet": {"host": "x.example", "port": 80}}),
        SETTINGS,
        "the livenessProbe of container main is asked at x.example, from the node",
    ),
    (
        container(lifecycle={"postStart": {"tcpSocket": {"host": "169.254.169.254", "port": 80}}}),
        SETTINGS,
        "the postStart of container main is asked at 169.254.169.254",
    ),
    (secured(runAsUser=1337), SETTINGS, "container main runs as uid 1337, which is the gate's"),
    (pod({"securityContext": {"runAsUser": 1500}}), Settings(uid=1500), "container main runs as uid 1500"),
    (pod({"initContainers": [{"name": "i", "securityContext": {"runAsUser": 1337}}]}), SETTINGS, "container i runs as"),
    (secured(privileged=True), SETTINGS, "container main is privileged"),
    (secured(capabilities={"add": ["cap_net_admin"]}), SETTINGS, "container main has NET_ADMIN"),
    (
        pod({"ephemeralContainers": [{"name": "d", "securityContext": {"privileged": True}}]}),
        SETTINGS,
        "container d is",
    ),
    (pod({"ephemeralContainers": [{"name": "d", "targetContainerName": "outgate"}]}), SETTINGS, "shares the processes"),
    (container(ports=[{"containerPort": 15090}]), SETTINGS, "container main listens on 15090, which is the gate's"),
    (container(ports=[{"containerPort": 15053}]), Settings(dns=True), "container main listens on 15053"),
    (pod({"volumes": [{"name": "outgate-policy-7"}]}), SETTINGS, "a volume is called outgate-policy-7 already"),
    (pod({"initContainers": [{"name": "outgate-trust"}]}), SETTINGS, "a container is called outgate-trust already"),
    (container(volumeMounts=[{"name": "outgate-ca", "mountPath": "/a"}]), SETTINGS, "mounts outgate-ca, which is the"),
    (container(volumeMounts=[{"name": "v", "mountPath": "/etc/outgate/trust/"}]), SETTINGS, "mount it elsewhere"),
    (
        pod({"volumes": [{"name": "v", "secret": {"secretName": "own-ca"}}]}),
        PARTNER,
        "volume v shows the Secret own-ca",
    ),
    (projected("partner"), PARTNER, "volume v shows the Secret partner, which is the gate's alone"),
    (container(envFrom=[{"secretRef": {"name": "partner"}}]), PARTNER, "container main reads the Secret partner"),
    (
        container(env=[{"name": "K", "valueFrom": {"secretKeyRef": {"name": "own-ca", "key": "tls.key"}}}]),
        PARTNER,
        "container main reads the Secret own-ca",
    ),
    (pod({"restartPolicy": "Never"}), Settings(sidecar=Form.CLASSIC), "with restartPolicy Never the pod ends"),
    *(
        (pod({"initContainers": [{"name": name}]}), SETTINGS, f"container {name} is {mesh}'s")
        for name, mesh in MESHES.items()
    ),
    *((secured(capabilities={"add": [power]}), SETTINGS, f"container main has {power}") for power in POWERS),
]


@pytest.mark.parametrize(("given", "settings", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_who_could_pass_by_is_refused_with_the_reason(given, settings, reason):
    with pytest.raises(Refusal) as caught:
        pods.inject(given, settings)
    assert reason in str(caught.value)
    assert ";" in str(caught.value), "it says what to do"


def test_every_reason_is_tried_here():
    """By leaving each out: something above is not refused then."""
    for left_out in REASONS:
        others = [reason for reason in REASONS if reason is not left_out]
        passing = [
            given
            for given, settings, _ in REFUSED
            if not any(text for reason in others for text in reason(given["spec"], settings))
        ]
        assert passing, left_out.__name__


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        (secured(runAsUser=1338), SETTINGS),
        (
            pod(
                {
                    "securityContext": {"runAsUser": 1337},
                    "containers": [{"name": "m", "securityContext": {"runAsUser": 0}}],
                }
            ),
            SETTINGS,
        ),
        (pod({"hostNetwork": False, "hostPID": False, "shareProcessNamespace": False}), SETTINGS),
        (secured(privileged=False, capabilities={"add": ["NET_BIND_SERVICE"], "drop": ["NET_ADMIN"]}), SETTINGS),
        (container(ports=[{"containerPort": 15053}]), SETTINGS),
        (container(volumeMounts=[{"name": "v", "mountPath": "/etc/outgate/trusted"}]), SETTINGS),
        (pod({"volumes": [{"name": "outgate-policy-x"}]}), SETTINGS),
        (pod({"volumes": [{"name": "v", "secret": {"secretName": "outgate-ca"}}]}), PARTNER),
        (pod({"containers": [{"name": "istio-proxy"}]}), Settings(mode=Mode.REGULAR)),
        (pod({"restartPolicy": "OnFailure"}), SETTINGS),
        (pod({"restartPolicy": "Always"}), Settings(sidecar=Form.CLASSIC)),
        (pod({"volumes": [{"name": "v", "hostPath": {"path": "/var/log"}}]}), SETTINGS),
        (pod({"dnsConfig": {"searches": ["shop.example"], "nameservers": []}}), SETTINGS),
        (container(livenessProbe={"httpGet": {"port": 80}}, lifecycle={"preStop": {"exec": {}}}), SETTINGS),
    ],
    ids=range(14),
)
def test_who_could_not_is_not(given, settings):
    assert pods.inject(given, settings)


CONFINED = [
    {"capabilities": {"drop": ["ALL"]}},
    {"capabilities": {"drop": ["all"]}},
    {"capabilities": {"drop": ["NET_RAW", "CAP_SETUID"]}},
    {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
    {"runAsNonRoot": True, "allowPrivilegeEscalation": False},
    {"runAsUser": 1000, "allowPrivilegeEscalation": False},
]
LOOSE = [
    {},
    {"capabilities": {"drop": ["NET_RAW"]}},
    {"capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}},
    {"capabilities": {"drop": ["ALL"], "add": ["SETUID"]}},
    {"runAsUser": 1000},
    {"runAsUser": 0, "allowPrivilegeEscalation": False},
    {"allowPrivilegeEscalation": False},
]


@pytest.mark.parametrize("context", CONFINED, ids=range(len(CONFINED)))
def test_a_container_without_the_means_is_not_warned_of(context):
    assert warned(secured(**{"runAsUser": 1000} | context)) == []


@pytest.mark.parametrize("context", [each for each in CONFINED if "runAsUser" not in each], ids=range(5))
def test_one_whose_image_may_say_who_it_is_is_warned_of_or_refused(context):
    told = "container main may run as the gate's uid, if it is the image's"
    assert told in warned(secured(**context))[0]
    with pytest.raises(Refusal, match=told):
        pods.inject(secured(**context), Settings(unconfined=Unconfined.REFUSE))


@pytest.mark.parametrize("context", LOOSE, ids=range(len(LOOSE)))
def test_one_that_may_have_the_means_is_warned_of_or_refused(context):
    told = "container main may have NET_RAW and SETUID, by which the gate is passed"
    assert told in warned(secured(**context))[0]
    with pytest.raises(Refusal, match=told):
        pods.inject(secured(**context), Settings(unconfined=Unconfined.REFUSE))


def test_what_may_not_come_out_as_meant_is_told():
    several = pod({"initContainers": [{"name": "i"}], "containers": [{"name": "a"}, {"name": "b"}]})
    classic = warned(several, Settings(sidecar=Form.CLASSIC))
    assert classic[0].startswith("init containers run before a classic sidecar")
    assert classic[1].startswith("containers i, a, b may have")
    own = container(env=[{"name": "PIP_CERT", "value": "x"}, {"name": "no_proxy", "value": "x"}])
    assert warned(own, Settings(mode=Mode.REGULAR)) == [
        "container main sets PIP_CERT itself, which stays as it is: what it names has to hold the gate's authority too",
        "container main sets no_proxy itself, which stays as it is: the gate is asked only for what it leaves to it",
        "in regular mode nothing forces the pod through the gate; hold it by a NetworkPolicy",
    ]
