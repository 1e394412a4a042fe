"""Whether a database has this program's schema, told in a millisecond: Alembic, which alone can change it, takes longer
to import than the rest of the gateway.
"""

from pathlib import Path

import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.database import reading

VERSIONS = Path(__file__).parent / "migrations" / "versions"
TABLE = "alembic_version"


def wanted() -> str:
    """The newest revision that this program knows: the files of revisions begin with their numbers."""
    return max(path.stem.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


def current(engine: sa.Engine) -> str | None:
    """The revision that the database has; None where it has no schema."""
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table(TABLE):
            return None
        return connection.execute(sa.text(f"SELECT version_num FROM {TABLE}")).scalar_one_or_none()


def bring_up(engine: sa.Engine, *, may_upgrade: bool) -> None:
    """See to it that the database has this program's schema.

    Args:
        may_upgrade: whether to change it. A database of this process alone, in SQLite, is changed anyway.

    Raises:
        InputError: it has another, and may not be changed here.
    """
    found = current(engine)
    if found == wanted():
        return
    if not may_upgrade and engine.dialect.name != "sqlite":
        raise InputError(
            f"database: got the schema {found or 'of nothing'}, expected {wanted()}; run `aiprod db upgrade` while no "
            "older gateway or worker uses it, or start with --upgrade"
        )
    from aiprod_server import migrations

    migrations.upgrade(engine)
