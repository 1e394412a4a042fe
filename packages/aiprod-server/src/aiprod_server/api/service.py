"""What the routes work with: one object, made once, that holds the parts of the service. Knows no route."""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request

from aiprod_server.access import keys, secrets
from aiprod_server.access.audit_log import Author
from aiprod_server.access.identity import Caller, Identities
from aiprod_server.access.rates import Rates
from aiprod_server.api.broadcast import Broadcast
from aiprod_server.clock import Clock
from aiprod_server.database import connect
from aiprod_server.orchestration import config
from aiprod_server.orchestration.config import Orchestration
from aiprod_server.settings import Settings
from aiprod_server.storage import Storage
from aiprod_server.webhooks.addresses import Reach


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

    @property
    def reach(self) -> Reach:
        """Where webhooks may be told."""
        settings = self.settings
        networks = tuple(ip_network(str(network)) for network in settings.webhook_networks)
        return Reach(networks=networks, ports=frozenset(settings.webhook_ports))

    def author(self, caller: Caller) -> Author:
        """Who acts, as the audit log names them."""
        return Author(name=f"{caller.client}, key {caller.key_id}", key=self.audit_key)

    def close(self) -> None:
        """Write down what was kept in memory, and let go of the database."""
        self.broadcast.stop()
        keys.touch(self.engine, self.identities.used())
        self.engine.dispose()


async def service_of(request: Request) -> Service:
    """The service that this gateway is of; async, since what is not would wait for a thread."""
    found: Service = request.app.state.service
    return found


Here = Annotated[Service, Depends(service_of)]
