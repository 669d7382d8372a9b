"""The gate's own containers. Owns their shape; their words are `commands.py`'s, and what they mount `volumes.py`'s."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from outgate.injection import commands, names
from outgate.injection.names import Json
from outgate.injection.settings import Form, Mode, Settings
from outgate.injection.volumes import CERTIFICATE_FILE, KEY_FILE

RESOURCES = "k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME)"
POWERS = ["NET_ADMIN", "NET_RAW", "SETGID", "SETUID"]
"""The rules need the first, legacy iptables the second, and to try them as a workload takes the others."""


def first(settings: Settings) -> list[Json]:
    """The init containers, in the order in which they come before all others."""
    return [
        *([_redirect(settings)] if settings.mode is Mode.TRANSPARENT else ()),
        *(() if settings.trust.config_map else [_bundle(settings)]),
    ]


def gate(settings: Settings, labels: Mapping[str, object]) -> Json:
    """The sidecar."""
    native = settings.sidecar is Form.NATIVE
    return {
        "name": names.SIDECAR,
        **_image(settings),
        **({"restartPolicy": "Always"} if native else {}),
        "command": commands.gate(settings),
        "env": list(_environment(settings, labels)),
        "ports": [{"name": names.METRICS, "containerPort": settings.metrics_port, "protocol": "TCP"}],
        **_probes(settings.metrics_port),
        **({} if native else {"lifecycle": _classic_life(settings)}),
        "resources": _resources(settings),
        "securityContext": _unprivileged(settings.uid, 0),
        "volumeMounts": list(_mounts(settings)),
        **_ending(),
    }


def _redirect(settings: Settings) -> Json:
    """The one container with any power."""
    return {
        "name": names.REDIRECT,
        **_image(settings),
        "command": ["/bin/sh", "-ec"],
        "args": [commands.redirect(settings)],
        "resources": _resources(settings),
        "securityContext": {
            **_unprivileged(0, 0),
            "runAsNonRoot": False,
            "capabilities": {"drop": ["ALL"], "add": list(POWERS)},
        },
        "volumeMounts": [_mount(names.LOCK, "/run"), _no_token()],
        **_ending(),
    }


def _bundle(settings: Settings) -> Json:
    return {
        "name": names.BUNDLE,
        **_image(settings),
        "command": commands.bundle(settings),
        "resources": _resources(settings),
        "securityContext": _unprivileged(settings.uid, settings.uid),
        "volumeMounts": [
            _mount(names.AUTHORITY, names.AUTHORITY_PATH, read_only=True),
            _mount(names.TRUST, settings.trust.path),
            _no_token(),
        ],
        **_ending(),
    }


def _image(settings: Settings) -> Json:
    return {"image": settings.image, "imagePullPolicy": settings.image_pull_policy}


def _resources(settings: Settings) -> Json:
    """Those of one container count for all, as they do not run at once."""
    amounts = {"requests": dict(settings.resources.requests), "limits": dict(settings.resources.limits)}
    return {name: amount for name, amount in amounts.items() if amount}


def _unprivileged(uid: int, gid: int) -> Json:
    return {
        "runAsUser": uid,
        "runAsGroup": gid,
        "runAsNonRoot": True,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _ending() -> Json:
    """What was said last is what `kubectl describe` shows of a container that failed."""
    return {"terminationMessagePolicy": "FallbackToLogsOnError"}


def _environment(settings: Settings, labels: Mapping[str, object]) -> Iterator[Json]:
    """Who the workload is, from the Downward API, and the settings. What is referred to comes first."""
    for name, field in (
        ("POD_NAME", "metadata.name"),
        ("POD_NAMESPACE", "metadata.namespace"),
        ("POD_SERVICE_ACCOUNT", "spec.serviceAccountName"),
    ):
        yield _downward(name, field)
    keys = sorted(map(str, labels))
    for number, key in enumerate(keys):
        yield _downward(f"POD_LABEL_{number}", f"metadata.labels['{key}']")
    told = {
        "WORKLOAD_NAMESPACE": "$(POD_NAMESPACE)",
        "WORKLOAD_SERVICE_ACCOUNT": "$(POD_SERVICE_ACCOUNT)",
        "GATE_NAMESPACE": "$(POD_NAMESPACE)",
        "CA_CERTIFICATE": f"{names.CERTS_PATH}/{CERTIFICATE_FILE}",
        "CA_KEY": f"{names.CERTS_PATH}/{KEY_FILE}",
    }
    if keys:
        said = ",".join(f"{key}=$(POD_LABEL_{number})" for number, key in enumerate(keys))
        told |= {"WORKLOAD_LABELS": said, "GATE_LABELS": said}
    if settings.trust_domain:
        told["TRUST_DOMAIN"] = settings.trust_domain
    told |= {name.upper(): value for name, value in sorted(settings.settings.items())}
    for name, value in told.items():
        yield {"name": f"OUTGATE_{name}", "value": value}
    for name, value in sorted(({"OTEL_RESOURCE_ATTRIBUTES": RESOURCES} | settings.environment).items()):
        yield {"name": name, "value": value}


def _downward(name: str, field: str) -> Json:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": field}}}


def _probes(port: int) -> Json:
    """A native sidecar lets the next container start when it has started, which is to be ready."""
    ready, alive = ({"httpGet": {"path": path, "port": port}, "timeoutSeconds": 5} for path in ("/readyz", "/healthz"))
    return {
        "startupProbe": {**ready, "periodSeconds": 1, "failureThreshold": 120},
        "readinessProbe": {**ready, "periodSeconds": 5, "failureThreshold": 3},
        "livenessProbe": {**alive, "periodSeconds": 10, "failureThreshold": 6},
    }


def _classic_life(settings: Settings) -> Json:
    """A native sidecar's turn comes after the workload's, at both ends; this one has to be told to wait."""
    return {
        "postStart": {"exec": {"command": ["/bin/sh", "-c", commands.waiting(settings)]}},
        "preStop": {"exec": {"command": ["sleep", str(settings.linger_seconds)]}},
    }


def _mounts(settings: Settings) -> Iterator[Json]:
    yield _mount(names.CA, names.CERTS_PATH, read_only=True)
    for number, path in enumerate(commands.policies(settings)):
        yield _mount(f"{names.POLICY}{number}", path, read_only=True)
    for number, secret in enumerate(settings.secrets):
        yield _mount(f"{names.SECRET}{number}", secret.path, read_only=True)
    yield _mount(names.SCRATCH, "/tmp")
    yield _mount(names.TOKEN, names.TOKEN_PATH, read_only=True) if settings.token else _no_token()


def _mount(volume: str, path: str, *, read_only: bool = False) -> Json:
    return {"name": volume, "mountPath": path, **({"readOnly": True} if read_only else {})}


def _no_token() -> Json:
    """The service account's token is mounted wherever nothing is."""
    return _mount(names.NO_TOKEN, names.TOKEN_PATH, read_only=True)
