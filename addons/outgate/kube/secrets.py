"""Pairs of certificate and key in Secrets of type `kubernetes.io/tls`, and whom the API server trusts at a webhook.

Owns the form of these objects. What is in a pair, and whether it is still good, is for others to say.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outgate.kube.api import Api, Unable

CERTIFICATE, KEY, AUTHORITY = "tls.crt", "tls.key", "ca.crt"
LABELS = {"app.kubernetes.io/name": "outgate", "app.kubernetes.io/managed-by": "outgate"}
PLACE = re.compile(r"(?P<namespace>[a-z0-9][a-z0-9-]{0,62})/(?P<name>[a-z0-9][a-z0-9.-]{0,252})")
END = b"-----END CERTIFICATE-----\n"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"

type Files = Mapping[str, bytes]
"""By key of the Secret."""


@dataclass(frozen=True, slots=True)
class Place:
    """A Secret, as `NAMESPACE/NAME`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def all(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets"

    @property
    def path(self) -> str:
        return f"{self.all}/{self.name}"


def parse_place(text: str) -> Place:
    """Raises ValueError."""
    if (found := PLACE.fullmatch(text)) is None:
        raise ValueError(f'"{text}" is no Secret; write NAMESPACE/NAME')
    return Place(found["namespace"], found["name"])


def read(api: Api, place: Place) -> Files | None:
    """The files of a Secret; None where there is none. Raises `Unable`."""
    found = api.get(place.path)
    if found is None:
        return None
    try:
        data = found.get("data") or {}
        return {str(key): base64.b64decode(text, validate=True) for key, text in data.items()}
    except (AttributeError, TypeError, binascii.Error) as error:
        raise Unable(f"the Secret {place} is not readable: {error}; delete it, and it is made anew") from error


def write(api: Api, place: Place, files: Files) -> None:
    """Make the Secret, or give one that is there these files. Raises `Unable`, also where somebody else was faster."""
    data = {key: base64.b64encode(content).decode() for key, content in files.items()}
    there = api.get(place.path)
    if there is None:
        api.post(place.all, _new(place, data))
    else:
        api.put(place.path, there | {"data": data})


def trust(api: Api, configuration: str, authority: bytes) -> int:
    """Have the API server trust an authority at each webhook of a configuration, and count them. Raises `Unable`.

    The one before is trusted until the next time: the webhook may not have its new certificate yet.
    """
    path = f"{WEBHOOKS}/{configuration}"
    found = api.get(path)
    if found is None:
        raise Unable(f'there is no MutatingWebhookConfiguration "{configuration}"; install the chart first')
    webhooks = found.get("webhooks") or ()
    steps = [
        {"op": "add", "path": f"/webhooks/{n}/clientConfig/caBundle", "value": _bundle(each, authority)}
        for n, each in enumerate(webhooks)
    ]
    api.patch(path, steps)
    return len(webhooks)


def _bundle(webhook: Mapping[str, Any], authority: bytes) -> str:
    before = base64.b64decode(webhook["clientConfig"].get("caBundle") or "")
    first, end, _ = before.partition(END)
    followed = b"" if before.startswith(authority) or not end else first + end
    return base64.b64encode(authority + followed).decode()


def _new(place: Place, data: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": place.name, "namespace": place.namespace, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata, "data": data}
