"""The gateway: every route and every middleware, in one place, in order. Loads no model and no torch."""

import importlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.middleware import Middleware
from fastapi.middleware.cors import CORSMiddleware

from aiprod_server.api import admin, costs, downloads, jobs, models, monitoring, stream, videos, webhooks
from aiprod_server.api.chores import housekeeping
from aiprod_server.api.errors import handle_errors
from aiprod_server.api.middleware import Answered, BodyLimit
from aiprod_server.api.schema import described
from aiprod_server.api.service import Service
from aiprod_server.monitoring.requests import Recorded, Watched, log_access
from aiprod_server.settings import Settings

TITLE = "AIPROD"
ROUTERS = (
    *(jobs.router, stream.router, downloads.router, models.router, costs.router, videos.router),
    *(admin.router, webhooks.router, monitoring.router),
)
FILMS = "aiprod_server.money.film_size"  # and all that storyboards need: loaded while the first requests are answered
THREADS = 16  # of requests that wait for the database; more only wait for each other


def create_app(settings: Settings) -> FastAPI:
    """The gateway of `settings`, whose database has the schema.

    Raises:
        InputError: a database that does not answer, a configuration or a secret that is not as it must be.
    """
    service = Service.opened(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        keeping = housekeeping(service)
        keeping.start()
        films = threading.Thread(target=importlib.import_module, args=(FILMS,), name="films")
        films.start()
        try:
            yield
        finally:
            keeping.stop()
            films.join()
            service.close()

    app = FastAPI(
        title=TITLE,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the Host that it was asked with
        lifespan=lifespan,
        middleware=_middleware(service),
        telemetry=service.tracing.config,
    )
    app.state.service = service
    handle_errors(app)
    for router in ROUTERS:
        app.routes.extend(router.routes)  # flat, so that a 405 finds all methods of an address
    described(app, service.orchestration.input_sanitizer)
    return app


def _middleware(service: Service) -> list[Middleware]:
    """The first is the outermost."""
    settings = service.settings
    cross: list[Any] = []
    if settings.cors_origins:
        cross = [Middleware(CORSMiddleware, allow_origins=settings.cors_origins, allow_headers=["*"])]
    return [
        Middleware(Watched, listeners=[service.metrics, service.window, service.note, log_access]),
        Middleware(Answered),
        Middleware(Recorded, on_error=service.record),
        Middleware(BodyLimit, most_bytes=settings.max_body_bytes),
        *cross,
    ]
