"""The metrics of a gateway in the text format of Prometheus (prometheus.io/docs/instrumenting/exposition_formats).

Two kinds stand side by side. Requests are this process's own and counted here. Jobs, workers, webhooks and errors are
the service's, read from the database at a scrape: every gateway tells the same, so over gateways take `max`, not `sum`.
No label is an id, a client or a path. What cannot be measured is left out, not zero.
"""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client import Histogram as HistogramMetric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy.exc import DBAPIError

from aiprod_server.database import reading
from aiprod_server.monitoring import gpu
from aiprod_server.monitoring.gpu import Gpu
from aiprod_server.monitoring.requests import Seen
from aiprod_server.monitoring.tally import Histogram, Tally, Totals
from aiprod_server.queue.jobs import ENDED
from aiprod_server.queue.workers import UNSEEN_S
from aiprod_server.tables import QUEUED, RUNNING, error_log, jobs, webhook_outbox, workers

MEDIA_TYPE = CONTENT_TYPE_LATEST
KEPT_S = 5.0  # several who scrape cost no more than one
LATENCIES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
GPU_GAUGES: Mapping[str, tuple[str, str]] = {  # field of `Gpu` → name and meaning
    "utilisation": ("aiprod_gpu_utilisation_ratio", "Share of the last moments in which the device computed"),
    "memory_used_bytes": ("aiprod_gpu_memory_used_bytes", "Memory of the device that is taken"),
    "memory_total_bytes": ("aiprod_gpu_memory_total_bytes", "Memory of the device"),
    "temperature_c": ("aiprod_gpu_temperature_celsius", "Temperature of the device"),
    "power_w": ("aiprod_gpu_power_watts", "Power that the device draws"),
    "ecc_errors": ("aiprod_gpu_ecc_errors", "Uncorrected memory errors since the device was started"),
}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the service stands. `oldest_s`: age of the job that waits longest and could run, 0 where none does."""

    totals: Totals
    queued: int
    running: int
    oldest_s: float
    workers: int
    webhooks: Mapping[str, int]  # attempts by result: delivered, failed
    errors: Mapping[str, int]  # occurrences by source


class Metrics:
    """Counts what it is told of requests, and asks the database for the rest. One for each gateway; safe in threads."""

    def __init__(self, engine: sa.Engine, clock: Callable[[], float], storage: Path) -> None:
        self._engine, self._clock, self._storage = engine, clock, storage
        self._tally = Tally(engine)
        self._lock = threading.Lock()
        self._kept: tuple[float, list[Metric]] | None = None
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "aiprod_http_requests", "Requests that were answered", ("method", "route", "status"), registry=registry
        )
        self._durations = HistogramMetric(
            "aiprod_http_request_duration_seconds",
            "From a request to the end of its answer, or to the beginning of a stream",
            ("method", "route"),
            registry=registry,
            buckets=LATENCIES_S,
        )
        registry.register(self)

    def __call__(self, seen: Seen) -> None:
        """Count a request."""
        self._requests.labels(seen.method, seen.route, str(seen.status)).inc()
        self._durations.labels(seen.method, seen.route).observe(seen.duration_s)

    def text(self) -> bytes:
        """All metrics, as `MEDIA_TYPE` says."""
        return generate_latest(self._registry)

    def collect(self) -> list[Metric]:
        """What is not counted here; as the registry asks for it."""
        with self._lock:
            moment_s = time.monotonic()
            if self._kept is None or moment_s - self._kept[0] >= KEPT_S:
                self._kept = (moment_s, [*self._look()])
            return self._kept[1]

    def _look(self) -> Iterator[Metric]:
        now_s = self._clock()
        own = {socket.gethostname(): gpu.of_this_machine()}
        try:
            yield from _of_service(standing(self._engine, self._tally, now_s))
            others = gpu.of_workers(self._engine, now_s=now_s)
            answers = 1.0
        except DBAPIError:
            others, answers = {}, 0.0
        yield GaugeMetricFamily("aiprod_database_up", "Whether the database answers", value=answers)
        yield from _of_gpus(others | own)
        yield from _of_storage(self._storage)


def standing(engine: sa.Engine, tally: Tally, now_s: float) -> Standing:
    """How the service stands now, in one look at the database and one at the tally."""
    totals = tally.read(now_s)
    oldest = sa.select(sa.func.min(jobs.c.submitted_at)).where(QUEUED, jobs.c.run_at <= now_s)
    attempts = sa.select(
        sa.func.coalesce(sa.func.sum(webhook_outbox.c.attempts), 0),
        sa.func.count(sa.case((webhook_outbox.c.state == "delivered", 1))),
    )
    errors = sa.select(error_log.c.source, sa.func.sum(error_log.c.occurrences)).group_by(error_log.c.source)
    with reading(engine) as connection:
        queued, running, there = (
            connection.execute(sa.select(sa.func.count()).where(which)).scalar_one()
            for which in (QUEUED, RUNNING, workers.c.seen_at >= now_s - UNSEEN_S)
        )
        oldest_at = connection.execute(oldest).scalar_one()
        made, delivered = connection.execute(attempts).one()
        occurred = {source: int(count) for source, count in connection.execute(errors)}
    return Standing(
        totals=totals,
        queued=queued,
        running=running,
        oldest_s=0.0 if oldest_at is None else max(now_s - oldest_at, 0.0),
        workers=there,
        webhooks={"delivered": delivered, "failed": int(made) - delivered},
        errors=occurred,
    )


def _of_service(now: Standing) -> Iterator[Metric]:
    totals = now.totals
    ended = {str(state): totals.ended[state] for state in ENDED}
    yield _gauges("aiprod_jobs", "Jobs by state", "state", ended | {"queued": now.queued, "running": now.running})
    yield _counters("aiprod_jobs_total", "Jobs that ended", "state", ended)
    yield GaugeMetricFamily("aiprod_oldest_queued_age_seconds", "Age of the job that waits longest", value=now.oldest_s)
    yield _histogram("aiprod_queue_wait_seconds", "From ready to started, of jobs that ended", {"": totals.waits})
    yield _histogram("aiprod_job_duration_seconds", "From the latest start to completed", {"": totals.durations})
    yield _histogram("aiprod_step_duration_seconds", "Of the steps of jobs that ended", totals.steps, "step")
    yield CounterMetricFamily("aiprod_video_seconds_total", "Length of what was delivered", value=totals.video_s)
    yield CounterMetricFamily("aiprod_gpu_seconds_total", "Device time that was charged", value=totals.device_s)
    yield CounterMetricFamily(
        "aiprod_lease_takeovers_total", "Jobs taken over from workers that were lost", value=totals.takeovers
    )
    yield _counters("aiprod_qa_rejections_total", "Findings against renders", "check", totals.rejections)
    yield _counters("aiprod_webhook_attempts_total", "Attempts to tell of an end", "result", now.webhooks)
    yield _counters("aiprod_errors_total", "Errors in the error log", "source", now.errors)
    yield GaugeMetricFamily("aiprod_workers", "Workers seen within the last minute", value=now.workers)


def _of_gpus(machines: Mapping[str, tuple[Gpu, ...]]) -> Iterator[Metric]:
    for field, (name, meaning) in GPU_GAUGES.items():
        family = GaugeMetricFamily(name, meaning, labels=("machine", "gpu"))
        for machine, gpus in machines.items():
            for one in gpus:
                if (value := getattr(one, field)) is not None:
                    family.add_metric((machine, str(one.index)), value)
        if family.samples:
            yield family


def _of_storage(root: Path) -> Iterator[Metric]:
    try:
        disk = shutil.disk_usage(root)
    except OSError:
        return
    yield GaugeMetricFamily("aiprod_storage_free_bytes", "Free on the disk of the storage", value=disk.free)
    yield GaugeMetricFamily("aiprod_storage_size_bytes", "The disk of the storage", value=disk.total)


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family


def _counters(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family


def _histogram(name: str, meaning: str, values: Mapping[str, Histogram], label: str | None = None) -> Metric:
    family = HistogramMetricFamily(name, meaning, labels=() if label is None else (label,))
    for value, one in values.items():
        buckets = [(str(bound), below) for bound, below in zip(one.bounds, one.below, strict=True)]
        family.add_metric(() if label is None else (value,), [*buckets, ("+Inf", one.count)], one.sum)
    return family
