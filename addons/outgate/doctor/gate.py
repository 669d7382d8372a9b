"""Checks of what the gate is given and of the gate that runs: CA, policy, roots, the admin endpoint.

Owns what of it is wrong. Each asks the code that the gate itself asks.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from outgate.doctor.finding import Finding, note, ok, wrong
from outgate.pki.authority import load_authority
from outgate.pki.problem import CertificateProblem
from outgate.pki.roots import read_roots
from outgate.policy.compile import load
from outgate.policy.frontends import Setting
from outgate.problems import PolicyError, Problem, Severity, Where
from outgate.reload import Beneath
from outgate.settings import parse_address

PATIENCE = 3.0
"""Seconds for the admin endpoint."""
AWAY = 10.0
"""Seconds without word from a cluster that are no mere change of connection."""
SHOWN = 10
"""Problems of a policy that are listed; `outgate check` lists all."""
UNIX = "unix:"
START = "start it with outgate run"
RIGHTS = "let the gate reach the API, and give it the rights to list and to watch these kinds"


def authority(certificate: Path, key: Path, clock: Callable[[], float] = time.time) -> Iterator[Finding]:
    """The pair: whether it is one, how long, and who may read the key."""
    if missing := [path for path in (certificate, key) if not os.path.lexists(path)]:
        fix = "make one with outgate certs init, or say where it is with ca_certificate and ca_key"
        yield wrong("CA", f"{' and '.join(map(str, missing))} cannot be found", fix)
        return
    try:
        found = load_authority(certificate, key, clock=clock)
    except CertificateProblem as error:
        yield _told("CA", error.problem)
        return
    yield from (_told("CA", warning) for warning in found.warnings)
    yield ok("CA", f"{certificate} is valid until {found.end:%Y-%m-%d}")


def _told(check: str, problem: Problem) -> Finding:
    return wrong(check, f"{problem.where}: {problem.what}", problem.hint or "run outgate certs inspect")


def roots(paths: Sequence[Path]) -> Iterator[Finding]:
    """What is trusted beside the system's."""
    for path in paths:
        try:
            found = read_roots(path)
        except CertificateProblem as error:
            yield _told("upstream roots", error.problem)
            continue
        if found:
            yield ok("upstream roots", f"{path} has {len(found)}")
        else:
            yield wrong("upstream roots", f"{path} holds no certificate", "name a PEM file with the roots of origins")


def policy(paths: Sequence[Path], setting: Setting, beneath: Beneath | None = None) -> Iterator[Finding]:
    """`beneath`: what the files are laid over, where that is something."""
    if not paths and beneath is None:
        yield wrong(
            "policy", "none is given, and without one nothing starts", "name it with --policy, or make ./policy"
        )
        return
    try:
        compiled = load(paths, setting, beneath.documents() if beneath is not None else None)
    except (PolicyError, OSError) as error:
        problems = error.problems if isinstance(error, PolicyError) else (_unreadable(error),)
        yield from _listed([problem for problem in problems if problem.severity is Severity.ERROR])
        return
    if compiled.problems:
        yield note("policy", f"{len(compiled.problems)} warnings", "run outgate check to see them")
    yield ok("policy", f"{len(compiled.destinations)} destinations, mode {compiled.defaults.mode}")


def _unreadable(error: OSError) -> Problem:
    return Problem(Where(str(error.filename or "policy")), str(error.strerror or error).lower(), "make it readable")


def _listed(problems: Sequence[Problem]) -> Iterator[Finding]:
    for problem in problems[:SHOWN]:
        yield wrong("policy", f"{problem.where}: {problem.what}", problem.hint or "run outgate check")
    if len(problems) > SHOWN:
        yield wrong("policy", f"{len(problems) - SHOWN} problems more", "run outgate check to see them")


def admin(endpoint: str) -> Iterator[Finding]:
    """Of a gate that runs here. Where none does, that is no fault."""
    if not endpoint:
        yield note("gate", "it is set to have no admin endpoint, so it cannot be asked")
        return
    try:
        status, told = ask(endpoint, "/status")
    except (OSError, ValueError, http.client.HTTPException) as error:
        yield note("gate", f"nobody answers at {endpoint}: {_why(error)}", START)
        return
    if status != 200:
        yield note("gate", f"{endpoint} answers {status}", "ask as root or as the gate's own user")
        return
    yield from _of_status(told)


def _of_status(told: dict[str, Any]) -> Iterator[Finding]:
    """What a running gate says of itself."""
    policy = told.get("policy", {})
    if told.get("ready"):
        yield ok("gate", f"it is ready, policy {policy.get('digest', '')}, {told.get('connections', 0)} connections")
    else:
        reason = told.get("reason") or "it does not say why"
        yield wrong("gate", f"it is not ready: {reason}", "wait for it; if it stays so, read its log")
    if error := policy.get("last_error"):
        first = str(error).splitlines()[0]
        yield wrong(
            "gate", f"its last reload was refused: {first}", "correct the policy; outgate check finds all of it"
        )
    if cluster := policy.get("cluster"):
        yield followed(cluster)
    if trips := told.get("guard_trips"):
        yield wrong("gate", f"{trips} failures inside it were contained", "its log has each; report them")
    if dropped := told.get("counts", {}).get("log_dropped"):
        yield wrong("gate", f"{dropped} lines of its log were lost", "read its standard output faster")


def followed(told: dict[str, Any]) -> Finding:
    """Of what is known of it, as a gate's status has it."""
    if told["age"] > AWAY:
        what = f"it was last heard {told['age']:.0f} s ago: {told['reason']}"
        return wrong("cluster", what, f"the policy before stays in force; {RIGHTS}")
    without = f"; not served: {', '.join(told['absent'])}" if told["absent"] else ""
    return ok("cluster", f"documents of policy in it: {told['documents']}{without}")


def ask(endpoint: str, path: str) -> tuple[int, dict[str, Any]]:
    """Status and content of one request. Raises OSError, ValueError and HTTPException."""
    connection = _connection(endpoint)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if answer.status == 200 else {}
    finally:
        connection.close()


def _connection(endpoint: str) -> http.client.HTTPConnection:
    if endpoint.startswith(UNIX):
        made = http.client.HTTPConnection("localhost", timeout=PATIENCE)
        made.sock = socket.socket(socket.AF_UNIX)
        made.sock.settimeout(PATIENCE)
        try:
            made.sock.connect(endpoint.removeprefix(UNIX))
        except OSError:
            made.close()
            raise
        return made
    host, port = parse_address(endpoint)
    return http.client.HTTPConnection(host or "127.0.0.1", port, timeout=PATIENCE)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
