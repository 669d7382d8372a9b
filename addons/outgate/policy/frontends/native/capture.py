"""`EgressCapture`: which exchanges are kept, where, how much of each, and for how long.

Owns the kind's shape, what its fields demand of each other, and the translation.
"""

from __future__ import annotations

from dataclasses import replace
from posixpath import normpath

from outgate.policy.frontends import Contribution
from outgate.policy.frontends.native.exchanges import MATCH, matching
from outgate.policy.frontends.native.resource import Resource
from outgate.policy.frontends.native.shapes import Size
from outgate.policy.redaction_model import CapturePolicy, VaultPolicy
from outgate.policy.schema import Boolean, Duration, Field, Fields, Number, Record, Text

TEBIBYTE = 1024**4
PATH = Text(pattern=r"/[^\x00]*", hint="write an absolute path")
SPEC = Fields(
    {
        "match": Field(MATCH),
        "folder": Field(PATH, required=True),
        "sampling": Field(Number(0, 100)),
        "maxBody": Field(Size(0, 1024**3)),
        "denied": Field(Boolean()),
        "rotate": Field(Fields({"size": Field(Size(65536, TEBIBYTE)), "after": Field(Duration(1.0))})),
        "vault": Field(Fields({"key": Field(PATH, required=True), "folder": Field(PATH, required=True)})),
        "retention": Field(Fields({"age": Field(Duration(0.0)), "size": Field(Size(65536, 1024 * TEBIBYTE))})),
    }
)
DEFAULTS = CapturePolicy("")


def translate(resource: Resource, spec: Record, into: Contribution) -> None:
    """Adds what one document says, unless its fields contradict each other."""
    rotate: Record = spec.get("rotate") or _empty(spec, "rotate")
    retention: Record = spec.get("retention") or _empty(spec, "retention")
    made = CapturePolicy(
        name=resource.key,
        matching=matching(spec),
        folder=normpath(spec.get("folder", DEFAULTS.folder)),
        sampling=spec.get("sampling", 100 * DEFAULTS.sampling) / 100,
        max_body=spec.get("maxBody", DEFAULTS.max_body),
        denied=spec.get("denied", DEFAULTS.denied),
        rotate_bytes=rotate.get("size", DEFAULTS.rotate_bytes),
        rotate_seconds=rotate.get("after", DEFAULTS.rotate_seconds),
        retention=retention.get("age", DEFAULTS.retention),
        max_bytes=retention.get("size", DEFAULTS.max_bytes),
        vault=_vault(spec),
        source=resource.source(),
    )
    _folders(resource, spec, made, into.keeping.captures)
    if made.max_bytes < made.rotate_bytes:
        what = f"{made.max_bytes} bytes have no room for one file of {made.rotate_bytes}"
        where = retention if "size" in retention else rotate
        resource.reading.error(where.at("size"), where.under("size"), what, "raise it, or lower rotate.size")
    if not resource.reading.failed:
        into.keeping = replace(into.keeping, captures=(*into.keeping.captures, made))


def _empty(spec: Record, name: str) -> Record:
    return Record(spec.where, spec.under(name), {}, {})


def _vault(spec: Record) -> VaultPolicy | None:
    record: Record | None = spec.get("vault")
    return VaultPolicy(normpath(record.get("key", "")), normpath(record.get("folder", ""))) if record else None


def _folders(resource: Resource, spec: Record, made: CapturePolicy, before: tuple[CapturePolicy, ...]) -> None:
    """Two captures in one folder would delete each other's files."""
    other = next((each for each in before if each.folder == made.folder), None)
    if other is not None:
        what = f"{made.folder} is the folder of {other.source} too"
        resource.reading.error(spec.at("folder"), "spec.folder", what, "give each a folder of its own")
    vaults = {each.vault.folder: each for each in before if each.vault is not None}
    if made.vault is not None and made.vault.folder in (made.folder, *vaults, *(each.folder for each in before)):
        what = "is a folder of captures or of another vault: whoever is given those is not to have it"
        resource.reading.error(spec.at("vault"), "spec.vault", what, "give it a folder of its own")
    elif made.folder in vaults:
        what = f"{made.folder} is the folder of a vault"
        resource.reading.error(spec.at("folder"), "spec.folder", what, "give it a folder of its own")
