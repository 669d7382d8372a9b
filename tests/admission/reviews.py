"""Reviews as an API server sends them, and what it makes of the answers."""

from __future__ import annotations

import base64
import json
from typing import Any

from injection.patched import applied

UID = "705ab4f5-6393-11e8-b7cc-42010a800002"


def review(pod: Any, operation: str = "CREATE", **request: Any) -> dict[str, Any]:
    """As the API server asks about a pod."""
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
            "name": "",
            "namespace": "shop",
            "operation": operation,
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
            "object": pod,
            "oldObject": None,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            **request,
        },
    }


def admitted(pod: Any, answer: Any) -> Any:
    """The pod as it is stored. Raises AssertionError where it is not, and where the answer is none of v1."""
    response = responded(answer)
    assert response["allowed"] is True, response
    if "patch" not in response:
        return pod
    assert response["patchType"] == "JSONPatch"
    return applied(pod, json.loads(base64.b64decode(response["patch"], validate=True)))


def refused(answer: Any) -> str:
    """Why not. Raises AssertionError where it is admitted."""
    response = responded(answer)
    assert response["allowed"] is False
    assert "patch" not in response
    message: str = response["status"]["message"]
    return message


def responded(answer: Any) -> dict[str, Any]:
    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    response: dict[str, Any] = answer["response"]
    assert response["uid"] == UID
    assert all(len(text) <= 256 for text in response.get("warnings", ()))
    return response
