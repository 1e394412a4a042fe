"""`aiprod audit`: a whole log, a broken one, a shorter one than its head says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from aiprod_core.errors import AiprodError, InputError
from aiprod_server.access import audit_log, secrets
from aiprod_server.access.audit_log import Author
from aiprod_server.commands import audit
from aiprod_server.database import writing
from aiprod_server.tables import audit_log as table

Run = Callable[..., Result]


@pytest.fixture
def run(engine: sa.Engine, tmp_path: Path) -> Run:
    """Runs `aiprod audit` on a log of three entries."""
    author = Author(name="gateway", key=secrets.load(tmp_path, "audit_key"))
    for index in range(3):
        audit_log.note(engine, "configuration loaded", {"index": index}, author=author, now_s=float(index))
    url = engine.url.render_as_string(hide_password=False)

    def ran(*words: str) -> Result:
        environment = {"AIPROD_DATABASE_URL": url, "AIPROD_STORAGE": str(tmp_path)}
        result = CliRunner(env=environment).invoke(audit.app, words)
        if isinstance(result.exception, AiprodError):
            raise result.exception
        return result

    return ran


def test_a_whole_log(run: Run) -> None:
    result = run("verify")
    assert (result.exit_code, result.stdout) == (0, "whole: 3 entries\n")
    assert json.loads(run("verify", "--json").stdout) == {"whole": True, "entries": 3, "first_broken": None}


def test_a_changed_entry_is_found(run: Run, engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.update(table).where(table.c.number == 2).values(text="{}"))
    result = run("verify")
    assert result.exit_code == 1
    assert result.stdout == "broken: entry 2 of 3 is not as it was sealed, or is missing\n"
    assert json.loads(run("verify", "--json").stdout)["first_broken"] == 2


def test_a_cut_end_is_found_against_the_exported_head(run: Run, engine: sa.Engine, tmp_path: Path) -> None:
    exported = tmp_path / "head.txt"
    exported.write_text(run("head").stdout)
    assert run("verify", "--head", str(exported)).exit_code == 0
    with writing(engine) as connection:
        connection.execute(sa.delete(table).where(table.c.number == 3))
    assert run("verify").exit_code == 0
    assert run("verify", "--head", str(exported)).stdout.startswith("broken: entry 3 of 2")


def test_a_head_that_is_none(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "head.txt"
    for said, write in (
        ("cannot be read as a head", lambda: None),
        ("expected a count and 64 hex digits", lambda: wrong.write_text("3 abc")),
        ("cannot be read as a head", lambda: wrong.write_bytes(b"\xff\xfe")),
    ):
        write()
        with pytest.raises(InputError, match=said):
            run("verify", "--head", str(wrong))


def test_entries_are_listed_as_they_were_sealed(run: Run) -> None:
    lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [(line["number"], line["index"]) for line in lines] == [(1, 0), (2, 1), (3, 2)]
    assert run("list").stdout.splitlines()[0] == (
        '1 1970-01-01T00:00:00.000+00:00 gateway: configuration loaded {"index": 0}'
    )
    assert json.loads(run("head", "--json").stdout)["entries"] == 3


def test_without_the_key_of_the_log_nothing_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "secrets" / "audit_key").unlink()
    with pytest.raises(InputError, match="audit_key: got none"):
        run("verify")
    assert not (tmp_path / "secrets" / "audit_key").exists()
