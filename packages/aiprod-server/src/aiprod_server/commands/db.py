"""Bring the service's database to this program's schema, or say what it has."""

import json
from typing import Annotated

import typer

from aiprod_server import migrations
from aiprod_server.database import connect, missing_file
from aiprod_server.settings import OWN, OWN_URL

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

DatabaseUrl = Annotated[
    str,
    typer.Option(
        envvar="AIPROD_DATABASE_URL",
        help="sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME.",
        show_default="a SQLite file in ~/.local/share/aiprod",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")]


@app.callback()
def main() -> None:
    """Bring the service's database to this program's schema, or say what it has."""


@app.command(epilog="[bold]Example[/bold]: aiprod db upgrade --database-url sqlite:///jobs.db")
def upgrade(database_url: DatabaseUrl = OWN_URL, as_json: AsJson = False) -> None:
    """Create the tables, or bring them up to date: all or nothing, and nothing where they are."""
    if database_url == OWN_URL:
        OWN.parent.mkdir(parents=True, exist_ok=True)
    engine = connect(database_url)
    migrations.upgrade(engine)
    engine.dispose()
    current(database_url, as_json)


@app.command(epilog="[bold]Example[/bold]: aiprod db current --json")
def current(database_url: DatabaseUrl = OWN_URL, as_json: AsJson = False) -> None:
    """Say which revision of the schema the database has, and which this program wants; exit code 1 if they differ."""
    missing = missing_file(database_url)
    facts = {"revision": None if missing else _revision(database_url), "wanted": migrations.latest()}
    if as_json:
        typer.echo(json.dumps(facts))
    elif missing:
        typer.echo(f"no database at {missing}; `aiprod db upgrade` makes it")
    else:
        typer.echo(f"revision {facts['revision']}, wanted {facts['wanted']}")
    if facts["revision"] != facts["wanted"]:
        raise typer.Exit(1)


def _revision(database_url: str) -> str | None:
    engine = connect(database_url)
    revision = migrations.current(engine)
    engine.dispose()
    return revision
