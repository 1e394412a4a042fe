"""The schema's history: brings a database to a revision, and says which it has. The revisions are in `versions`."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from aiprod_core.errors import InputError
from aiprod_server.database import reading, writing

HEAD, BASE = "head", "base"
LOCK = 0x41495052  # of PostgreSQL's advisory locks, ours: two processes that start at once upgrade one by one


def upgrade(engine: sa.Engine, revision: str = HEAD) -> None:
    """Bring the schema up to `revision`, all or nothing; where it is there already, do nothing.

    Raises:
        InputError: the database, or the argument, names a revision that this program does not know.
    """
    _move(engine, command.upgrade, revision)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take the schema down to `revision`, all or nothing; `base` drops every table, with what is in it.

    Raises:
        InputError: the database, or the argument, names a revision that this program does not know.
    """
    _move(engine, command.downgrade, revision)


def current(engine: sa.Engine) -> str | None:
    """The revision that the database has; None where it has no schema."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def latest() -> str | None:
    """The newest revision that this program knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "aiprod_server:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _move(engine: sa.Engine, move: Callable[[Config, str], None], revision: str) -> None:
    config = _config()
    try:
        with writing(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            config.attributes["connection"] = connection
            move(config, revision)
    except CommandError as error:
        raise InputError(
            f"the schema cannot be brought to {revision!r}: {error}; this program's newest is {latest()}"
        ) from error
