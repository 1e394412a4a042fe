"""Serve the API: jobs over HTTP, for workers on this machine or others."""

import ipaddress
import json
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import typer
import uvicorn

from aiprod_core.errors import InputError
from aiprod_server import acts, revision, settings
from aiprod_server.access import keys
from aiprod_server.access.audit_log import Author
from aiprod_server.api.service import Service
from aiprod_server.app import create_app
from aiprod_server.database import connect, reading
from aiprod_server.monitoring import logs
from aiprod_server.settings import OWN, OWN_URL, Settings
from aiprod_server.tables import api_keys
from aiprod_server.worker.beside import Beside

EPILOG = """
[bold]Examples[/bold]

aiprod serve --with-worker

aiprod serve --host 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem
"""
FIRST_CLIENT, FIRST_KEY = "admin", "first key"
BACKLOG = 1024

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog=EPILOG)
def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen; 127.0.0.1 if left out.")] = None,
    port: Annotated[int | None, typer.Option(help="8000 if left out; 0 is any that is free.")] = None,
    database_url: Annotated[str | None, typer.Option(help="A SQLite file of your own, if left out.")] = None,
    storage: Annotated[Path | None, typer.Option(help="Folder of what jobs make, shared with the workers.")] = None,
    config: Annotated[Path | None, typer.Option(help="The orchestration's JSON; the shipped one if left out.")] = None,
    with_worker: Annotated[
        bool, typer.Option("--with-worker", help="Also render, with a worker beside, on this machine.")
    ] = False,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Bring PostgreSQL's schema up to date, as is done to SQLite's.")
    ] = False,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM: serve HTTPS; with --tls-key.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM: the certificate's key.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what happens as JSON, one object a line.")] = False,
) -> None:
    """Serve the API until Ctrl-C or SIGTERM: what is being answered is answered, streams of events end."""
    chosen = settings.read(host=host, port=port, database_url=database_url, storage=storage, config=config)
    logs.configure(chosen.log_level, chosen.log_format)
    _check_tls(chosen.host, tls_certificate, tls_key)
    _bring_up(chosen, upgrade)
    api = create_app(chosen)
    service: Service = api.state.service
    _say_first_key(service, as_json)
    listening = _listening(chosen)
    author = Author(name=f"gateway on {socket.gethostname()}", key=service.audit_key)
    acts.note_configuration(service.engine, chosen.config, author=author, now_s=service.clock())
    gateway = Gateway(
        uvicorn.Config(
            api,
            log_config=None,  # `logs` has set it up
            access_log=False,
            proxy_headers=False,  # anybody can send X-Forwarded-For
            server_header=False,
            ssl_certfile=tls_certificate,
            ssl_keyfile=tls_key,
            timeout_graceful_shutdown=max(int(chosen.drain_s), 1),
        ),
        service,
    )
    beside = Beside(_environment(chosen)) if with_worker else None
    _say_where(listening, tls_certificate is not None, as_json)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # once the gateway has ended of it
    if beside is not None:
        beside.start()
    try:
        with suppress(KeyboardInterrupt):
            gateway.run([listening])
    finally:
        if beside is not None:
            beside.stop(chosen.drain_s)


class Gateway(uvicorn.Server):
    """Ends the streams of events when it is told to stop; they would go on as long as their jobs."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.broadcast.stop()
        await super().shutdown(sockets)


def _check_tls(host: str, certificate: Path | None, key: Path | None) -> None:
    if (certificate is None) != (key is None):
        raise InputError("TLS: got one of --tls-certificate and --tls-key, expected both; name the other one")
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise InputError(f"TLS: {path} is no file; name a PEM")
    if certificate is None and not _is_loopback(host):
        typer.secho(
            f"warning: {host} is open to the network without TLS, so keys can be read on the way; put a proxy with TLS "
            "before it, or name --tls-certificate and --tls-key",
            fg="yellow",
            err=True,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bring_up(chosen: Settings, upgrade: bool) -> None:
    if chosen.database_url == OWN_URL:
        OWN.parent.mkdir(parents=True, exist_ok=True)
    engine = connect(chosen.database_url)
    try:
        revision.bring_up(engine, may_upgrade=upgrade)
    finally:
        engine.dispose()


def _say_first_key(service: Service, as_json: bool) -> None:
    """Mint the key of a service that has none, and show it: nobody could make one over HTTP."""
    with reading(service.engine) as connection:
        if connection.execute(sa.select(sa.exists(sa.select(api_keys.c.id)))).scalar_one():
            return
    author = Author(name="gateway, at its first start", key=service.audit_key)
    with suppress(InputError):  # another gateway, started beside, was faster
        key, record = keys.create(
            service.engine,
            client=FIRST_CLIENT,
            roles=["admin"],
            pepper=service.pepper,
            author=author,
            now_s=service.clock(),
            name=FIRST_KEY,
        )
        _say(
            {"first_key": key.reveal(), "client": record.client},
            f"first key, of {record.client}, shown only now: {key.reveal()}",
            as_json,
        )


def _listening(chosen: Settings) -> socket.socket:
    """The socket. Raises `InputError` for an address that cannot be had."""
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    try:
        return socket.create_server((chosen.host, chosen.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InputError(
            f"cannot listen on {chosen.host} port {chosen.port} ({error.strerror}); choose another --host or --port"
        ) from error


def _say_where(listening: socket.socket, is_tls: bool, as_json: bool) -> None:
    host, port = listening.getsockname()[:2]
    url = f"{'https' if is_tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    _say({"listening": url}, f"listening on {url}; Ctrl-C stops", as_json)


def _say(facts: dict[str, Any], words: str, as_json: bool) -> None:
    typer.echo(json.dumps(facts) if as_json else words)
    sys.stdout.flush()  # a pipe that waits for it


def _environment(chosen: Settings) -> dict[str, str]:
    """The settings of the worker beside: where it finds the same jobs, files and models."""
    given = {
        "AIPROD_DATABASE_URL": chosen.database_url,
        "AIPROD_STORAGE": str(chosen.storage),
        "AIPROD_CONFIG": str(chosen.config),
        "AIPROD_DRAIN_S": str(chosen.drain_s),
    }
    return given | ({"AIPROD_MODELS": str(chosen.models_root)} if chosen.models_root is not None else {})
