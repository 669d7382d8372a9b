"""One pod's template: the sidecar put in, and taken out.

Owns where the parts go, in which order, and what is noted for their removal. Who is refused is `refusals.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from outgate.injection import names, sidecar, workload
from outgate.injection.annotations import INJECTED, STATUS, Refusal, chosen, wanted
from outgate.injection.names import Json, is_ours
from outgate.injection.refusals import check, warnings
from outgate.injection.settings import Form, Mode, Settings
from outgate.injection.shape import check_shape
from outgate.injection.volumes import volumes

LISTS = ("containers", "initContainers")
LABELS = "metadata.labels"
EMPTY: tuple[object, ...] = ([], {}, None)
NOTED = {"trust": str, "proxy": str, "kept": dict, "empty": dict}


def inject(pod: Json, settings: Settings) -> tuple[Json, list[str]]:
    """The pod with the sidecar, brought up to date where it has one, and warnings. Raises `Refusal`.

    A pod that says no is given back without one.
    """
    check_shape(pod)
    metadata = pod.get("metadata") or {}
    asked = chosen(metadata, settings) if wanted(metadata, settings) else None
    bare = remove(pod)
    _check_label(bare, asked)
    if asked is None:
        return bare, []
    check(bare["spec"], asked)
    told = workload.variables(asked.trust.path, workload.proxy(asked))
    return _with(bare, asked, told), warnings(bare["spec"], asked, told)


def remove(pod: Json) -> Json:
    """The pod as it was before the injection; one that was not injected is given back as it is. Raises `Refusal`."""
    check_shape(pod)
    if (noted := _noted(pod)) is None:
        return pod
    told = workload.variables(noted["trust"], noted["proxy"])
    metadata, spec = dict(pod["metadata"]), dict(pod["spec"])
    metadata["annotations"] = {key: text for key, text in metadata["annotations"].items() if key != STATUS}
    if INJECTED in (metadata.get("labels") or {}) and INJECTED not in noted["kept"].get(LABELS, ()):
        metadata["labels"] = {key: text for key, text in metadata["labels"].items() if key != INJECTED}
    for key in LISTS:
        if spec.get(key):
            own = [each for each in spec[key] if not is_ours(each)]
            spec[key] = [workload.without(each, _less(told, noted, _path(key, each))) for each in own]
    spec["volumes"] = [each for each in spec.get("volumes") or () if not names.VOLUME.fullmatch(each["name"])]
    bare = {**pod, "metadata": metadata, "spec": spec}
    for path, owner, key in _places(bare):
        if owner.get(key, False) in EMPTY:
            _restore(owner, key, noted["empty"], path)
    return bare


def _with(bare: Json, settings: Settings, told: Mapping[str, str]) -> Json:
    metadata, spec = bare.get("metadata") or {}, bare["spec"]
    labels = _labels(bare)
    gate = sidecar.gate(settings, labels)
    native = settings.sidecar is Form.NATIVE
    own = {key: [workload.trusting(each, told, settings.trust.path) for each in spec.get(key) or ()] for key in LISTS}
    before = [*sidecar.first(settings), *([gate] if native else ())]
    changed = {
        "containers": own["containers"] if native else [gate, *own["containers"]],
        "volumes": [*(spec.get("volumes") or ()), *volumes(settings)],
    }
    if before or own["initContainers"]:
        changed["initContainers"] = [*before, *own["initContainers"]]
    said = {"annotations": {**(metadata.get("annotations") or {}), STATUS: _note(bare, settings, told)}}
    if settings.mode is Mode.TRANSPARENT:
        said["labels"] = {**labels, INJECTED: "true"}
    return {**bare, "metadata": {**metadata, **said}, "spec": {**spec, **changed}}


def _check_label(bare: Json, asked: Settings | None) -> None:
    """A pod may have the label before it has the gate, for it gets one; a lie lets it leave without. `asked`: what it
    gets, if anything. Raises `Refusal`."""
    labels = _labels(bare)
    if INJECTED in labels and (asked is None or asked.mode is not Mode.TRANSPARENT):
        raise Refusal(f"the label {INJECTED} is for pods whose traffic is turned to a gate; remove it")
    if labels.get(INJECTED, "true") != "true":
        raise Refusal(f"the label {INJECTED} is the injection's to write; remove it")


def _note(bare: Json, settings: Settings, told: Mapping[str, str]) -> str:
    """What removal has to know: where variables point, which of them containers had, and what was there and empty."""
    empty = {path: owner[key] for path, owner, key in _places(bare) if owner.get(key, False) in EMPTY}
    kept = {
        _path(key, each): had
        for key in LISTS
        for each in bare["spec"].get(key) or ()
        if (had := workload.left(each, told))
    }
    if INJECTED in _labels(bare):
        kept[LABELS] = [INJECTED]
    noted = {"trust": settings.trust.path, "proxy": workload.proxy(settings), "kept": kept, "empty": empty}
    return json.dumps(noted, separators=(",", ":"))


def _labels(pod: Json) -> Json:
    found: Json = (pod.get("metadata") or {}).get("labels") or {}
    return found


def _path(key: str, container: Json) -> str:
    return f"{key}.{container['name']}"


def _less(told: Mapping[str, str], noted: Mapping[str, Any], path: str) -> dict[str, str]:
    """The variables that the injection gave a container."""
    had = noted["kept"].get(path) or ()
    return {name: value for name, value in told.items() if name not in had}


def _places(pod: Json) -> Iterator[tuple[str, Json, str]]:
    """What the injection adds to: a path, whose it is, and its key. Inner ones come first."""
    metadata, spec = pod.get("metadata"), pod["spec"]
    if isinstance(metadata, dict):
        yield "metadata.annotations", metadata, "annotations"
        yield LABELS, metadata, "labels"
    yield "metadata", pod, "metadata"
    for name in LISTS:
        for container in spec.get(name) or ():
            for key in ("env", "volumeMounts"):
                yield f"{_path(name, container)}.{key}", container, key
    for key in ("initContainers", "volumes"):
        yield key, spec, key


def _restore(owner: Json, key: str, empty: Mapping[str, Any], path: str) -> None:
    if path in empty and empty[path] in EMPTY:
        owner[key] = empty[path]
    else:
        del owner[key]


def _noted(pod: Json) -> dict[str, Any] | None:
    """What the injection wrote down; None where there was none. Raises `Refusal`."""
    text = ((pod.get("metadata") or {}).get("annotations") or {}).get(STATUS)
    if text is None:
        return None
    noted = _read(text)
    if noted is None:
        raise Refusal(f"the annotation {STATUS} cannot be read; remove it, and what was injected")
    return noted


def _read(text: Any) -> dict[str, Any] | None:
    try:
        noted: dict[str, Any] = json.loads(text)
        formed = {name: type(noted[name]) for name in NOTED} == NOTED
        return noted if formed and all(type(had) is list for had in noted["kept"].values()) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
