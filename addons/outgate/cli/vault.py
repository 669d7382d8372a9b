"""`outgate vault`: what replacements stand for, for who has the key, and a line for each time that somebody asks.

Owns the arguments, how a private key may be kept, and the audit: it is written before anything is shown, and where it
cannot be, nothing is. How a vault is sealed and opened is `outgate.redact.replace.vault`'s.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from outgate.capture.unsealing import Unsealing
from outgate.cli.output import create, json_option, printable, show_json, show_table
from outgate.cli.progress import shown
from outgate.redact.replace.vault import VaultError, private_key

UNKNOWN, UNREADABLE = 1, 2
AUDIT = "audit.ndjson"
MOST = 1000
"""Replacements that are asked for at once."""
OTHERS = stat.S_IRWXG | stat.S_IRWXO

type Command = Callable[..., object]

KEY = (
    click.option(
        "--key",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The private key, in PEM; mode 0600.",
    ),
    click.option("--key-env", metavar="NAME", help="The environment variable that holds it, instead."),
    click.option(
        "--password-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Where the key's password is, if it has one; mode 0600.",
    ),
)


def key_options(command: Command) -> Command:
    for option in reversed(KEY):
        command = option(command)
    return command


@click.group()
def vault() -> None:
    """What replacements of a capture stand for, for whoever has the operator's private key."""


@vault.command()
@click.argument("file", type=click.Path(path_type=Path))
def key(file: Path) -> None:
    """Make a key: the private half into FILE, for its owner alone, the public half beside it as FILE.pub.

    The gate gets the public half, and can seal with it and open nothing. Keep the private half away from the gate.

    Exits 0, or 2 where a file is there already or cannot be written.
    """
    made = X25519PrivateKey.generate()
    private = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other = file.with_name(f"{file.name}.pub")
    create(other, public)
    create(file, private, mode=0o600)
    click.echo(f"{file}: the private key, mode 0600; keep it away from the gate and from version control")
    click.echo(f"{other}: the public key, for vault.key of an EgressCapture")


@vault.command("list")
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="VAULT")
@key_options
@json_option
@click.pass_context
def list_command(
    ctx: click.Context,
    path: Path,
    key: Path | None,
    key_env: str | None,
    password_file: Path | None,
    output: str | None,
) -> None:
    """Say how many replacements each file of a vault holds, and whether it is whole. Shows no value.

    VAULT is a file, or a folder of them. Exits 0, or 2 where nothing can be read.
    """
    opened = Unsealing(path, _key(key, key_env, password_file))
    for _ in shown(opened, "replacements read"):
        pass
    _warn(opened)
    if not opened.held:
        _nothing(ctx, path)
    if output == "json":
        show_json(
            [{"file": str(each.file), "replacements": each.replacements, "whole": each.whole} for each in opened.held]
        )
    else:
        rows = [
            (str(each.file), str(each.replacements), "yes" if each.whole else "it breaks off") for each in opened.held
        ]
        show_table(("file", "replacements", "whole"), rows)


@vault.command("open")
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="VAULT")
@click.argument("tokens", nargs=-1, required=True, metavar="REPLACEMENT...")
@key_options
@click.option("--reason", default="", metavar="TEXT", help="Why, for the audit.")
@click.option(
    "--audit",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Where the audit is written.  [default: {AUDIT} beside the vault]",
)
@json_option
@click.pass_context
def open_command(
    ctx: click.Context,
    path: Path,
    tokens: tuple[str, ...],
    key: Path | None,
    key_env: str | None,
    password_file: Path | None,
    reason: str,
    audit: Path | None,
    output: str | None,
) -> None:
    """PRINT WHAT REPLACEMENTS STAND FOR, after a line in the audit that says who asked for which.

    VAULT is a file, or a folder of them. A replacement is a token, or a value of another format, as it stands in a
    capture. Several values may have become the same one; all are told.

    Exits 0 when all are known, 1 when one is not, 2 where nothing can be read, or the audit not be written.
    """
    if len(tokens) > MOST:
        raise click.UsageError(f"{len(tokens)} replacements are too many at once; at most {MOST}")
    opened = Unsealing(path, _key(key, key_env, password_file))
    wanted = dict.fromkeys(tokens)
    originals: dict[str, dict[str, None]] = {}
    for kept in shown(opened, "replacements read"):
        if kept.token in wanted:
            originals.setdefault(kept.token, {})[kept.original] = None
    _warn(opened)
    if not opened.held and not originals:
        _nothing(ctx, path)
    _audit(audit or (path if path.is_dir() else path.parent) / AUDIT, path, list(wanted), set(originals), reason)
    missing = [token for token in wanted if token not in originals]
    if output == "json":
        show_json({token: list(originals.get(token, ())) for token in wanted})
    else:
        show_table(("replacement", "stands for"), [(token, text) for token in originals for text in originals[token]])
    for token in missing:
        click.echo(f"not in the vault: {printable(token)}", err=True)
    ctx.exit(UNKNOWN if missing else 0)


def _key(file: Path | None, variable: str | None, password_file: Path | None) -> X25519PrivateKey:
    if (file is None) == (variable is None):
        raise click.UsageError("give the private key with --key or with --key-env")
    pem = _secret(file) if file is not None else os.environ.get(variable or "", "").encode()
    if not pem:
        raise click.UsageError(f"{variable} is empty or not set; put the private key there, in PEM")
    password = _secret(password_file).rstrip(b"\r\n") if password_file is not None else None
    try:
        return private_key(pem, password)
    except VaultError as error:
        raise click.UsageError(str(error)) from error


def _secret(file: Path) -> bytes:
    """What only its owner may read."""
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if mode & OTHERS:
                raise click.UsageError(f"{file} has mode {mode:04o}, so that others may read it; chmod 600 {file}")
            return opened.read()
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from error


def _audit(file: Path, path: Path, asked: Sequence[str], known: set[str], reason: str) -> None:
    """Raises where it cannot be written: nothing is shown then."""
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "uid": os.getuid(),
        "user": _user(),
        "vault": str(path.resolve()),
        "asked": asked,
        "known": len(known),
        "reason": reason,
    }
    try:
        at = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(at, "wb") as opened:
            opened.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise click.UsageError(f"the audit {file} cannot be written, so nothing is shown: {error.strerror}") from error
    click.echo(f"audit: {len(asked)} asked for, {len(known)} known, noted in {file}", err=True)


def _user() -> str:
    """By the kernel, not by variables that anybody sets; empty where the uid has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def _warn(opened: Unsealing) -> None:
    for problem in opened.problems:
        click.echo(f"warning: {printable(problem)}", err=True)


def _nothing(ctx: click.Context, path: Path) -> None:
    click.echo(f"{path} holds no vault that this key opens", err=True)
    ctx.exit(UNREADABLE)
