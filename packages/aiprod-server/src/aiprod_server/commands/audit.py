"""Check the audit log, export its head, or list what it says."""

import json
from pathlib import Path
from typing import Annotated

import typer

from aiprod_core.errors import InputError
from aiprod_server.access import audit_log
from aiprod_server.access.audit import Head
from aiprod_server.commands.operator import DatabaseUrl, Storage, operator

OWN_FACTS = ("number", "at", "by", "what")  # of every entry; the others are of its act
VERIFY = """
[bold]Examples[/bold]

aiprod audit head > head-of-august.txt

aiprod audit verify --head head-of-august.txt

The chain shows what was changed, removed or put in; what was cut from the end only shows against a head that was
exported before, and is kept on another machine.
"""

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def main() -> None:
    """Check the audit log, export its head, or list what it says."""


@app.command(epilog=VERIFY)
def verify(
    head: Annotated[Path | None, typer.Option(help="A head that was exported before.")] = None,
    database_url: DatabaseUrl = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Say whether every entry is as it was written; exit code 1 if one is not."""
    exported = None if head is None else _read_head(head)
    with operator(database_url, storage) as here:
        broken = audit_log.first_broken(here.engine, here.audit_key(), head=exported)
        count = audit_log.head(here.engine).count
    if as_json:
        typer.echo(json.dumps({"whole": broken is None, "entries": count, "first_broken": broken}))
    elif broken is None:
        typer.echo(f"whole: {count} entries")
    else:
        typer.echo(f"broken: entry {broken} of {count} is not as it was sealed, or is missing")
    if broken is not None:
        raise typer.Exit(1)


@app.command("head", epilog="[bold]Example[/bold]: aiprod audit head > head-of-august.txt")
def head_(database_url: DatabaseUrl = None, storage: Storage = None, as_json: AsJson = False) -> None:
    """Print how long the log is and its last seal, to be kept on another machine."""
    with operator(database_url, storage) as here:
        newest = audit_log.head(here.engine)
    typer.echo(json.dumps({"entries": newest.count, "seal": newest.seal.hex()}) if as_json else newest.text())


@app.command("list", epilog="[bold]Example[/bold]: aiprod audit list --json | jq 'select(.what == \"key created\")'")
def list_(
    database_url: DatabaseUrl = None,
    storage: Storage = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, as it was sealed.")] = False,
) -> None:
    """List the entries, oldest first."""
    with operator(database_url, storage) as here:
        for entry in audit_log.entries(here.engine):
            if as_json:
                typer.echo(entry.text)
                continue
            facts = entry.facts()
            more = {name: value for name, value in facts.items() if name not in OWN_FACTS}
            number, at, by, what = (facts.get(name) for name in OWN_FACTS)
            typer.echo(f"{number} {at} {by}: {what} {json.dumps(more)}")


def _read_head(path: Path) -> Head:
    try:
        return Head.parse(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a head; name the file that `aiprod audit head` made") from error
