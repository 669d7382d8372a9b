"""`outgate schema`: what the gate's own kinds may hold, for editors and for Kubernetes."""

from __future__ import annotations

import click
import yaml

from outgate.cli.output import show_json
from outgate.cluster.definitions import OWN, definition
from outgate.policy.frontends.native.json_schema import document


class _Plain(yaml.SafeDumper):
    """What stands in several places is written in each."""

    def ignore_aliases(self, data: object) -> bool:
        return True


@click.command()
@click.argument("kinds", metavar="[KIND ...]", nargs=-1, type=click.Choice(tuple(OWN), case_sensitive=False))
@click.option("--crd", is_flag=True, help="CustomResourceDefinitions for Kubernetes instead, as YAML.")
def schema(kinds: tuple[str, ...], crd: bool) -> None:
    """Print the JSON Schema of the gate's own kinds, of all or of some.

    It refuses nothing that the gate takes; the gate refuses more.
    """
    names = kinds or tuple(OWN)
    if not crd:
        show_json(document(names))
    for name in names if crd else ():
        click.echo(f"---\n{text(definition(OWN[name]))}", nl=False)


def text(found: object) -> str:
    """As YAML, in the order in which it was made."""
    return str(yaml.dump(found, Dumper=_Plain, sort_keys=False, width=4096))
