"""What is redacted by whom, for commands that redact: the documents that are named, or the default rules.

Owns the choice, and the key of one run. What is taken, and what stands for it, is for `outgate.redact` to say.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import click

from outgate.capture.redactors import digest_of
from outgate.cli.options import settings_of
from outgate.loading import setting_of
from outgate.policy.compile import load
from outgate.policy.redaction_model import KeepingPolicy, Mode, RedactionPolicy, RedactionRule
from outgate.redact.pipeline import Redactor
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import TOKEN, Replacer

MASTER = 32
"""Bytes of a key."""
EARLIER = RedactionRule("earlier-token", patterns=(TOKEN.pattern,))
"""What redaction has put somewhere before gets a token of this run."""


def redactions_of(path: Path | None, mode: str | None) -> tuple[RedactionPolicy, ...]:
    """What the documents say; where there is none, the defaults. Raises `PolicyError`."""
    if path is None:
        return (RedactionPolicy("defaults", mode=Mode(mode or Mode.DETECT)),)
    settings = settings_of((path,), None, ())
    said = load(settings.policy, setting_of(settings)).keeping.redactions
    if not said:
        raise click.UsageError(f'there is no EgressRedaction in "{path}"')
    return tuple(replace(each, mode=Mode(mode)) for each in said) if mode else said


def redactor_of(
    redactions: tuple[RedactionPolicy, ...], run: str, tell: Callable[[Mapping[str, str]], None] | None = None
) -> Redactor:
    """With a key of its own, so that nothing in two runs has equal tokens."""
    keeping = KeepingPolicy(redactions)
    digest = digest_of(keeping)
    return Redactor(keeping, Replacer(Keys(secrets.token_bytes(MASTER), run, digest)), digest, (EARLIER,), tell=tell)
