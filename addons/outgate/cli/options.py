"""The options that commands share, and the policy that they lead to.

Owns flags, defaults and the errors of their use. What a setting means is `outgate.settings`'s.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from outgate.policy.documents import files
from outgate.problems import PolicyError
from outgate.settings import Settings, SettingsError, read_settings

DEFAULT = Path("policy")
SPAN = re.compile(r"(\d+(?:\.\d+)?)(m|h|d|w)", re.ASCII)
SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

type Command = Callable[..., object]

POLICY = (
    click.option(
        "--policy",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="PATH",
        help="Policy files, or directories of them. May be repeated: later ones overlay earlier ones.  "
        "[default: ./policy, if it is there]",
    ),
    click.option("--strict/--lenient", default=None, help="Refuse what cannot be applied, or warn.  [default: strict]"),
    click.option(
        "--set",
        "pairs",
        multiple=True,
        metavar="KEY=VALUE",
        help="A setting, such as gate_namespace=egress. May be repeated; OUTGATE_KEY variables count too.",
    ),
)


def policy_options(command: Command) -> Command:
    """`--policy`, `--strict`, `--lenient` and `--set`, as arguments `policy`, `strict` and `pairs`."""
    for option in reversed(POLICY):
        command = option(command)
    return command


def read(pairs: Sequence[str], **flags: object) -> Settings:
    """The settings; where they cannot be used the command ends with code 2."""
    try:
        return read_settings(flags, pairs, os.environ)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def settings_of(policy: Sequence[Path], strict: bool | None, pairs: Sequence[str], **flags: object) -> Settings:
    """The settings, with policy paths that can be read; where there is none the command ends with code 2."""
    settings = read(pairs, policy=tuple(policy) or None, strict=strict, **flags)
    paths = settings.policy or ((DEFAULT,) if DEFAULT.is_dir() and not settings.policy_from_cluster else ())
    if not paths and not settings.policy_from_cluster:
        raise click.UsageError("no policy is given; name one with --policy, or make ./policy")
    for path in paths:
        require_readable(path)
    return replace(settings, policy=paths)


def moment(_ctx: click.Context, _param: click.Parameter, text: str | None) -> float | None:
    """Seconds since the epoch, of a length of time that ends now, or of a moment."""
    if text is None:
        return None
    if (span := SPAN.fullmatch(text)) is not None:
        return time.time() - float(span[1]) * SECONDS[span[2]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f'"{text}" is no time; write 30m, 12h, 7d, 2w or 2026-01-31T12:00:00Z') from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def require_readable(path: Path) -> None:
    """Ends the command with code 2 where a policy path cannot be read."""
    if not path.exists():
        raise click.UsageError(f'the policy "{path}" does not exist; name a file or a directory')
    try:
        found = files(path)
    except PolicyError as error:
        raise click.UsageError(str(error)) from error
    for file in found:
        if not os.access(file, os.R_OK):
            raise click.UsageError(f'"{file}" cannot be read; allow it')
