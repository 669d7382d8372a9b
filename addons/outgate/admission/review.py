"""One AdmissionReview: bytes in, the answer out. Pure.

Owns what a review has to look like and what each outcome says. What happens to a pod is `injection`'s.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from outgate.injection.annotations import INJECT, INJECTED
from outgate.injection.differences import patch
from outgate.injection.manifests import Done, Refused, inject
from outgate.injection.names import is_ours
from outgate.injection.settings import Settings

VERSION, KIND = "admission.k8s.io/v1", "AdmissionReview"
MIRROR = "kubernetes.io/config.mirror"
"""Of what a kubelet made from its own files: the API shows it, and nothing here can change it."""
DEBUGGING = "ephemeralcontainers"
LONGEST = 256
"""Characters of a warning: the API server cuts longer ones."""
DENIED, FAILED = 403, 500


class Malformed(ValueError):
    """What came is no review. The text says what it should have been."""


class Outcome(StrEnum):
    """What became of a review, as metrics count it."""

    INJECTED = "injected"
    UNTOUCHED = "untouched"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, as far as it matters."""

    uid: str
    kind: tuple[str, str]
    """API group and kind."""
    operation: str
    subresource: str
    namespace: str
    manifest: Any
    before: Any = None
    """The same object as it is, where it is to be changed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The review that goes back, and how it is counted."""

    outcome: Outcome
    content: dict[str, Any]
    reason: str = ""


def read(body: bytes) -> Request:
    """Raises `Malformed`."""
    try:
        review = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the body is no JSON ({error}); send an {KIND}") from error
    if not isinstance(review, dict) or (review.get("apiVersion"), review.get("kind")) != (VERSION, KIND):
        raise Malformed(f"the body is no {KIND} of {VERSION}; set admissionReviewVersions: [v1]")
    request = review.get("request")
    if not isinstance(request, dict):
        raise Malformed("the review has no request; send one")
    kind = request.get("kind")
    if not isinstance(request.get("uid"), str) or not request["uid"]:
        raise Malformed("the request has no uid; send one")
    if not isinstance(kind, dict) or not isinstance(kind.get("kind"), str):
        raise Malformed("the request has no kind; send one")
    return Request(
        request["uid"],
        (_text(kind, "group"), kind["kind"]),
        _text(request, "operation"),
        _text(request, "subResource"),
        _text(request, "namespace"),
        request.get("object"),
        request.get("oldObject"),
    )


def _text(owner: dict[str, Any], key: str) -> str:
    value = owner.get(key)
    return value if isinstance(value, str) else ""


def answer(request: Request, settings: Settings) -> Answer:
    """Pods that are made get a sidecar, what would loosen one is refused, and everything else passes as it is."""
    if request.kind != ("", "Pod") or request.operation not in ("CREATE", "UPDATE"):
        return _allowed(request)
    if not isinstance(request.manifest, dict):
        return _refused(request, "the review has no pod to look at")
    if request.operation == "UPDATE":
        return _updated(request, settings)
    pod = _pod(request.manifest)
    if MIRROR in _metadata(pod, "annotations"):
        return _allowed(request)
    made = inject(pod, settings)
    if isinstance(made, Refused):
        return _refused(request, made.reason)
    return _injected(request, pod, made)


def _updated(request: Request, settings: Settings) -> Answer:
    """A container that is added to look into a running pod is held to what the pod's others are held to; and what lets
    a pod leave is not changed behind the gate's back."""
    if request.subresource == DEBUGGING and _images(request.manifest):
        return _debugged(request, settings)
    if request.subresource == "" and (reason := _loosened(request.before, request.manifest)):
        return _refused(request, reason)
    return _allowed(request)


def _debugged(request: Request, settings: Settings) -> Answer:
    made = inject(_pod(request.manifest), settings)
    if isinstance(made, Refused):
        return _refused(request, made.reason)
    if not _images(made.manifest):
        return _refused(request, f'the pod has a gate, and says {INJECT}: "false" since; take that back')
    return _allowed(request, made.warnings)


def _loosened(before: Any, after: Any) -> str:
    """Why a running pod may not be changed so; empty where it may."""
    was, now = (_metadata(pod, "labels") for pod in (before, after))
    if INJECTED in now and now[INJECTED] != was.get(INJECTED):
        return f"the label {INJECTED} is set when a pod is made; make it anew"
    if _images(before) and any(now.get(label) != was.get(label) for label in (INJECT, INJECTED)):
        return f"the labels {INJECT} and {INJECTED} of a pod with a gate stay what they were; make it anew"
    if _images(before) != _images(after):
        return "the images of the gate's containers stay what they were when the pod was made; make it anew"
    return ""


def _images(pod: Any) -> dict[str, Any]:
    """Of the gate's containers, by name."""
    spec = pod.get("spec") if isinstance(pod, dict) else None
    lists = [spec.get(key) for key in ("initContainers", "containers")] if isinstance(spec, dict) else []
    found = [each for items in lists if isinstance(items, list) for each in items if isinstance(each, dict)]
    return {each["name"]: each.get("image") for each in found if is_ours(each)}


def _pod(manifest: dict[str, Any]) -> dict[str, Any]:
    """As it is in a file: in a review it does not say what it is."""
    return {"apiVersion": "v1", "kind": "Pod", **manifest}


def failed(request: Request) -> Answer:
    """Nobody starts a pod that could not be judged."""
    reason = "the webhook failed, so the pod is not admitted; its log says why"
    return Answer(Outcome.FAILED, _review(request, _no(reason, FAILED)), reason)


def _injected(request: Request, pod: dict[str, Any], made: Done) -> Answer:
    operations = list(patch(pod, made.manifest))
    if not operations:
        return _allowed(request, made.warnings)
    coded = base64.b64encode(json.dumps(operations).encode()).decode("ascii")
    told = {"allowed": True, "patchType": "JSONPatch", "patch": coded, **_warnings(made.warnings)}
    return Answer(Outcome.INJECTED, _review(request, told))


def _allowed(request: Request, warnings: tuple[str, ...] = ()) -> Answer:
    return Answer(Outcome.UNTOUCHED, _review(request, {"allowed": True, **_warnings(warnings)}))


def _refused(request: Request, reason: str) -> Answer:
    return Answer(Outcome.REFUSED, _review(request, _no(f"outgate: {reason}", DENIED)), reason)


def _no(message: str, code: int) -> dict[str, Any]:
    return {"allowed": False, "status": {"code": code, "message": message}}


def _warnings(texts: tuple[str, ...]) -> dict[str, Any]:
    return {"warnings": [f"outgate: {text}"[:LONGEST] for text in texts]} if texts else {}


def _review(request: Request, told: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": KIND, "response": {"uid": request.uid, **told}}


def _metadata(pod: Any, kind: str) -> dict[str, Any]:
    metadata = pod.get("metadata") if isinstance(pod, dict) else None
    found = metadata.get(kind) if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}
