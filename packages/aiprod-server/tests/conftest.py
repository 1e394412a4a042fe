"""What the tests work on: real databases, a real gateway, and a real receiver of webhooks, all of this machine."""

import itertools
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import pytest
import sqlalchemy as sa
from gateway_at_work import Gateway, gateway, light_worker, migrated
from private_postgresql import private_postgresql, programs

from aiprod_server import migrations, tables
from aiprod_server.database import connect
from aiprod_server.egress.addresses import Reach

CLIENTS = itertools.count()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Puts back what a command, or a test, has told the log."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = (root.handlers[:], root.level, access.disabled)
    yield
    root.handlers[:], access.disabled = before[0], before[2]
    root.setLevel(before[1])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a private server's first database; without fsync, since no test outlives the machine."""
    if programs() is None:
        pytest.skip("no PostgreSQL on this machine: initdb is neither on PATH nor in /usr/lib/postgresql")
    with private_postgresql("fsync=off") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> sa.URL | None:
    """The private PostgreSQL, or None, which is SQLite: whatever asks for a database is tested on both."""
    return sa.make_url(request.getfixturevalue("postgresql")) if request.param == "postgresql" else None


@pytest.fixture
def new_database(server: sa.URL | None, tmp_path: Path) -> Callable[[], str]:
    """Call it for the URL of an empty database."""
    numbers = itertools.count()

    def empty() -> str:
        if server is None:
            return f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"
        own = database(server, f"empty_{next(numbers)}")
        with autocommitting(own) as connection:  # a tenth of the time that a new database takes
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
        return own.render_as_string(hide_password=False)

    return empty


def database(server: sa.URL, name: str) -> sa.URL:
    """The URL of a database of that server, made where it is not there."""
    with autocommitting(server) as connection:
        if not connection.scalar(sa.text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}):
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return server.set(database=name)


@contextmanager
def autocommitting(url: sa.URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def bare_url(new_database: Callable[[], str]) -> str:
    """URL of an empty database."""
    return new_database()


@pytest.fixture
def bare(bare_url: str) -> Iterator[sa.Engine]:
    """An empty database."""
    engine = connect(bare_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing in it, to be copied."""
    path: Path = tmp_path_factory.mktemp("migrated") / "jobs.db"
    engine = connect(f"sqlite:///{path}")
    migrations.upgrade(engine)
    engine.dispose()  # the last connection writes its log into the file
    return path


@pytest.fixture
def url(server: sa.URL | None, tmp_path: Path, migrated_file: Path) -> str:
    """URL of a database with the schema and nothing in it: migrated once, and emptied since."""
    if server is None:
        path = tmp_path / "jobs.db"
        shutil.copyfile(migrated_file, path)
        return f"sqlite:///{path}"
    own = database(server, "migrated")
    url = own.render_as_string(hide_password=False)
    engine = connect(url)
    if migrations.current(engine) is None:
        migrations.upgrade(engine)
    engine.dispose()
    with autocommitting(own) as connection:
        names = ", ".join(tables.metadata.tables)
        connection.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY"))
    return url


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """A database with the schema and nothing in it."""
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests of a module, each of which is another client."""
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(migrated(f"sqlite:///{folder / 'jobs.db'}"), folder / "storage") as served:
        yield served


@pytest.fixture
def working(here: Gateway) -> Iterator[None]:
    """A worker of that gateway, whose renders are light."""
    with light_worker(here.service):
        yield


@pytest.fixture
def ada() -> str:
    """The client of the test."""
    return f"ada-{next(CLIENTS)}"


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
