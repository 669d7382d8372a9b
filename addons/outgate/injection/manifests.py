"""Manifests in, manifests out: whatever makes pods has the sidecar in its template, and everything else passes.

Owns which kinds have a template and where, and lists of them. What becomes of the template is `pods.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from outgate.injection import pods
from outgate.injection.annotations import Refusal
from outgate.injection.names import Json
from outgate.injection.settings import Settings

TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}
"""Where the template is, by group and kind."""

type Change = Callable[[Json], tuple[Json, list[str]]]


@dataclass(frozen=True, slots=True)
class Done:
    """The manifest as it is now. Where there was nothing to do, it equals the one given."""

    manifest: Any
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was done."""

    reason: str
    place: tuple[int, ...] = ()
    """Which item of a list is the reason, or of a list in a list, counted from 0."""


def inject(manifest: Any, settings: Settings) -> Done | Refused:
    """The manifest with the sidecar in every pod that it makes. What is given is not changed."""
    return _all(manifest, lambda pod: pods.inject(pod, settings))


def remove(manifest: Any) -> Done | Refused:
    """The manifest as it was before the injection."""
    return _all(manifest, lambda pod: (pods.remove(pod), []))


def _all(manifest: Any, change: Change) -> Done | Refused:
    try:
        made, warnings = _changed(manifest, change)
    except Refusal as refusal:
        return Refused(str(refusal), refusal.place)
    return Done(made, tuple(warnings))


def _changed(manifest: Any, change: Change) -> tuple[Any, list[str]]:
    if not isinstance(manifest, dict):
        return manifest, []
    if isinstance(items := manifest.get("items"), list) and str(manifest.get("kind")).endswith("List"):
        results = [_item(each, number, change) for number, each in enumerate(items)]
        return {**manifest, "items": [made for made, _ in results]}, [text for _, told in results for text in told]
    if (path := TEMPLATES.get((_group(manifest), str(manifest.get("kind"))))) is None:
        return manifest, []
    try:
        made, told = _at(manifest, path, change)
    except Refusal as refusal:
        raise Refusal(f"{called(manifest)}: {refusal}") from refusal
    return made, [f"{called(manifest)}: {text}" for text in told]


def _item(item: Any, number: int, change: Change) -> tuple[Any, list[str]]:
    try:
        return _changed(item, change)
    except Refusal as refusal:
        refusal.place = (number, *refusal.place)
        raise


def _at(owner: Any, path: tuple[str, ...], change: Change) -> tuple[Json, list[str]]:
    if not path:
        return change(owner)
    if not isinstance(owner, dict) or path[0] not in owner:
        raise Refusal(f"there is no {path[0]} where the pod's template should be")
    made, told = _at(owner[path[0]], path[1:], change)
    return {**owner, path[0]: made}, told


def _group(manifest: Json) -> str:
    """Of the API, without its version."""
    return str(manifest.get("apiVersion")).rpartition("/")[0]


def called(manifest: Json) -> str:
    """Kind and name, for people."""
    metadata = manifest.get("metadata")
    named = (metadata.get("name") or metadata.get("generateName")) if isinstance(metadata, dict) else None
    return f"{manifest.get('kind')} {named}" if named else str(manifest.get("kind"))
