"""Only URLs that keep jobs are opened, and a transaction is all or nothing."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from aiprod_core.errors import InputError
from aiprod_server import database
from aiprod_server.database import connect, network_file_system, reading, writing
from aiprod_server.tables import clients, jobs

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:35 / /srv/films rw,relatime shared:20 - nfs4 store:/films rw,vers=4.2
41 40 8:2 / /srv/films/local rw - xfs /dev/sdb1 rw
42 22 0:36 / /srv/two\\040words rw master:3 - fuse.sshfs far:/ rw
"""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://localhost/jobs", "mysql"),
        ("postgresql://localhost/jobs", "expected sqlite:///PATH or postgresql"),
        ("no url at all", "cannot be read"),
        ("sqlite://", "memory"),
        ("sqlite:///:memory:", "memory"),
        ("sqlite:////no/such/folder/jobs.db", "does not exist"),
        ("postgresql+psycopg://ada:secret@/jobs?host=/no/such/folder", "does not answer"),
    ],
)
def test_a_database_that_keeps_no_jobs_is_refused(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refusal:
        connect(url)
    assert "secret" not in str(refusal.value)


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError, match="not a database"):
        connect(f"sqlite:///{film}")
    assert film.read_bytes() == b"not a database at all" * 100


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ada/jobs.db", None),
        ("/srv/films/jobs.db", "nfs4"),
        ("/srv/films/local/jobs.db", None),
        ("/srv/two words/jobs.db", "fuse.sshfs"),
        ("/srv/filmsets/jobs.db", None),
    ],
)
def test_a_network_file_system_is_seen(path: str, kind: str | None) -> None:
    assert network_file_system(Path(path), MOUNTS) == kind


def test_an_error_rolls_back(engine: sa.Engine) -> None:
    def write_and_break() -> None:
        with writing(engine) as connection:
            connection.execute(sa.insert(clients).values(name="ada"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_break()
    with reading(engine) as connection:
        assert connection.execute(sa.select(clients)).all() == []


def test_a_job_of_nobody_is_refused(engine: sa.Engine) -> None:
    row = {"id": "x", "client": "nobody", "state": "queued", "priority": 0, "request": {}, "fingerprint": ""}
    times = {"submitted_at": 0.0, "run_at": 0.0, "attempt": 0, "max_attempts": 1}
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as connection:
        connection.execute(sa.insert(jobs).values(row | times))


def test_sqlite_is_set_for_many_processes(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'jobs.db'}")
    with reading(engine) as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert told == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_reader_of_sqlite_waits_for_no_writer(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'jobs.db'}")
    with writing(engine), reading(engine) as connection:
        assert connection.execute(sa.select(1)).scalar_one() == 1
    engine.dispose()


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_transaction_that_stalls_is_ended_and_what_it_held_is_free(
    engine: sa.Engine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "STALLED_S", 0.2)
    touch = sa.update(clients)
    with writing(engine) as connection:
        connection.execute(sa.insert(clients).values(name="ada"))
    stalls = connect(url)
    stalled = stalls.connect()
    stalled.execute(touch.values(last_started=1.0))
    with writing(engine) as connection:  # waits until the other one is ended
        connection.execute(touch.values(last_started=2.0))
    with pytest.raises(DBAPIError) as raised:
        stalled.execute(touch.values(last_started=1.0))
    assert raised.value.connection_invalidated
    stalled.close()
    stalls.dispose()
    with reading(engine) as connection:
        assert connection.execute(sa.select(clients.c.last_started)).scalar_one() == 2.0
