"""Who is refused, and what is warned of: pods whose containers could pass by the gate, or that it cannot stand beside.

Owns the reasons. What the injection does to a pod is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any

from outgate.injection import names, workload
from outgate.injection.annotations import INJECT, Refusal
from outgate.injection.names import Json
from outgate.injection.settings import Form, Mode, Settings, Unconfined

LISTS = ("initContainers", "containers", "ephemeralContainers")
POWERS = ("ALL", "BPF", "DAC_READ_SEARCH", "NET_ADMIN", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO")
"""With any of these a container undoes the rules, or reads the gate or the node's files."""
NODE = [
    *map(PurePosixPath, ("/dev", "/etc/cni", "/etc/kubernetes", "/opt/cni", "/proc", "/run", "/sys", "/var/run")),
    *(PurePosixPath("/var/lib") / name for name in ("cni", "containerd", "containers", "docker", "kubelet")),
]
"""Where a node has the gate's keys and policy, its processes, and the sockets of its runtime."""
GRANTED = ("NET_RAW", "SETUID")
"""What runtimes grant to root unless told: packet sockets pass no rules, and the other becomes the gate's uid."""
MESHES = {
    "istio-init": "Istio",
    "istio-proxy": "Istio",
    "linkerd-init": "Linkerd",
    "linkerd-proxy": "Linkerd",
    "kuma-init": "Kuma",
    "kuma-sidecar": "Kuma",
    "osm-init": "Open Service Mesh",
    "consul-connect-inject-init": "Consul",
}
WITHOUT = f'or let it start without a gate by {INJECT}: "false"'

type Reason = Callable[[Mapping[str, Any], Settings], Iterator[str]]


def check(spec: Mapping[str, Any], settings: Settings) -> None:
    """Raises `Refusal` with the first reason. `spec` is the pod's without what the injection adds."""
    for reason in REASONS:
        for text in reason(spec, settings):
            raise Refusal(text)
    if settings.unconfined is Unconfined.REFUSE:
        for text in (*_unconfined(spec), *_nameless(spec)):
            raise Refusal(text)


def warnings(spec: Mapping[str, Any], settings: Settings, told: Mapping[str, str]) -> list[str]:
    """What is done, and may not come out as meant. `told`: the variables that containers are given."""
    found = [text for key in LISTS[:2] for each in spec.get(key) or () for text in workload.said(each, told)]
    if settings.mode is Mode.REGULAR:
        found.append("in regular mode nothing forces the pod through the gate; hold it by a NetworkPolicy")
        return found
    if settings.sidecar is Form.CLASSIC and spec.get("initContainers"):
        found.append("init containers run before a classic sidecar: what they send is refused; use native")
    return [*found, *_unconfined(spec), *_nameless(spec)]


def _platform(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    selector = spec.get("nodeSelector") or {}
    systems = [
        (spec.get("os") or {}).get("name"),
        *(selector.get(f"{domain}/os") for domain in ("kubernetes.io", "beta.kubernetes.io")),
    ]
    if "windows" in systems:
        yield f"a Windows pod cannot be held, for nothing turns its traffic; hold it by the network, {WITHOUT}"


def _shared(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    if spec.get("hostNetwork"):
        yield f"it shares the host's network, where the rules would hold the node; remove hostNetwork, {WITHOUT}"
    if spec.get("hostPID"):
        yield f"it shares the host's processes, the gate among them; remove hostPID, {WITHOUT}"
    if spec.get("shareProcessNamespace"):
        yield f"its containers share processes, the gate among them; remove shareProcessNamespace, {WITHOUT}"


def _node(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        if (path := _text(volume, "hostPath", "path")) and _exposes(PurePosixPath(path)):
            what = f"volume {volume['name']} is {path} of the node, where the gate can be read or undone"
            yield f"{what}; remove it, {WITHOUT}"


def _exposes(path: PurePosixPath) -> bool:
    """Whether it is such a place, is within one, or has one within."""
    plain = PurePosixPath("/" + normpath(path).lstrip("/"))
    return any(plain.is_relative_to(place) or place.is_relative_to(plain) for place in NODE)


def _resolvers(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """DNS passes the rules to whom the pod's resolver file names, and the gate believes them where names are."""
    if (spec.get("dnsConfig") or {}).get("nameservers"):
        yield f"it names resolvers of its own, which may be anybody; remove dnsConfig.nameservers, {WITHOUT}"


def _asked_by_kubelet(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """What a kubelet asks for a container leaves by the node's network."""
    for container in containers(spec):
        for name, handler in _handlers(container):
            if host := (_text(handler, "httpGet", "host") or _text(handler, "tcpSocket", "host")):
                whose = f"the {name} of container {container['name']} is asked at {host[:60]}, from the node"
                yield f"{whose}; leave out host, which is the pod then"


def _handlers(container: Json) -> Iterator[tuple[str, object]]:
    yield from ((name, container.get(name)) for name in ("startupProbe", "readinessProbe", "livenessProbe"))
    lifecycle = container.get("lifecycle")
    yield from lifecycle.items() if isinstance(lifecycle, dict) else ()


def _same_user(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    for container in containers(spec):
        if _of(spec, container, "runAsUser") == settings.uid:
            whose = (
                f"container {container['name']} runs as uid {settings.uid}, which is the gate's and passes the rules"
            )
            yield f"{whose}; run it as another"


def _powers(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    for container in containers(spec):
        if _security(container).get("privileged"):
            yield f"container {container['name']} is privileged and could remove the rules; remove privileged"
        if found := sorted(_capabilities(container, "add") & set(POWERS)):
            yield f"container {container['name']} has {found[0]} and could undo the gate; remove the capability"


def _debugged(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    for container in spec.get("ephemeralContainers") or ():
        if (target := container.get("targetContainerName")) in names.CONTAINERS:
            yield f"container {container['name']} shares the processes of {target}, which is the gate's; target another"


def _taken(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Names, ports and places that the gate needs."""
    for container in containers(spec):
        if container["name"] in names.CONTAINERS:
            yield f"a container is called {container['name']} already, which is the gate's; rename it"
        for port in container.get("ports") or ():
            if port.get("containerPort") in settings.ports.values():
                who = f"container {container['name']}"
                yield f"{who} listens on {port['containerPort']}, which is the gate's; use another"
    for volume in spec.get("volumes") or ():
        if names.VOLUME.fullmatch(volume["name"]):
            yield f"a volume is called {volume['name']} already, which is the gate's; rename it"


def _mounts(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    trust = settings.trust.path
    for container in containers(spec):
        for mount in container.get("volumeMounts") or ():
            if names.VOLUME.fullmatch(str(mount.get("name"))):
                yield f"container {container['name']} mounts {mount['name']}, which is the gate's; remove the mount"
            if str(mount.get("mountPath")).rstrip("/") == trust:
                yield f"container {container['name']} mounts {trust}, which is the gate's; mount it elsewhere"


def _secrets(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Keys that are the gate's alone."""
    kept = {settings.authority.secret, *(each.secret for each in settings.secrets)}
    for volume in spec.get("volumes") or ():
        for name in sorted(kept & set(_secrets_of(volume))):
            yield f"volume {volume['name']} shows the Secret {name}, which is the gate's alone; remove it"
    for container in containers(spec):
        for name in sorted(kept & set(_read_by(container))):
            yield f"container {container['name']} reads the Secret {name}, which is the gate's alone; remove it"


def _secrets_of(volume: Json) -> Iterator[str]:
    yield _text(volume, "secret", "secretName")
    projected = volume.get("projected")
    sources = projected.get("sources") if isinstance(projected, dict) else None
    yield from (_text(source, "secret", "name") for source in (sources if isinstance(sources, list) else ()))


def _read_by(container: Json) -> Iterator[str]:
    for each in container.get("env") or ():
        yield _text(each, "valueFrom", "secretKeyRef", "name")
    for each in container.get("envFrom") or ():
        yield _text(each, "secretRef", "name")


def _text(owner: object, *path: str) -> str:
    for key in path:
        owner = owner.get(key) if isinstance(owner, dict) else None
    return owner if isinstance(owner, str) else ""


def _meshes(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    for container in containers(spec):
        if settings.mode is Mode.TRANSPARENT and (mesh := MESHES.get(container["name"])):
            what = f"container {container['name']} is {mesh}'s, whose rules turn the same traffic"
            yield f"{what}; leave one of the two out of the pod"


def _ending(spec: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    policy = spec.get("restartPolicy")
    if settings.sidecar is Form.CLASSIC and policy in ("Never", "OnFailure"):
        what = f"with restartPolicy {policy} the pod ends when its containers have, and a classic sidecar never does"
        yield f"{what}; use native"


REASONS: tuple[Reason, ...] = (
    _platform,
    _shared,
    _node,
    _resolvers,
    _asked_by_kubelet,
    _taken,
    _same_user,
    _powers,
    _debugged,
    _mounts,
    _secrets,
    _meshes,
    _ending,
)


def _unconfined(spec: Mapping[str, Any]) -> Iterator[str]:
    """One line for all containers that only their own restraint holds."""
    if found := [each["name"] for each in containers(spec) if not _confined(spec, each)]:
        who = f"container{'s' if len(found) > 1 else ''} {', '.join(found)}"
        hint = "drop all capabilities, or set runAsNonRoot and allowPrivilegeEscalation: false"
        yield f"{who} may have {' and '.join(GRANTED)}, by which the gate is passed; {hint}"


def _nameless(spec: Mapping[str, Any]) -> Iterator[str]:
    """One line for all containers that may run as the gate by their image's word, whatever they dropped."""
    nameless = [each for each in containers(spec) if _of(spec, each, "runAsUser") is None]
    if found := [each["name"] for each in nameless if _confined(spec, each)]:
        who = f"container{'s' if len(found) > 1 else ''} {', '.join(found)}"
        yield f"{who} may run as the gate's uid, if it is the image's; set runAsUser"


def _confined(spec: Mapping[str, Any], container: Json) -> bool:
    dropped, added = _capabilities(container, "drop"), _capabilities(container, "add")
    if ("ALL" in dropped or dropped.issuperset(GRANTED)) and added.isdisjoint(GRANTED):
        return True
    plain = bool(_of(spec, container, "runAsNonRoot") or _of(spec, container, "runAsUser"))
    return plain and _security(container).get("allowPrivilegeEscalation") is False


def containers(spec: Mapping[str, Any]) -> list[Json]:
    """All of the pod's, those that were added to debug it included."""
    return [each for key in LISTS for each in spec.get(key) or ()]


def _security(container: Json) -> Json:
    return container.get("securityContext") or {}


def _of(spec: Mapping[str, Any], container: Json, name: str) -> object:
    """What holds for a container: its own word, else the pod's."""
    own = _security(container).get(name)
    return own if own is not None else (spec.get("securityContext") or {}).get(name)


def _capabilities(container: Json, verb: str) -> set[str]:
    listed = (_security(container).get("capabilities") or {}).get(verb) or ()
    return {str(name).upper().removeprefix("CAP_") for name in listed}
