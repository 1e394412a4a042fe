"""What the routes work with: one object, made once, that holds the parts of the service. Knows no route."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from aiprod_server.access import keys, secrets
from aiprod_server.access.identity import Identities
from aiprod_server.access.rates import Rates
from aiprod_server.clock import Clock
from aiprod_server.database import connect
from aiprod_server.orchestration import config
from aiprod_server.orchestration.config import Orchestration
from aiprod_server.settings import Settings
from aiprod_server.storage import Storage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Service:
    """`clock`: seconds since 1970, the database's. `pepper` proves API keys, `audit_key` seals the audit log."""

    settings: Settings
    orchestration: Orchestration
    engine: sa.Engine
    clock: Callable[[], float]
    storage: Storage
    identities: Identities
    pepper: bytes = field(repr=False)
    audit_key: bytes = field(repr=False)

    @classmethod
    def opened(cls, settings: Settings) -> "Service":
        """The service of `settings`, whose database answers and whose secrets fit it.

        Raises:
            InputError: a database that does not answer, a configuration or a secret that is not as it must be.
        """
        orchestration = config.load(settings.config)
        engine = connect(settings.database_url)
        clock = Clock(engine)
        pepper = secrets.load(settings.storage, "pepper", settings.pepper)
        keys.check_pepper(engine, pepper, now_s=clock())
        return cls(
            settings=settings,
            orchestration=orchestration,
            engine=engine,
            clock=clock,
            storage=Storage(settings.storage),
            identities=Identities(
                engine, pepper=pepper, clock=clock, rates=Rates(), requests_per_min=settings.requests_per_min
            ),
            pepper=pepper,
            audit_key=secrets.load(settings.storage, "audit_key", settings.audit_key),
        )

    def close(self) -> None:
        """Write down what was kept in memory, and let go of the database."""
        keys.touch(self.engine, self.identities.used())
        self.engine.dispose()
