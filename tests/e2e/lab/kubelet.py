"""A pod's containers as a kubelet starts them, in the lab's pod namespace: a manifest becomes processes.

Owns their order, volumes, mounts, variables, users and capabilities. There are no images but their variables: programs
are this machine's, and `outgate` is the one under test. What the containers are for is not known here.
"""

from __future__ import annotations

import http.client
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .engines import ADDONS
from .namespaces import POD4, WORLD4, Lab
from .users import runs_python

PATIENCE = 30.0
REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")
KEPT = tuple(dict.fromkeys(Path(path).resolve() for path in (ADDONS.parent, sys.prefix, sys.base_prefix)))
"""Where the programs are. A volume that lies over one of these would hide it."""

ENTRYPOINT = ("outgate",)
"""Of the image that containers without a command have."""

type Json = dict[str, Any]
type Files = Mapping[str, bytes | str]


@dataclass(frozen=True)
class Objects:
    """What is in the pod's namespace: the files of Secrets and ConfigMaps, by name. `api` is where the API is, and
    `token` the pod's for it."""

    secrets: Mapping[str, Files]
    config_maps: Mapping[str, Files]
    api: str = ""
    token: str = ""


class Pod:
    """One pod, from `with` until its end. `manifest` is a Pod, or the template of one with a name.

    `outside`: its network is the lab's world. Names resolve as in the pod.
    """

    def __init__(self, lab: Lab, manifest: Json, objects: Objects, *, outside: bool = False) -> None:
        self._lab, self._metadata, self._spec = lab, manifest["metadata"], manifest["spec"]
        self._objects, self._outside = objects, outside
        self._folder = Path(tempfile.mkdtemp(prefix="outgate-pod-", dir="/var/tmp"))
        self._undo = ExitStack()
        self._undo.callback(shutil.rmtree, self._folder)
        self._running: dict[str, subprocess.Popen[Any]] = {}

    def __enter__(self) -> Self:
        with self._undo.pop_all() as making:
            self._make()
            for container in self._spec.get("initContainers", ()):
                self.begin(container["name"])
            self._undo = making.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()
        self._undo.close()

    def begin(self, name: str) -> None:
        """A container to its end, or where it has a probe, until it has started."""
        container = self.container(name)
        with self._file(name, "stdout").open("wb") as out, self._file(name, "stderr").open("wb") as err:
            process = self.start(name, stdout=out, stderr=err)
        if "startupProbe" in container:
            self._running[name] = process
            self._await(name, lambda: self._answers(container))
        elif process.wait(PATIENCE):
            raise RuntimeError(f"{name} failed:\n{self.output(name)}{self.output(name, 'stderr')}")

    def container(self, name: str) -> Json:
        return next(each for each in self._containers() if each["name"] == name)

    def start(self, name: str, **popen: Any) -> subprocess.Popen[Any]:
        """A container's own command."""
        container = self.container(name)
        told = self._environment(container)
        words = [*container.get("command", ENTRYPOINT), *container.get("args", ())]
        return self._started(container, [_expanded(word, told) for word in words], **popen)

    def execute(self, name: str, argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Another command in a container, as `kubectl exec` runs it."""
        with self._started(self.container(name), argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            out, err = process.communicate(timeout=PATIENCE, **options)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def output(self, name: str, stream: str = "stdout") -> str:
        """What an init container has written."""
        return self._file(name, stream).read_text(encoding="utf-8")

    def end(self, name: str) -> int:
        """The exit code of a container that goes on until it is told."""
        process = self._running.pop(name)
        process.terminate()
        return process.wait(PATIENCE)

    def _containers(self) -> Iterator[Json]:
        yield from (*self._spec.get("initContainers", ()), *self._spec["containers"])

    # Starting.

    def _await(self, name: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            if self._running[name].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start:\n{self.output(name)}{self.output(name, 'stderr')}")
            time.sleep(0.05)

    def _answers(self, container: Json) -> bool:
        """Asked from outside of the pod, as kubelets do."""
        probe = container["startupProbe"]["httpGet"]
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        address = WORLD4 if self._outside else POD4
        with self._lab.enter(self._lab.world):
            connection = http.client.HTTPConnection(address, ports.get(probe["port"], probe["port"]), timeout=5)
            try:
                connection.request("GET", probe["path"])
                return connection.getresponse().status == 200
            except OSError:
                return False
            finally:
                connection.close()

    def _started(self, container: Json, argv: list[str], **popen: Any) -> subprocess.Popen[Any]:
        script = "\n".join([*self._mounts(container), f"exec {shlex.join([*self._user(container), *argv])}"])
        image = _image() if container["image"].startswith("outgate:") else {}
        image |= {"PATH": f"{self._folder / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp"}
        options = {"stdin": subprocess.DEVNULL, "text": True, "env": image | self._environment(container), **popen}
        network = ["nsenter", f"--net=/run/netns/{self._lab.world}"] if self._outside else []
        return self._lab.popen_in(self._lab.pod, [*network, "sh", "-ec", script], **options)

    def _file(self, name: str, stream: str) -> Path:
        return self._folder / f"{name}.{stream}"

    # What containers see.

    def _make(self) -> None:
        self._folder.chmod(0o755)
        program = self._folder / "bin" / "outgate"
        program.parent.mkdir()
        told = f"PYTHONPATH={shlex.quote(str(ADDONS))}"
        program.write_text(f'#!/bin/sh\n{told} exec {shlex.quote(sys.executable)} -m outgate "$@"\n')
        program.chmod(0o755)
        copied = self._lab.run_in(self._lab.pod, ["cp", "-a", "/etc", str(self._folder / "etc")])
        if copied.returncode:
            raise RuntimeError(f"/etc cannot be copied: {copied.stderr}")
        for volume in self._spec.get("volumes", ()):
            self._fill(self._volume(volume["name"]), volume)

    def _volume(self, name: str) -> Path:
        return self._folder / "volumes" / name

    def _fill(self, folder: Path, volume: Json) -> None:
        folder.mkdir(parents=True)
        folder.chmod(0o777 if "emptyDir" in volume else 0o755)
        sources = volume["projected"]["sources"] if "projected" in volume else [volume]
        kind = next(kind for kind in ("emptyDir", "secret", "configMap", "projected") if kind in volume)
        mode = volume[kind].get("defaultMode", 0o644)
        for source in sources:
            for name, content in self._content(source):
                path = folder / name
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
                shutil.chown(path, 0, self._spec.get("securityContext", {}).get("fsGroup", 0))
                path.chmod(mode)

    def _content(self, source: Json) -> Iterator[tuple[str, bytes | str]]:
        """Raises KeyError for what a kubelet would wait for."""
        if "serviceAccountToken" in source:
            yield source["serviceAccountToken"]["path"], self._objects.token
        for item in source.get("downwardAPI", {}).get("items", ()):
            yield item["path"], self._field(item["fieldRef"]["fieldPath"])
        for kind, known in (("secret", self._objects.secrets), ("configMap", self._objects.config_maps)):
            if (wanted := source.get(kind)) is None:
                continue
            name = wanted.get("secretName") or wanted["name"]
            if name not in known and wanted.get("optional"):
                continue
            items = wanted.get("items") or [{"key": key, "path": key} for key in known[name]]
            yield from ((item["path"], known[name][item["key"]]) for item in items)

    def _mounts(self, container: Json) -> Iterator[str]:
        """Commands that lay the volumes out, for a mount namespace that ends with the container."""
        yield f"mount --bind {self._folder / 'etc'} /etc"
        yield "mount -t tmpfs tmpfs /run"
        writable = ["/", "/etc", "/run"]
        for mount in sorted(container.get("volumeMounts", ()), key=lambda mount: mount["mountPath"].count("/")):
            path = mount["mountPath"]
            yield from self._mount(self._volume(mount["name"]), path)
            if mount.get("readOnly"):
                yield f"mount -o remount,bind,ro {path}"
            if path in writable:
                writable.remove(path)
        if container.get("securityContext", {}).get("readOnlyRootFilesystem"):
            yield from (f"mount -o remount,bind,ro {path}" for path in writable)

    def _mount(self, volume: Path, path: str) -> Iterator[str]:
        """With the programs in it, where it would hide them."""
        for kept in KEPT:
            if kept.is_relative_to(path):
                inside = volume / kept.relative_to(path)
                yield f"mkdir -p {inside}; mount --bind {kept} {inside}"
        yield f"mkdir -p {path}; mount --rbind {volume} {path}"

    def _user(self, container: Json) -> list[str]:
        """Raises ValueError for one that keeps what runtimes grant: that is not done here."""
        security = {**self._spec.get("securityContext", {}), **container.get("securityContext", {})}
        capabilities = security.get("capabilities", {})
        if "ALL" not in capabilities.get("drop", ()):
            raise ValueError(f"{container['name']} does not drop all capabilities; let it")
        uid, gid, groups = security["runAsUser"], security.get("runAsGroup", 0), security.get("fsGroup")
        extra = "-all" if uid == 0 or runs_python(uid) else "+dac_read_search"
        bounding = ["-all", *(f"+{name.lower()}" for name in capabilities.get("add", ())), *{extra} - {"-all"}]
        return [
            *("setpriv", f"--reuid={uid}", f"--regid={gid}", f"--groups={groups}" if groups else "--clear-groups"),
            f"--bounding-set={','.join(bounding)}",
            *(f"--inh-caps={extra}", f"--ambient-caps={extra}"),
            *(("--no-new-privs",) if security.get("allowPrivilegeEscalation") is False else ()),
            "--",
        ]

    def _environment(self, container: Json) -> dict[str, str]:
        host, _, port = self._objects.api.rpartition(":")
        told = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port} if port else {}
        for each in container.get("env", ()):
            if "valueFrom" in each:
                told[each["name"]] = self._field(each["valueFrom"]["fieldRef"]["fieldPath"])
            else:
                told[each["name"]] = _expanded(each.get("value", ""), told)
        return told

    def _field(self, path: str) -> str:
        """What the Downward API says."""
        if match := re.fullmatch(r"metadata\.labels\['(.+)'\]", path):
            return str(self._metadata.get("labels", {}).get(match[1], ""))
        known = {"metadata.name": self._metadata["name"], "metadata.namespace": self._metadata["namespace"]}
        return str({**known, "spec.serviceAccountName": self._spec.get("serviceAccountName", "default")}[path])


def _image() -> dict[str, str]:
    """The variables that the image sets."""
    text = (ADDONS.parent / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"^ENV (.*)$", text, re.MULTILINE)
    return dict(pair.split("=", 1) for line in found for pair in shlex.split(line))


def _expanded(text: str, told: Mapping[str, str]) -> str:
    """With `$(NAME)` replaced where it is known, and `$$` for a dollar sign."""
    return REFERENCE.sub(lambda match: "$" if match[1] == "$" else told.get(match[2], match[0]), text)
