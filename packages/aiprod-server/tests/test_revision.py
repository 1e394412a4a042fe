"""Whether the schema is this program's, told without Alembic, and as Alembic tells it."""

import pytest
import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server import migrations, revision
from aiprod_server.database import writing


def test_it_tells_what_alembic_tells(bare: sa.Engine) -> None:
    assert revision.wanted() == migrations.latest()
    assert revision.current(bare) is None
    migrations.upgrade(bare)
    assert revision.current(bare) == migrations.current(bare) == revision.wanted()


def test_a_database_of_ones_own_is_brought_up_and_a_shared_one_only_if_told(bare: sa.Engine) -> None:
    if bare.dialect.name == "postgresql":
        with pytest.raises(InputError, match=r"aiprod db upgrade.*--upgrade"):
            revision.bring_up(bare, may_upgrade=False)
        assert revision.current(bare) is None
    revision.bring_up(bare, may_upgrade=bare.dialect.name == "postgresql")
    assert revision.current(bare) == revision.wanted()
    revision.bring_up(bare, may_upgrade=False)


def test_a_schema_of_a_newer_program_is_said(bare: sa.Engine) -> None:
    migrations.upgrade(bare)
    with writing(bare) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="9999"):
        revision.bring_up(bare, may_upgrade=True)
