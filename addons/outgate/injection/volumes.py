"""What the injected containers mount. Owns files and their modes; who mounts which is `sidecar.py`'s."""

from __future__ import annotations

from outgate.injection import commands, names
from outgate.injection.names import Json
from outgate.injection.settings import Mode, Mounted, Settings
from outgate.pki.bundle import AUTHORITY_FILE, BUNDLE_FILE, TRUSTSTORE_FILE

CERTIFICATE_FILE = "outgate-ca.crt"
KEY_FILE = "outgate-ca.key"
READABLE = 0o444
GROUP = 0o440
"""Of files that belong to root: the sidecar is of root's group, and a key that everybody may read is refused."""
FILES = (BUNDLE_FILE, AUTHORITY_FILE, TRUSTSTORE_FILE)
"""What workloads trust, in the forms that their programs read."""

TOKEN: tuple[Json, ...] = (
    {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
)
"""As Kubernetes mounts it: it renews the token before that many seconds are over."""


def volumes(settings: Settings) -> list[Json]:
    """All that the containers mount."""
    return [
        {"name": names.CA, "secret": {**_authority(settings, key=True), "defaultMode": GROUP}},
        *_trust_volumes(settings),
        *(
            {"name": f"{names.POLICY}{number}", "configMap": {"name": name, "defaultMode": READABLE}}
            for number, name in enumerate(settings.policy)
        ),
        *({"name": f"{names.SECRET}{number}", "secret": _secret(each)} for number, each in enumerate(settings.secrets)),
        _empty(names.SCRATCH),
        *([_empty(names.LOCK)] if settings.mode is Mode.TRANSPARENT else ()),
        _empty(names.NO_TOKEN),
        *([_projected(names.TOKEN, list(TOKEN))] if settings.token else ()),
    ]


def _secret(mounted: Mounted) -> Json:
    optional = {"optional": True} if mounted.optional else {}
    return {"secretName": mounted.secret, "defaultMode": GROUP} | optional


def _authority(settings: Settings, *, key: bool) -> Json:
    authority = settings.authority
    files = {authority.certificate: CERTIFICATE_FILE} | ({authority.key: KEY_FILE} if key else {})
    return {
        "secretName" if key else "name": authority.secret,
        "items": [{"key": name, "path": path} for name, path in files.items()],
    }


def _trust_volumes(settings: Settings) -> list[Json]:
    trust = settings.trust
    if trust.config_map:
        items = [{"key": name, "path": name} for name in FILES]
        sources: list[Json] = [{"configMap": {"name": trust.config_map, "items": items}}]
        return [_projected(names.TRUST, sources)]
    sources = [{"secret": _authority(settings, key=False)}]
    if trust.also_trusted:
        items = [{"key": "ca.crt", "path": commands.ALSO_FILE}]
        sources.append({"configMap": {"name": trust.also_trusted, "items": items, "optional": True}})
    return [_projected(names.AUTHORITY, sources), _empty(names.TRUST)]


def _projected(name: str, sources: list[Json]) -> Json:
    return {"name": name, "projected": {"defaultMode": READABLE, "sources": sources}}


def _empty(name: str) -> Json:
    return {"name": name, "emptyDir": {}}
