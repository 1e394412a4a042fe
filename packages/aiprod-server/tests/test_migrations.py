"""The history of the schema ends where `tables` is, and can be walked back."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from aiprod_core.errors import InputError
from aiprod_server import migrations, tables
from aiprod_server.database import connect, reading, writing


def schema(engine: sa.Engine) -> dict[str, Any]:
    """All that a database says of its tables, but those of Alembic."""
    inspector = sa.inspect(engine)
    return {
        name: {
            "columns": [column | {"type": repr(column["type"])} for column in inspector.get_columns(name)],
            "primary key": inspector.get_pk_constraint(name),
            "foreign keys": by_name(inspector.get_foreign_keys(name)),
            "unique": by_name(inspector.get_unique_constraints(name)),
            "checks": by_name(inspector.get_check_constraints(name)),
            "indexes": by_name([index | {"dialect_options": spelled(index)} for index in inspector.get_indexes(name)]),
        }
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


def by_name(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(found, key=lambda thing: str(thing["name"]))


def spelled(index: Mapping[str, Any]) -> dict[str, str]:
    """The options of an index as text: clauses of SQL are equal to nothing else."""
    return {name: str(option) for name, option in index["dialect_options"].items()}


@pytest.fixture
def engine(bare: sa.Engine) -> sa.Engine:
    """A database of its own with the schema: these tests take it down again."""
    migrations.upgrade(bare)
    return bare


def test_upgrade_makes_the_tables_and_nothing_else(engine: sa.Engine, new_database: Callable[[], str]) -> None:
    direct = connect(new_database())
    tables.metadata.create_all(direct)
    assert schema(engine) == schema(direct)
    assert set(schema(engine)) == set(tables.metadata.tables)
    direct.dispose()


def test_alembic_sees_no_drift(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_downgrade_to_base_leaves_nothing_and_up_again_works(engine: sa.Engine) -> None:
    whole = schema(engine)
    migrations.downgrade(engine, migrations.BASE)
    assert schema(engine) == {}
    assert migrations.current(engine) is None
    migrations.upgrade(engine)
    assert schema(engine) == whole
    assert migrations.current(engine) == migrations.latest() is not None


def test_upgrade_keeps_what_is_there(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.insert(tables.clients).values(name="ada"))
    migrations.upgrade(engine)
    with reading(engine) as connection:
        assert connection.execute(sa.select(tables.clients.c.name)).scalars().all() == ["ada"]


def test_processes_that_start_at_once_upgrade_one_by_one(bare: sa.Engine, bare_url: str) -> None:
    program = f"from aiprod_server import database, migrations; migrations.upgrade(database.connect({bare_url!r}))"
    starting = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait() for process in starting] == [0, 0]
    assert set(schema(bare)) == set(tables.metadata.tables)


def test_a_failed_upgrade_leaves_nothing(bare: sa.Engine) -> None:
    with writing(bare) as connection:  # stands where a later table of the first revision belongs
        connection.execute(sa.text("CREATE TABLE webhook_outbox (id INTEGER)"))
    with pytest.raises(sa.exc.DBAPIError):
        migrations.upgrade(bare)
    assert set(schema(bare)) == {"webhook_outbox"}
    assert migrations.current(bare) is None


@pytest.mark.parametrize("move", [migrations.upgrade, migrations.downgrade])
def test_an_unknown_revision_is_refused(engine: sa.Engine, move: Callable[[sa.Engine, str], None]) -> None:
    with pytest.raises(InputError, match="nowhere"):
        move(engine, "nowhere")
    assert migrations.current(engine) == migrations.latest()


def test_a_database_of_a_newer_program_is_refused(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="9999"):
        migrations.upgrade(engine)
