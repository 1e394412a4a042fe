"""The log in a database: in the caller's transaction, without gaps, whole under many writers, and broken by a hand."""

import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from aiprod_core.errors import InputError
from aiprod_server.access import audit_log
from aiprod_server.access.audit import Head
from aiprod_server.access.audit_log import Author
from aiprod_server.database import writing
from aiprod_server.tables import audit_log as table
from aiprod_server.tables import clients

KEY = bytes(range(32))
ADA = Author(name="operator ada", key=KEY)


def append(engine: sa.Engine, number: int = 1) -> None:
    for index in range(number):
        with writing(engine) as connection:
            audit_log.append(connection, "key created", {"index": index}, author=ADA, now_s=100.0 + index)


def test_an_entry_says_who_did_what_and_when(engine: sa.Engine) -> None:
    append(engine)
    [entry] = audit_log.entries(engine)
    assert entry.facts() == {
        "at": "1970-01-01T00:01:40.000+00:00",
        "by": "operator ada",
        "index": 0,
        "number": 1,
        "what": "key created",
    }
    assert KEY.hex() not in repr(ADA)


def test_an_empty_log_is_whole(engine: sa.Engine) -> None:
    assert list(audit_log.entries(engine)) == []
    assert audit_log.head(engine) == Head(count=0)
    assert audit_log.first_broken(engine, KEY) is None


def test_more_than_a_page_comes_in_order(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "PAGE", 3)
    append(engine, 7)
    assert [entry.facts()["number"] for entry in audit_log.entries(engine)] == [1, 2, 3, 4, 5, 6, 7]
    assert audit_log.first_broken(engine, KEY) is None


def test_what_is_rolled_back_leaves_no_entry_and_no_gap(engine: sa.Engine) -> None:
    append(engine)
    with suppress(IntegrityError), writing(engine) as connection:
        audit_log.append(connection, "key created", {}, author=ADA, now_s=1.0)
        connection.execute(sa.insert(clients).values(name="ada", max_running=-1))
    append(engine)
    assert [entry.facts()["number"] for entry in audit_log.entries(engine)] == [1, 2]
    assert audit_log.first_broken(engine, KEY) is None


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        (sa.update(table).where(table.c.number == 2).values(text="{}"), 2),
        (sa.delete(table).where(table.c.number == 3), 3),
        (sa.delete(table).where(table.c.number == 1), 1),
        (sa.update(table).where(table.c.number == 4).values(seal=bytes(32)), 4),
        (sa.delete(table).where(table.c.number == 5), 5),
        (sa.delete(table), 1),
    ],
)
def test_a_tampered_log_is_found_out(engine: sa.Engine, tamper: sa.Executable, broken: int) -> None:
    append(engine, 5)
    head = audit_log.head(engine)
    assert audit_log.first_broken(engine, KEY, head=head) is None
    with writing(engine) as connection:
        connection.execute(tamper)
    assert audit_log.first_broken(engine, KEY, head=head) == broken


def test_another_key_verifies_nothing(engine: sa.Engine) -> None:
    append(engine, 2)
    assert audit_log.first_broken(engine, bytes(32)) == 1


def test_a_float_cannot_be_sealed_and_nothing_is_written(engine: sa.Engine) -> None:
    facts: dict[str, Any] = {"device_s": 1.5}
    with writing(engine) as connection, pytest.raises(InputError, match="float"):
        audit_log.append(connection, "limits changed", facts, author=ADA, now_s=1.0)
    assert list(audit_log.entries(engine)) == []


def test_processes_that_append_at_once_make_one_chain(engine: sa.Engine, url: str) -> None:
    program = f"""
import sys
from aiprod_server import database
from aiprod_server.access import audit_log
author = audit_log.Author(name=sys.argv[1], key=bytes(range(32)))
engine = database.connect({url!r})
print("ready", flush=True)
input()
for index in range(40):
    with database.writing(engine) as connection:
        audit_log.append(connection, "key created", {{"index": index}}, author=author, now_s=100.0)
"""
    pipe = subprocess.PIPE
    names = ("one", "two", "three")
    writers = [subprocess.Popen([sys.executable, "-c", program, name], stdin=pipe, stdout=pipe) for name in names]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    facts = [entry.facts() for entry in audit_log.entries(engine)]
    assert [fact["number"] for fact in facts] == list(range(1, 121))
    for name in names:
        assert [fact["index"] for fact in facts if fact["by"] == name] == list(range(40))
    assert audit_log.first_broken(engine, KEY) is None


def test_the_key_of_the_log_is_told_from_another(engine: sa.Engine) -> None:
    audit_log.check_key(engine, bytes(32))  # nothing is sealed yet
    for _ in range(3):
        append(engine)
        audit_log.check_key(engine, KEY)
        with pytest.raises(InputError, match="got another than that of the log"):
            audit_log.check_key(engine, bytes(32))
    for number in (1, 3):
        with writing(engine) as connection:  # one changed end is for `first_broken` to find, and stops nobody's work
            connection.execute(sa.update(table).where(table.c.number == number).values(text="{}"))
        if number == 1:
            audit_log.check_key(engine, KEY)
    with pytest.raises(InputError, match="got another than that of the log"):
        audit_log.check_key(engine, KEY)
