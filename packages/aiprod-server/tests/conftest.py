"""What the tests work on: real databases, and a real receiver of webhooks, all of this machine."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import pytest
import sqlalchemy as sa
from private_postgresql import private_postgresql, programs

from aiprod_server import migrations
from aiprod_server.database import connect
from aiprod_server.webhooks.addresses import Reach


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a private server's first database; without fsync, since no test outlives the machine."""
    if programs() is None:
        pytest.skip("no PostgreSQL on this machine: initdb is neither on PATH nor in /usr/lib/postgresql")
    with private_postgresql("fsync=off") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Call it for the URL of an empty database."""
    numbers = itertools.count()
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"
    server = sa.make_url(request.getfixturevalue("postgresql"))

    def empty() -> str:
        name = f"test_{next(numbers)}"
        with autocommitting(server) as connection:
            known = connection.scalar(sa.text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
            if not known:
                connection.execute(sa.text(f"CREATE DATABASE {name}"))
        own = server.set(database=name)
        with autocommitting(own) as connection:  # a tenth of the time that a new database takes
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
        return own.render_as_string(hide_password=False)

    return empty


@contextmanager
def autocommitting(url: sa.URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """URL of an empty database."""
    return new_database()


@pytest.fixture
def bare(url: str) -> Iterator[sa.Engine]:
    """An empty database."""
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(bare: sa.Engine) -> sa.Engine:
    """A database with the schema and nothing in it."""
    migrations.upgrade(bare)
    return bare


@dataclass
class Receiver:
    """Answers every POST with `status` and `headers`, after `hold()`; `seen` holds (path, headers, body) of each."""

    port: int
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    hold: Callable[[], object] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def reach(self) -> Reach:
        return Reach(networks=(ip_network("127.0.0.0/8"),), ports=frozenset({self.port}))


@pytest.fixture
def open_receiver() -> Iterator[Callable[[], Receiver]]:
    """Opens receivers, each on a free port of 127.0.0.1, until the test ends."""
    servers = []

    def opened() -> Receiver:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                names = {name.lower(): value for name, value in self.headers.items()}
                receiver.seen.append((self.path, names, body))
                receiver.hold()
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        receiver = Receiver(port=server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return receiver

    yield opened
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver(open_receiver: Callable[[], Receiver]) -> Receiver:
    return open_receiver()
