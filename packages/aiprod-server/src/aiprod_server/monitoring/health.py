"""Whether this gateway can serve: its database, its schema, its storage, its configuration; and whether anybody works.

What is found is kept for a second, since everybody may ask. Says nothing that a stranger could use: no path, no host.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from aiprod_core.errors import AiprodError
from aiprod_server import revision
from aiprod_server.database import reading
from aiprod_server.orchestration import config
from aiprod_server.queue import workers

KEPT_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at. `required`: whether nothing can be served without it."""

    name: str
    passed: bool
    said: str
    required: bool = True


class Readiness:
    """Looks at the parts of a gateway. Safe in threads.

    Args:
        min_free_bytes: with less on the storage's disk, no job is begun.
    """

    def __init__(
        self,
        engine: sa.Engine,
        clock: Callable[[], float],
        *,
        storage: Path,
        configuration: Path,
        min_free_bytes: int,
    ) -> None:
        self._engine, self._clock = engine, clock
        self._storage, self._configuration, self._min_free_bytes = storage, configuration, min_free_bytes
        self._lock = threading.Lock()
        self._kept: tuple[float, tuple[Check, ...]] | None = None

    def read(self) -> tuple[Check, ...]:
        """Every check, as it was within the last second."""
        with self._lock:
            if self._kept is None or time.monotonic() >= self._kept[0]:
                checks = (*self._of_database(), self._of_storage(), self._of_configuration())
                self._kept = (time.monotonic() + KEPT_S, checks)
            return self._kept[1]

    def _of_database(self) -> tuple[Check, ...]:
        try:
            with reading(self._engine) as connection:
                connection.execute(sa.select(1))
            found, wanted = revision.current(self._engine), revision.wanted()
            schema = Check(name="schema", passed=found == wanted, said=f"got {found or 'none'}, expected {wanted}")
            there = len(workers.present(self._engine, self._clock())) if schema.passed else 0
        except SQLAlchemyError:
            return (Check(name="database", passed=False, said="does not answer"),)
        return (
            Check(name="database", passed=True, said="answers"),
            schema,
            Check(name="workers", passed=there > 0, said=f"{there} present", required=False),
        )

    def _of_storage(self) -> Check:
        try:
            self._storage.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._storage) as file:
                file.write(b"ready")
                file.flush()
            free_bytes = shutil.disk_usage(self._storage).free
        except OSError as error:
            return Check(name="storage", passed=False, said=f"cannot be written ({error.strerror})")
        enough = free_bytes >= self._min_free_bytes
        said = f"{free_bytes / 1e9:.1f} GB free, expected {self._min_free_bytes / 1e9:.1f} or more"
        return Check(name="storage", passed=enough, said=said)

    def _of_configuration(self) -> Check:
        """The file as it is now: the gateway goes on with what it read, but would not start again with another."""
        try:
            config.load(self._configuration)
        except AiprodError:
            said = "the file was changed and is no longer right; the next start will refuse it"
            return Check(name="configuration", passed=False, said=said, required=False)
        return Check(name="configuration", passed=True, said="is right", required=False)
