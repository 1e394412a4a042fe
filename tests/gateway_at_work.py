"""A gateway on a real socket, with a worker beside it whose child draws instead of rendering."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from aiprod_server import migrations
from aiprod_server.access import keys
from aiprod_server.access.audit_log import Author
from aiprod_server.api.service import Service
from aiprod_server.app import create_app
from aiprod_server.database import connect
from aiprod_server.settings import Settings
from aiprod_server.worker.slot import Terms
from aiprod_server.worker.worker import Worker

MODELS = Path(__file__).parents[1] / "models"
LIGHT_CLIPS = Path(__file__).with_name("light_clips.py")
WAIT_S = 30.0


@dataclass(frozen=True)
class Gateway:
    """`url`: where it answers, without a slash at the end."""

    url: str
    service: Service

    def key(self, client: str = "ada", roles: tuple[str, ...] = ("creator",)) -> str:
        """A new API key of `client`."""
        return new_key(self.service, client, *roles)


def new_key(service: Service, client: str, *roles: str, expires_at_s: float | None = None) -> str:
    """A new API key, as its owner has it; a creator's, if no role is said."""
    made, _ = keys.create(
        service.engine,
        client=client,
        roles=roles or ["creator"],
        pepper=service.pepper,
        author=Author(name="a test", key=service.audit_key),
        now_s=service.clock(),
        expires_at_s=expires_at_s,
    )
    return made.reveal()


def migrated(database_url: str) -> str:
    """The URL of a database that now has the schema."""
    engine = connect(database_url)
    migrations.upgrade(engine)
    engine.dispose()
    return database_url


@contextmanager
def gateway(database_url: str, storage: Path, **settings: Any) -> Iterator[Gateway]:
    """A gateway in a thread of this process, on a free port of 127.0.0.1; the database has the schema."""
    chosen = {"requests_per_min": 100_000, "models_root": MODELS} | settings
    app = create_app(Settings(database_url=database_url, storage=storage, **chosen))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=5))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        deadline = time.monotonic() + WAIT_S
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield Gateway(f"http://127.0.0.1:{listening.getsockname()[1]}", app.state.service)
        finally:
            server.should_exit = True
            app.state.service.broadcast.stop()
            thread.join(WAIT_S)
            assert not thread.is_alive()


@contextmanager
def light_worker(service: Service) -> Iterator[Worker]:
    """A worker of one device, whose child draws clips."""
    terms = Terms(
        engine=service.engine,
        clock=service.clock,
        program=(sys.executable, str(LIGHT_CLIPS), str(service.settings.storage)),
        price=lambda claim, device_s: round(1000 * device_s),
        on_error=lambda *error: None,
        step_timeout_s=60.0,
    )
    worker = Worker(terms, devices=("cpu",), drain_s=0.0)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.close()
        worker.close()
        thread.join(WAIT_S)
        assert not thread.is_alive()
