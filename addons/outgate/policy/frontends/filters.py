"""The filters that routes of the Gateway API have, and Kuma's have after it.

Owns what their blocks come to in the model. Which filters a mesh knows is the mesh's.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.policy.route_model import HeaderChange, HeaderValue, Redirect
from outgate.policy.schema import Record

REDIRECTED = 302


def plainly(text: str) -> HeaderValue:
    """A value that is what it says."""
    return text


def header_changes(block: Record, read: Callable[[str], HeaderValue] = plainly) -> HeaderChange:
    """`read` is how the mesh understands a value."""

    def pairs(name: str) -> tuple[tuple[str, HeaderValue], ...]:
        return tuple((header.get("name"), read(header.get("value"))) for header in block.get(name, []))

    return HeaderChange(pairs("set"), pairs("add"), tuple(block.get("remove", [])))


def redirect(block: Record) -> Redirect:
    path: Record | None = block.get("path")
    return Redirect(
        status=block.get("statusCode", REDIRECTED),
        scheme=block.get("scheme"),
        authority=block.get("hostname"),
        port=block.get("port"),
        port_of_scheme=block.get("port") is None and block.get("scheme") is not None,
        path=path.get("replaceFullPath") if path is not None else None,
        prefix=path.get("replacePrefixMatch") if path is not None else None,
    )
