"""Make, list, revoke and rotate API keys, and say what a client may have."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from aiprod_core.errors import InputError
from aiprod_server import acts
from aiprod_server.access import keys
from aiprod_server.access.api_key import ApiKey, KeyRecord
from aiprod_server.access.roles import ROLES
from aiprod_server.commands.operator import DatabaseUrl, Operator, Storage, operator
from aiprod_server.queue import clients
from aiprod_server.queue.clients import Changes

DAY_S, HOUR_S = 86_400.0, 3600.0
NO_LIMIT = "none"
EXAMPLES = "[bold]Examples[/bold]"
CREATE = f"""
{EXAMPLES}

aiprod keys create north --role creator

AIPROD_KEY=$(aiprod keys create north --role viewer --name wall --expires-days 90)
"""
LIMITS = f"""
{EXAMPLES}

aiprod keys limits north --max-running 2 --budget-device-s 36000

aiprod keys limits north --max-running none
"""

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyId = Annotated[str, typer.Argument(help="The part of a key between `aip_live_` and the next `_`.", metavar="ID")]
Limit = Annotated[str | None, typer.Option(metavar="NUMBER|none")]


@app.callback()
def main() -> None:
    """Make, list, revoke and rotate API keys, and say what a client may have."""


@app.command(epilog=CREATE)
def create(
    client: Annotated[str, typer.Argument(help="Whose it is; an unknown one is written down.", metavar="CLIENT")],
    role: Annotated[list[str], typer.Option(help=f"One or more of {', '.join(ROLES)}.")],
    name: Annotated[str, typer.Option(help="To tell the client's keys apart; its id if left out.")] = "",
    expires_days: Annotated[float | None, typer.Option(help="It lasts if left out.")] = None,
    database_url: DatabaseUrl = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is printed this once, alone on stdout."""
    with operator(database_url, storage, may_make=True) as here:
        key, record = keys.create(
            here.engine,
            client=client,
            roles=role,
            name=name,
            expires_at_s=None if expires_days is None else here.now_s + expires_days * DAY_S,
            pepper=here.pepper(),
            author=here.author(),
            now_s=here.now_s,
        )
    _show(key, record, here, as_json)


@app.command("list", epilog=f"{EXAMPLES}: aiprod keys list --client north")
def list_(
    client: Annotated[str | None, typer.Option(help="Of this client alone.")] = None,
    database_url: DatabaseUrl = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """List keys, live or ended; nothing of their secrets."""
    with operator(database_url, storage) as here:
        found = keys.records(here.engine, client)
    if as_json:
        typer.echo(json.dumps([_facts(record, here.now_s) for record in found]))
        return
    table = Table("id", "client", "name", "roles", "state", "last used")
    for record in found:
        used = "never" if record.last_used_at_s is None else _date(record.last_used_at_s)
        table.add_row(
            record.id, record.client, record.name, ", ".join(sorted(record.roles)), _state(record, here), used
        )
    Console().print(table)


@app.command(epilog=f"{EXAMPLES}: aiprod keys revoke 3fKxT0a9QzB")
def revoke(key_id: KeyId, database_url: DatabaseUrl = None, storage: Storage = None, as_json: AsJson = False) -> None:
    """End a key for good; gateways follow within a second."""
    with operator(database_url, storage) as here:
        record = keys.revoke(here.engine, key_id, author=here.author(), now_s=here.now_s)
    facts = _facts(record, here.now_s)
    typer.echo(json.dumps(facts) if as_json else f"revoked {facts['prefix']}, of {record.client}")


@app.command(epilog=f"{EXAMPLES}: aiprod keys rotate 3fKxT0a9QzB --grace-hours 2")
def rotate(
    key_id: KeyId,
    grace_hours: Annotated[float, typer.Option(help="How long the old key goes on.")] = keys.GRACE_S / HOUR_S,
    database_url: DatabaseUrl = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Make the successor of a key. It is printed this once, alone on stdout."""
    with operator(database_url, storage) as here:
        key, record = keys.rotate(
            here.engine,
            key_id,
            pepper=here.pepper(),
            author=here.author(),
            now_s=here.now_s,
            grace_s=grace_hours * HOUR_S,
        )
    _show(key, record, here, as_json)


@app.command(epilog=LIMITS)
def limits(
    client: Annotated[str, typer.Argument(metavar="CLIENT")],
    max_running: Limit = None,
    max_queued: Limit = None,
    max_requests_per_min: Limit = None,
    budget_device_s: Limit = None,
    database_url: DatabaseUrl = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Say what a client may have: what is named changes, the rest stays; nothing named only shows.

    A budget is seconds of devices in a calendar month (UTC).
    """
    changes = Changes()
    if max_running is not None:
        changes["max_running"] = _whole("--max-running", max_running)
    if max_queued is not None:
        changes["max_queued"] = _whole("--max-queued", max_queued)
    if max_requests_per_min is not None:
        changes["max_requests_per_min"] = _whole("--max-requests-per-min", max_requests_per_min)
    if budget_device_s is not None:
        changes["budget_device_s"] = _number("--budget-device-s", budget_device_s)
    with operator(database_url, storage) as here:
        if changes:
            kept = acts.set_limits(here.engine, client, author=here.author(), now_s=here.now_s, **changes)
        else:
            kept = clients.limits(here.engine, client)
    facts = asdict(kept)
    words = [f"{name} {NO_LIMIT if limit is None else limit}" for name, limit in facts.items()]
    typer.echo(json.dumps({"client": client} | facts) if as_json else f"{client}: {', '.join(words)}")


def _show(key: ApiKey, record: KeyRecord, here: Operator, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_facts(record, here.now_s) | {"key": key.reveal()}))
        return
    said = f"{record.name!r} of {record.client}, {', '.join(sorted(record.roles))}, {_state(record, here)}"
    typer.echo(f"{said}; the key is shown only now:", err=True)
    typer.echo(key.reveal())


def _facts(record: KeyRecord, now_s: float) -> dict[str, Any]:
    return {
        "id": record.id,
        "prefix": f"aip_live_{record.id}",
        "client": record.client,
        "name": record.name,
        "roles": sorted(record.roles),
        "live": record.is_live(now_s),
        "created_at": record.created_at_s,
        "expires_at": record.expires_at_s,
        "revoked_at": record.revoked_at_s,
        "last_used_at": record.last_used_at_s,
    }


def _state(record: KeyRecord, here: Operator) -> str:
    if record.revoked_at_s is not None:
        return f"revoked on {_date(record.revoked_at_s)}"
    if record.expires_at_s is None:
        return "lasts"
    return f"{'until' if record.is_live(here.now_s) else 'expired on'} {_date(record.expires_at_s)}"


def _date(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _whole(option: str, text: str) -> int | None:
    try:
        return None if text == NO_LIMIT else int(text)
    except ValueError:
        raise InputError(f"{option}: got {text!r}, expected a whole number, or `{NO_LIMIT}` for no limit") from None


def _number(option: str, text: str) -> float | None:
    try:
        return None if text == NO_LIMIT else float(text)
    except ValueError:
        raise InputError(f"{option}: got {text!r}, expected a number, or `{NO_LIMIT}` for no limit") from None
