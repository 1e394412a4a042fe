"""`aiprod keys`: a key alone on stdout, everything else beside it; what is changed is in the audit log."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from aiprod_core.errors import AiprodError, InputError
from aiprod_server.access import api_key, audit_log, keys, secrets
from aiprod_server.commands import keys as command
from aiprod_server.queue import clients

Run = Callable[..., Result]


@pytest.fixture
def run(engine: sa.Engine, tmp_path: Path) -> Run:
    """Runs `aiprod keys` against the database, with the storage of this test."""
    url = engine.url.render_as_string(hide_password=False)
    environment = {"AIPROD_DATABASE_URL": url, "AIPROD_STORAGE": str(tmp_path), "COLUMNS": "200"}

    def ran(*words: str) -> Result:
        result = CliRunner(env=environment).invoke(command.app, words)
        if isinstance(result.exception, AiprodError):
            raise result.exception
        return result

    return ran


def made(run: Run, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("create", "north", "--role", "creator", "--json", *words).stdout)
    return found


def written(engine: sa.Engine) -> list[object]:
    return [entry.facts()["what"] for entry in audit_log.entries(engine)]


def test_a_key_is_alone_on_stdout_and_opens(run: Run, engine: sa.Engine, tmp_path: Path) -> None:
    result = run("create", "north", "--role", "creator", "--role", "viewer", "--name", "ci", "--expires-days", "2")
    assert result.exit_code == 0
    [text] = result.stdout.splitlines()
    assert text not in result.stderr
    assert "'ci' of north, creator, viewer, until " in result.stderr
    key = api_key.parse(text)
    record = keys.find(engine, key.id)
    assert record is not None
    assert record.expires_at_s == record.created_at_s + 2 * 86_400
    pepper = secrets.load(tmp_path, "pepper", may_make=False)
    assert api_key.refusal(key, record, pepper=pepper, now_s=record.created_at_s) is None
    [entry] = audit_log.entries(engine)
    assert str(entry.facts()["by"]).startswith("operator ")
    assert key.secret not in entry.text


def test_keys_are_listed_without_their_secrets(run: Run) -> None:
    first, second = made(run), made(run, "--name", "wall")
    run("revoke", first["id"])
    listed = json.loads(run("list", "--json").stdout)
    assert [(key["id"], key["name"], key["live"]) for key in listed] == [
        (first["id"], first["id"], False),
        (second["id"], "wall", True),
    ]
    table = run("list", "--client", "north").stdout
    assert "revoked on" in table
    assert "wall" in table
    assert second["key"].rsplit("_", 1)[1] not in table
    assert run("list", "--client", "south", "--json").stdout == "[]\n"


def test_a_rotation_gives_the_successor_alone(run: Run, engine: sa.Engine) -> None:
    first = made(run, "--name", "ci")
    result = run("rotate", first["id"], "--grace-hours", "0")
    successor = keys.find(engine, api_key.parse(result.stdout.strip()).id)
    assert successor is not None
    assert (successor.name, successor.client) == ("ci", "north")
    with pytest.raises(InputError, match="has ended"):
        run("rotate", first["id"])
    assert written(engine) == ["key created", "key rotated"]


def test_limits_change_one_by_one(run: Run, engine: sa.Engine) -> None:
    run("limits", "north", "--max-running", "2", "--budget-device-s", "0.5")
    shown = run("limits", "north", "--max-running", "none", "--max-queued", "7", "--json")
    assert json.loads(shown.stdout) == {
        "client": "north",
        "max_running": None,
        "max_queued": 7,
        "max_requests_per_min": None,
        "budget_device_s": 0.5,
    }
    before = written(engine)
    assert run("limits", "north").stdout == (
        "north: max_running none, max_queued 7, max_requests_per_min none, budget_device_s 0.5\n"
    )
    assert written(engine) == before == ["limits changed", "limits changed"]
    assert clients.limits(engine, "north").max_queued == 7


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "north", "--role", "root"), "got 'root', expected one of viewer"),
        (("create", "a/b", "--role", "viewer"), "client: got 'a/b'"),
        (("create", "north", "--role", "viewer", "--expires-days", "0"), "expected a time after now"),
        (("limits", "north", "--max-running", "two"), "--max-running: got 'two', expected a whole number"),
        (("limits", "north", "--max-queued", "-1"), "max_queued: got -1"),
        (("limits", "north", "--budget-device-s", "nan"), "budget_device_s: got nan"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, engine: sa.Engine, words: tuple[str, ...], said: str) -> None:
    run("create", "first", "--role", "viewer")
    with pytest.raises(InputError, match=said):
        run(*words)
    assert written(engine) == ["key created"]


def test_an_unknown_key_is_said(run: Run) -> None:
    made(run)
    with pytest.raises(InputError, match="no key '00000000000'"):
        run("revoke", "0" * 11)


def test_secrets_of_another_gateway_are_refused(run: Run, engine: sa.Engine, tmp_path: Path) -> None:
    made(run)
    for name, said in (
        ("pepper", "1 of 1 live keys were made with another one"),
        ("audit_key", "than that of the log"),
    ):
        kept = tmp_path / "secrets" / name
        before = kept.read_text()
        kept.write_text("ab" * 32)
        with pytest.raises(InputError, match=said):
            made(run)
        kept.write_text(before)
    assert audit_log.first_broken(engine, secrets.load(tmp_path, "audit_key")) is None


def test_a_database_that_is_not_there_is_made_for_a_key_alone(tmp_path: Path) -> None:
    environment = {"AIPROD_DATABASE_URL": f"sqlite:///{tmp_path / 'new.db'}", "AIPROD_STORAGE": str(tmp_path / "s")}
    runner = CliRunner(env=environment)
    refused = runner.invoke(command.app, ["list"])
    assert isinstance(refused.exception, InputError)
    assert "no database at" in str(refused.exception)
    assert list(tmp_path.iterdir()) == []
    assert runner.invoke(command.app, ["create", "north", "--role", "viewer"]).exit_code == 0
    assert "north" in runner.invoke(command.app, ["list"]).stdout
