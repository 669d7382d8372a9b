"""The workload's own containers: what is added so that they trust the gate, and taken out again.

Owns the variables and the mount. Nothing that a container says for itself is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from outgate.injection import names
from outgate.injection.names import Json
from outgate.injection.settings import Mode, Settings
from outgate.injection.volumes import FILES
from outgate.pki.environment import pointing

DIRECT = "localhost,127.0.0.1,::1"
TRUSTED = "what it names has to hold the gate's authority too"
ASKED = "the gate is asked only for what it leaves to it"


def variables(trust: str, proxy: str) -> dict[str, str]:
    """What makes programs trust the gate, and in regular mode use it. `proxy`: its URL, or nothing."""
    asked = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), proxy) | {"no_proxy": DIRECT}
    spelt = {spelling: value for name, value in asked.items() for spelling in (name, name.upper())}
    return pointing(Path(trust), FILES) | (spelt if proxy else {})


def proxy(settings: Settings) -> str:
    """Where the gate is to be asked; nothing where the pod's traffic is turned to it."""
    return f"http://127.0.0.1:{settings.listen_port}" if settings.mode is Mode.REGULAR else ""


def trusting(container: Json, told: Mapping[str, str], path: str) -> Json:
    """The container with the variables that it does not set itself."""
    present = {each["name"] for each in container.get("env") or ()}
    added = [{"name": name, "value": value} for name, value in told.items() if name not in present]
    mount = {"name": names.TRUST, "mountPath": path, "readOnly": True}
    return container | {
        "env": [*(container.get("env") or ()), *added],
        "volumeMounts": [*(container.get("volumeMounts") or ()), mount],
    }


def left(container: Json, told: Mapping[str, str]) -> list[str]:
    """The variables that the container sets itself, by name."""
    return [each["name"] for each in container.get("env") or () if each["name"] in told]


def without(container: Json, told: Mapping[str, str]) -> Json:
    """The container as it was."""
    mine = [{"name": name, "value": value} for name, value in told.items()]
    found = dict(container)
    for key, kept in (
        ("env", lambda each: each not in mine),
        ("volumeMounts", lambda each: each.get("name") != names.TRUST),
    ):
        if found.get(key):
            found[key] = list(filter(kept, found[key]))
    return found


def said(container: Json, told: Mapping[str, str]) -> Iterator[str]:
    """What of the container will not trust the gate, or not ask it."""
    kept = left(container, told)
    proxies = [name for name in kept if name.lower().endswith("_proxy")]
    for own, hint in (([name for name in kept if name not in proxies], TRUSTED), (proxies, ASKED)):
        if own:
            yield f"container {container['name']} sets {', '.join(own)} itself, which stays as it is: {hint}"
