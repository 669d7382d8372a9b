"""What has to be right before anything listens: no key log, a usable policy, a usable CA.

Owns the checks, their words on standard error and the exit codes. What is then started is `app`'s and the supervisor's.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from outgate.hop_ways import require_identity
from outgate.loading import setting_of
from outgate.pki.authority import Authority, load_authority
from outgate.pki.problem import CertificateProblem
from outgate.policy.access import prepare as prepare_rules
from outgate.policy.compile import load
from outgate.policy.frontends import Setting
from outgate.policy.snapshot import Policy
from outgate.problems import PolicyError
from outgate.reload import Beneath, Digests
from outgate.settings import Settings, SettingsError

if TYPE_CHECKING:
    from outgate.cluster.cluster import Cluster

log = logging.getLogger(__name__)

CANNOT, WRONG, UNABLE = 1, 2, 3
"""Exit codes: the policy has problems, wrong usage or unreadable input, the environment is not able."""
KEY_LOGS = ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Loaded and found usable."""

    setting: Setting
    policy: Policy
    authority: Authority
    digest: str = ""
    """Of the policy files, before they were read; empty where they are not what is in force."""
    refused: str = ""
    """Why the policy files are not used, where another process gave the policy in force in their place."""
    beneath: Beneath | None = None
    """What the policy files are laid over, where that is something."""
    cluster: Cluster | None = None
    """The same, where this process is the one to follow it."""

    def warn(self) -> None:
        for problem in (*self.authority.warnings, *self.policy.problems):
            log.warning("%s", problem)


class Unprepared(Exception):
    """Why nothing can start: its text, and the exit `code` that says whose fault it is."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def prepare(settings: Settings, in_force: int | None = None, beneath: Beneath | None = None) -> Prepared | int:
    """What a gate stands on, or the exit code; what was wrong stands on standard error then."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        return prepared(settings, in_force, beneath)
    except Unprepared as error:
        return say(str(error), error.code)


def prepared(settings: Settings, in_force: int | None = None, beneath: Beneath | None = None) -> Prepared:
    """What a gate stands on. Raises `Unprepared`.

    `in_force` is a file with the policy that another process of this gate goes by, for when the files are not usable;
    `beneath` what such a process has heard from the cluster.
    """
    try:
        _refuse_key_logs()
        _require_packages(settings)
        require_identity(settings)
        setting = setting_of(settings)
        authority = load_authority(settings.ca_certificate, settings.ca_key)
        cluster = _cluster(settings) if settings.policy_from_cluster and beneath is None else None
        beneath = beneath or cluster
        digest = Digests(settings.policy, beneath).look()
        policy, refused = _policy(settings, setting, in_force, beneath)
        return Prepared(setting, policy, authority, "" if refused else digest, refused, beneath, cluster)
    except PolicyError as error:
        raise Unprepared(str(error), CANNOT) from error
    except (SettingsError, CertificateProblem, OSError) as error:
        raise Unprepared(str(error), WRONG) from error


def _cluster(settings: Settings) -> Cluster:
    """Nothing starts before all of its policy is known."""
    from outgate.following import Unheard, heard  # the client of Kubernetes, which no other gate needs

    try:
        return heard(settings)
    except Unheard as error:
        raise Unprepared(str(error), UNABLE) from error


def _policy(settings: Settings, setting: Setting, in_force: int | None, beneath: Beneath | None) -> tuple[Policy, str]:
    try:
        return load(settings.policy, setting, beneath.documents() if beneath is not None else None), ""
    except PolicyError as error:
        if in_force is None:
            raise
        with open(in_force, "rb", closefd=False) as file:
            policy: Policy = pickle.load(file)
        prepare_rules(policy.access, policy.defaults)
        log.error("the policy files are not used, %s stays in force", policy.generation)
        return policy, str(error)


def say(text: str, code: int = 0) -> int:
    """On standard error, if it can be written: a gate with a full disk below its log serves."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    return code


def ready_line(settings: Settings, places: Sequence[str], generation: str) -> str:
    """What stands on standard error once traffic is taken."""
    workers = f", {settings.workers} workers" if settings.workers > 1 else ""
    return f"ready: {settings.mode} on {', '.join(places)}, policy {generation}{workers}"


def _refuse_key_logs() -> None:
    for name in KEY_LOGS:
        if os.environ.get(name):
            raise SettingsError(f"{name} is set, which writes session keys to a file; unset it")


def _require_packages(settings: Settings) -> None:
    if settings.redis and find_spec("redis") is None:
        raise SettingsError("the setting redis needs a package that is not here; install outgate[redis]")
    if settings.policy_from_cluster and find_spec("kubernetes_asyncio") is None:
        raise SettingsError("policy from the cluster needs a package that is not here; install outgate[kubernetes]")


def place(address: tuple[object, ...]) -> str:
    """A socket's address as `ADDR:PORT`."""
    host = f"[{address[0]}]" if ":" in str(address[0]) else str(address[0])
    return f"{host}:{address[1]}"
