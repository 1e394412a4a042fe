"""What the routes work with: one object, made once, that holds the parts of the service. Knows no route."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request

from aiprod_server.access import keys, secrets
from aiprod_server.access.identity import Identities
from aiprod_server.access.rates import Rates
from aiprod_server.api.broadcast import Broadcast
from aiprod_server.clock import Clock
from aiprod_server.database import connect
from aiprod_server.orchestration import config
from aiprod_server.orchestration.config import Orchestration
from aiprod_server.settings import Settings
from aiprod_server.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Service:
    """`clock`: seconds since 1970, the database's. `pepper` proves API keys, `audit_key` seals the audit log."""

    settings: Settings
    orchestration: Orchestration
    engine: sa.Engine
    clock: Callable[[], float]
    storage: Storage
    identities: Identities
    broadcast: Broadcast
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
            broadcast=Broadcast(engine),
            pepper=pepper,
            audit_key=secrets.load(settings.storage, "audit_key", settings.audit_key),
        )

    def close(self) -> None:
        """Write down what was kept in memory, and let go of the database."""
        self.broadcast.stop()
        keys.touch(self.engine, self.identities.used())
        self.engine.dispose()


def service_of(request: Request) -> Service:
    """The service that this gateway is of."""
    found: Service = request.app.state.service
    return found


Here = Annotated[Service, Depends(service_of)]
