"""`outgate`: the commands and where each lives.

Owns the table of commands. A command's module is loaded when the command is called, so that `check` does not pay for
what `run` needs.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NoReturn

import click

from outgate import __version__

INTERRUPTED = 130
COMMANDS: Mapping[str, str] = {
    "run": "outgate.cli.run:run",
    "exec": "outgate.cli.exec:exec_command",
    "web": "outgate.cli.web:web",
    "check": "outgate.cli.check:check",
    "explain": "outgate.cli.explain:explain",
    "convert": "outgate.cli.convert:convert_command",
    "test": "outgate.cli.test:test",
    "schema": "outgate.cli.schema:schema",
    "learn": "outgate.cli.learn:learn",
    "redact": "outgate.cli.redact:redact",
    "status": "outgate.cli.status:status",
    "get": "outgate.cli.get:get",
    "graph": "outgate.cli.graph:graph",
    "export": "outgate.cli.export:export",
    "mock": "outgate.cli.mock:mock",
    "replay": "outgate.cli.replay:replay",
    "backtest": "outgate.cli.backtest:backtest",
    "vault": "outgate.cli.vault:vault",
    "log-level": "outgate.cli.log_level:log_level",
    "certs": "outgate.cli.certs:certs",
    "iptables": "outgate.cli.iptables:iptables_group",
    "inject": "outgate.cli.inject:inject",
    "webhook": "outgate.cli.webhook:webhook",
    "doctor": "outgate.cli.doctor:doctor",
}
"""`module:attribute` by name, in the order of `--help`."""


class Unable(click.ClickException):
    """The system has said no."""

    exit_code = 3


class Commands(click.Group):
    """A group that knows its commands by name and loads the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (place := COMMANDS.get(cmd_name)) is None:
            return None
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """What no command expects of files and of Ctrl-C is told in a line, and is no answer."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\ninterrupted", err=True)
            ctx.exit(INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # nobody reads on: click ends quietly
            raise Unable(str(error)) from error


@click.command(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="outgate", message="%(prog)s %(version)s")
@click.pass_context
def outgate(ctx: click.Context) -> None:
    """The gate through which a workload's traffic leaves.

    Exit codes: 0 fine, 1 the answer is no, 2 wrong usage or unreadable input, 3 the environment is not able, 130
    interrupted.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> NoReturn:
    """Run the command that the arguments name, and end the process with its exit code."""
    sys.exit(outgate.main(prog_name="outgate"))
