"""Who works at this machine's command line: the database, the secrets and the name that goes into the audit log."""

import getpass
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer

from aiprod_core.errors import InputError
from aiprod_server import revision, settings
from aiprod_server.access import audit_log, keys, secrets
from aiprod_server.access.audit_log import Author
from aiprod_server.clock import Clock
from aiprod_server.database import connect, missing_file
from aiprod_server.settings import OWN, OWN_URL, Settings

DatabaseUrl = Annotated[str | None, typer.Option(help="As the gateway's: AIPROD_DATABASE_URL, or a file of your own.")]
Storage = Annotated[Path | None, typer.Option(help="Folder of the gateway, where its secrets are: AIPROD_STORAGE.")]


@dataclass(frozen=True, kw_only=True)
class Operator:
    """`now_s`: the database's time, in seconds since 1970."""

    settings: Settings
    engine: sa.Engine
    now_s: float

    def author(self) -> Author:
        """The operator, as the audit log names them. Raises `InputError` where the key is not that of the log."""
        key = self.audit_key()
        audit_log.check_key(self.engine, key)
        return Author(name=f"operator {getpass.getuser()} on {socket.gethostname()}", key=key)

    def audit_key(self) -> bytes:
        """What seals the log; made where the log has not begun. Raises `InputError`."""
        has_begun = audit_log.head(self.engine).count > 0
        return secrets.load(self.settings.storage, "audit_key", self.settings.audit_key, may_make=not has_begun)

    def pepper(self) -> bytes:
        """What keys are proven with; made where there are none. Raises `InputError` where keys have another."""
        has_keys = bool(keys.records(self.engine))
        pepper = secrets.load(self.settings.storage, "pepper", self.settings.pepper, may_make=not has_keys)
        keys.check_pepper(self.engine, pepper, now_s=self.now_s)
        return pepper


@contextmanager
def operator(database_url: str | None, storage: Path | None, *, may_make: bool = False) -> Iterator[Operator]:
    """The operator, until the block ends.

    Args:
        may_make: whether a SQLite database that is not there is made, as a gateway does at its first start.

    Raises:
        InputError: a database that is not there, does not answer or has another schema.
    """
    chosen = settings.read(database_url=database_url, storage=storage)
    missing = missing_file(chosen.database_url)
    if missing is not None and not may_make:
        raise InputError(f"no database at {missing}; name the gateway's with --database-url, or start `aiprod serve`")
    if chosen.database_url == OWN_URL:
        OWN.parent.mkdir(parents=True, exist_ok=True)
    engine = connect(chosen.database_url)
    try:
        revision.bring_up(engine, may_upgrade=False)
        yield Operator(settings=chosen, engine=engine, now_s=Clock(engine)())
    finally:
        engine.dispose()
