"""What the routes work with: one object, made once, that holds the parts of the service. Knows no route."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request

from aiprod_core.errors import InputError
from aiprod_pipelines.commands.folders import calibrations_folder
from aiprod_server.access import audit_log, keys, secrets
from aiprod_server.access.audit_log import Author
from aiprod_server.access.identity import Caller, Identities, Tokens
from aiprod_server.access.refused import Refused
from aiprod_server.access.usage_log import Use, Waiting
from aiprod_server.api.broadcast import Broadcast
from aiprod_server.clock import Clock
from aiprod_server.database import connect
from aiprod_server.egress.addresses import Reach
from aiprod_server.money.estimates import Estimator
from aiprod_server.monitoring import error_log
from aiprod_server.monitoring.health import Readiness
from aiprod_server.monitoring.metrics import Metrics
from aiprod_server.monitoring.requests import Seen, Window
from aiprod_server.monitoring.tracing import Tracing
from aiprod_server.orchestration import config
from aiprod_server.orchestration.config import Orchestration
from aiprod_server.settings import Settings
from aiprod_server.storage import Storage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Service:
    """`clock`: seconds since 1970, the database's. `pepper` proves API keys, `audit_key` seals the audit log.

    `window`: the latest requests to this gateway.
    """

    settings: Settings
    orchestration: Orchestration
    engine: sa.Engine
    clock: Callable[[], float]
    storage: Storage
    identities: Identities
    refused: Refused
    usage: Waiting
    broadcast: Broadcast
    estimator: Estimator
    metrics: Metrics
    window: Window
    readiness: Readiness
    tracing: Tracing
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
        audit_key = secrets.load(settings.storage, "audit_key", settings.audit_key)
        audit_log.check_key(engine, audit_key)
        refused = Refused()
        return cls(
            settings=settings,
            orchestration=orchestration,
            engine=engine,
            clock=clock,
            storage=Storage(settings.storage),
            identities=Identities(
                engine,
                pepper=pepper,
                clock=clock,
                requests_per_min=settings.requests_per_min,
                tokens=_tokens(settings),
                refused=refused,
            ),
            refused=refused,
            usage=Waiting(),
            broadcast=Broadcast(engine),
            estimator=Estimator(
                engine,
                orchestration,
                models_root=settings.models_root,
                calibrations=calibrations_folder(settings.cache_root),
            ),
            metrics=Metrics(engine, clock, settings.storage),
            window=Window(),
            readiness=Readiness(
                engine,
                clock,
                storage=settings.storage,
                configuration=settings.config,
                min_free_bytes=orchestration.local_storage.min_free_bytes,
            ),
            tracing=Tracing.to(settings.otel_endpoint),
            pepper=pepper,
            audit_key=audit_key,
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

    def record(self, error: Exception) -> None:
        """Write an error of this gateway into the error log."""
        error_log.record_exception(self.engine, "gateway", error, now_s=self.clock())

    def note(self, seen: Seen) -> None:
        """Take note of a request for the log of usage, if it is known whose it was."""
        if seen.client is not None:
            self.usage.add(
                Use(
                    at=self.clock(),
                    client=seen.client,
                    key_id=seen.key_id or "",
                    method=seen.method,
                    route=seen.route,
                    status=seen.status,
                    duration_s=seen.duration_s,
                )
            )

    def close(self) -> None:
        """Write down what was kept in memory, and let go of the database."""
        self.broadcast.stop()
        self.tracing.close()
        try:
            self.usage.flush(self.engine)
            self.refused.flush(self.engine, author=Author(name="gateway", key=self.audit_key), now_s=self.clock())
            keys.touch(self.engine, self.identities.used())
        except sa.exc.SQLAlchemyError as error:  # the database went first
            logger.warning("what was kept in memory is lost: %s", type(error).__name__)
        self.engine.dispose()


def _tokens(settings: Settings) -> Tokens | None:
    """Who judges tokens; None where the operator names no provider.

    Raises:
        InputError: a provider of which something is missing.
    """
    named = (settings.oidc_issuer, settings.oidc_audience, settings.oidc_jwks)
    if not any(named):
        return None
    issuer, audience, jwks = named
    if not (issuer and audience and jwks):
        raise InputError(
            "identity provider: got only a part of it, expected AIPROD_OIDC_ISSUER, AIPROD_OIDC_AUDIENCE and "
            "AIPROD_OIDC_JWKS; name all of them, or none"
        )
    # Not at the top: who has no provider does not wait for the cryptography of one.
    from aiprod_server.access.oidc import Provider, Verifier

    return Verifier(
        Provider(
            issuer=issuer,
            audience=audience,
            jwks=jwks,
            algorithm=settings.oidc_algorithm,
            client_claim=settings.oidc_client_claim,
            roles_claim=settings.oidc_roles_claim,
            roles_prefix=settings.oidc_roles_prefix,
            networks=tuple(ip_network(str(network)) for network in settings.oidc_networks),
        )
    )


async def service_of(request: Request) -> Service:
    """The service that this gateway is of; async, since what is not would wait for a thread."""
    found: Service = request.app.state.service
    return found


Here = Annotated[Service, Depends(service_of)]
