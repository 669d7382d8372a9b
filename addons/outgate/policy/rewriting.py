"""What a route makes of a request: the path and the authority that an origin sees, where a redirect leads, a changed
head.

Owns these texts. Pure: whoever carries a route out asks here and does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from outgate.policy.model import Attempt
from outgate.policy.route_model import Redirect, Rewrite
from outgate.policy.routing import WHOLE, Chosen

DEFAULT_PORTS = {"http": 80, "https": 443}
GROUP = re.compile(r"\\(?:([0-9])|(\\))")
EXPRESSIONS = 1024


def rewritten(chosen: Chosen, path: str) -> str | None:
    """The path and query that the origin sees instead of `path`; None where they stay as they are."""
    rewrite = chosen.route.rewrite
    if rewrite is None or (rewrite.path, rewrite.prefix, rewrite.pattern) == (None, None, None):
        return None
    return _with_query(_rewritten(chosen, rewrite), path)


def _rewritten(chosen: Chosen, rewrite: Rewrite) -> str:
    if rewrite.path is not None:
        return rewrite.path
    if rewrite.prefix is not None:
        return _prefixed(chosen, rewrite.prefix)
    return _substituted(chosen.path, rewrite.pattern or "", rewrite.substitution)


def authority_of(chosen: Chosen, backend_host: str | None) -> str | None:
    """The authority that the origin is told instead of what was asked for; None where that stays."""
    rewrite = chosen.route.rewrite
    if rewrite is None:
        return None
    return rewrite.authority or (backend_host if rewrite.to_backend else None)


def location(chosen: Chosen, redirect: Redirect, attempt: Attempt, authority: str) -> str:
    """Where a redirect leads. `authority` is the request's, with its port where it was sent."""
    asked = "https" if attempt.encrypted else "http"
    scheme = redirect.scheme or asked
    return f"{scheme}://{_place(redirect, authority, asked, scheme)}{_target(chosen, redirect, attempt.path)}"


def _place(redirect: Redirect, authority: str, asked: str, scheme: str) -> str:
    host, port = _split(authority)
    if redirect.authority is not None:
        host, port = _split(redirect.authority)
    if redirect.port is not None:
        port = str(redirect.port)
    elif redirect.port_of_scheme or (redirect.scheme is not None and port == str(DEFAULT_PORTS[asked])):
        port = ""
    return host if port in ("", str(DEFAULT_PORTS.get(scheme))) else f"{host}:{port}"


def _split(authority: str) -> tuple[str, str]:
    host, colon, port = authority.rpartition(":")
    return (host, port) if colon and not port.endswith("]") else (authority, "")


def _target(chosen: Chosen, redirect: Redirect, path: str) -> str:
    if redirect.path is not None:
        return redirect.path if "?" in redirect.path else _with_query(redirect.path, path)
    if redirect.prefix is not None:
        return _with_query(_prefixed(chosen, redirect.prefix), path)
    return path


def _prefixed(chosen: Chosen, prefix: str) -> str:
    """Another prefix in the place of the matched one."""
    rest = "" if chosen.matched == WHOLE else chosen.path[chosen.matched :]
    if not chosen.segments:
        return prefix + rest
    return f"{prefix.rstrip('/')}{rest}" if rest else prefix


def _with_query(changed: str, path: str) -> str:
    _, mark, query = path.partition("?")
    return f"{changed}{mark}{query}"


def _substituted(path: str, pattern: str, substitution: str) -> str:
    """Everything that is found replaced. `\\1` is a group, `\\0` all that was found, `\\\\` a backslash."""
    made: list[str] = []
    end = 0
    for found in _compiled(pattern).finditer(path):
        start, stop = found.span()
        parts = [found[0], *(group or "" for group in found.groups())]
        made += [path[end:start], GROUP.sub(_filled(parts), substitution)]
        end = stop
    return "".join([*made, path[end:]])


def _filled(parts: list[str]) -> Callable[[re.Match[str]], str]:
    return lambda found: parts[int(found[1])] if found[1] else found[2]


def substitution_fault(pattern: str, substitution: str) -> str:
    """Why a substitution cannot be used with a valid expression; empty where it can."""
    groups = _compiled(pattern).groups
    if "\\" in GROUP.sub("", substitution):
        return "has a backslash before what is neither a digit nor a backslash"
    missing = next((name for name, _ in GROUP.findall(substitution) if name and int(name) > groups), "")
    return f"names group {missing} of {groups}" if missing else ""


@lru_cache(EXPRESSIONS)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)
