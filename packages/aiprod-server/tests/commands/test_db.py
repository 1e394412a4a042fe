"""`aiprod db` brings a database up to date and says what it has."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from aiprod_core.errors import InputError
from aiprod_server import migrations, tables
from aiprod_server.commands import db


def run(*words: str, **environment: str) -> tuple[int, str]:
    result = CliRunner(env=environment).invoke(db.app, words)
    if isinstance(result.exception, InputError):
        raise result.exception
    return result.exit_code, result.stdout.strip()


def test_upgrade_makes_the_tables(bare_url: str, bare: sa.Engine) -> None:
    assert run("upgrade", "--database-url", bare_url) == (
        0,
        f"revision {migrations.latest()}, wanted {migrations.latest()}",
    )
    assert set(tables.metadata.tables) <= set(sa.inspect(bare).get_table_names())


def test_current_says_what_is_missing(bare_url: str) -> None:
    code, told = run("current", "--json", AIPROD_DATABASE_URL=bare_url)
    assert (code, json.loads(told)) == (1, {"revision": None, "wanted": migrations.latest()})
    run("upgrade", AIPROD_DATABASE_URL=bare_url)
    assert run("current", AIPROD_DATABASE_URL=bare_url)[0] == 0


def test_current_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    code, told = run("current", "--database-url", f"sqlite:///{path}")
    assert (code, told) == (1, f"no database at {path}; `aiprod db upgrade` makes it")
    assert list(tmp_path.iterdir()) == []


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="expected sqlite"):
        run("upgrade", "--database-url", "jobs.db")


def test_the_default_is_a_file_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "share" / "jobs.db"
    monkeypatch.setattr(db, "OWN", own)
    monkeypatch.setattr(db, "OWN_URL", f"sqlite:///{own}")
    assert run("upgrade", "--database-url", f"sqlite:///{own}")[0] == 0
    assert own.is_file()
