"""Render the jobs of the queue on this machine's devices, until it is told to stop."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer

from aiprod_core.errors import InputError
from aiprod_server import revision, settings
from aiprod_server.clock import Clock
from aiprod_server.commands.db import AsJson
from aiprod_server.database import connect
from aiprod_server.money.tariff import Tariff
from aiprod_server.monitoring import error_log, gpu, logs
from aiprod_server.orchestration import config as orchestrations
from aiprod_server.queue.jobs import Claim
from aiprod_server.settings import Settings
from aiprod_server.worker.cluster import require_ray
from aiprod_server.worker.slot import Terms
from aiprod_server.worker.worker import Worker

PROGRAM = (sys.executable, "-m", "aiprod_server.worker.child")
DAY_S = 24 * 3600.0
EPILOG = """
[bold]Examples[/bold]

aiprod worker

aiprod worker --devices cuda:0,cuda:1 --max-batch 8 --database-url postgresql+psycopg://aiprod@db/aiprod

aiprod worker --ray 10.0.0.1:6379

SIGTERM or Ctrl-C takes no more jobs and lets those that run end, for --drain-s seconds; a second one gives them back.
"""

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog=EPILOG)
def worker(
    devices: Annotated[
        str | None, typer.Option(help="With commas between them; every NVIDIA device, or cpu, if left out.")
    ] = None,
    slots: Annotated[int, typer.Option(min=1, help="Jobs at a time on each device.")] = 1,
    max_batch: Annotated[
        int | None, typer.Option(min=1, help="Like clips to render at once; as configured, or 1 on cpu, if left out.")
    ] = None,
    step_timeout_s: Annotated[
        float | None, typer.Option(min=0.1, help="Without a sign of life for so long, a job is begun again.")
    ] = None,
    drain_s: Annotated[float | None, typer.Option(min=0.0, help="For running jobs to end in; 30 if left out.")] = None,
    ray: Annotated[
        str | None, typer.Option(help="Head of a Ray cluster to make the steps of films on, such as 10.0.0.1:6379.")
    ] = None,
    database_url: Annotated[str | None, typer.Option(help="A SQLite file of your own, if left out.")] = None,
    storage: Annotated[Path | None, typer.Option(help="Folder of what jobs make, shared with the gateway.")] = None,
    config: Annotated[Path | None, typer.Option(help="The orchestration's JSON; the shipped one if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Render the jobs of the queue on this machine's devices, until it is told to stop."""
    chosen = settings.read(database_url=database_url, storage=storage, config=config, drain_s=drain_s, ray_address=ray)
    if chosen.ray_address is not None:
        require_ray()
    logs.configure(chosen.log_level, chosen.log_format)
    places = _places(devices)
    engine = connect(chosen.database_url)
    try:
        revision.bring_up(engine, may_upgrade=False)
        if max_batch is None and "cpu" in places:
            max_batch = 1  # a processor gains nothing from a batch (benchmarks/batching.py)
        terms = _terms(chosen, engine, max_batch, step_timeout_s)
        working = Worker(terms, devices=places, slots=slots, drain_s=chosen.drain_s)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: working.close())
        facts = {"worker": working.name, "devices": places, "slots": slots}
        typer.echo(json.dumps(facts) if as_json else f"worker {working.name} on {', '.join(places)}; Ctrl-C drains")
        sys.stdout.flush()  # a pipe that waits for it
        working.run()
    finally:
        engine.dispose()


def _places(devices: str | None) -> list[str]:
    if devices is None:
        return [f"cuda:{one.index}" for one in gpu.of_this_machine()] or ["cpu"]
    places = [device.strip() for device in devices.split(",")]
    if not all(places) or len(set(places)) < len(places):
        raise InputError(f"devices: got {devices!r}, expected such as cpu or cuda:0,cuda:1, each once; see --slots")
    return places


def _terms(chosen: Settings, engine: sa.Engine, max_batch: int | None, step_timeout_s: float | None) -> Terms:
    """How to work: by the configuration, but for what the command line says."""
    orchestration = orchestrations.load(chosen.config)
    executor, tariff = orchestration.render_executor, Tariff.of(orchestration)
    clock = Clock(engine)

    def price(claim: Claim, device_s: float) -> int:
        return tariff.render_microeur(claim.tier, device_s, claim.request.get("price_factor", 1.0))

    def on_error(source: error_log.Source, kind: str, message: str, trace: str, job_id: str | None) -> None:
        error_log.record(engine, source, kind, message, trace, job_id, now_s=clock())

    return Terms(
        engine=engine,
        clock=clock,
        program=PROGRAM,
        environment=_environment(chosen),
        price=price,
        on_error=on_error,
        step_timeout_s=step_timeout_s or executor.step_timeout_s,
        max_batch=max_batch or executor.max_batch,
        keep_s=DAY_S * (chosen.retention_days or orchestration.local_storage.retention_days),
    )


def _environment(chosen: Settings) -> dict[str, str]:
    """Where the child finds what the command line may have named."""
    named = {"AIPROD_STORAGE": str(chosen.storage.absolute()), "AIPROD_CONFIG": str(chosen.config.absolute())}
    return named if chosen.ray_address is None else named | {"AIPROD_RAY_ADDRESS": chosen.ray_address}
