"""What all jobs that ever ended add up to, by whatever worker: read from the database, not counted here.

Work is done in processes that come and go, so no process's own counters would be true. What ended long enough ago never
changes and is added up once; of the rest, which an index finds by time, every look adds up anew. So a look costs what
ended within the last two minutes, and the first one of a process goes through all there is.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from aiprod_pipelines.quality.finding import Code
from aiprod_server.database import reading
from aiprod_server.queue.jobs import REJECTED, State
from aiprod_server.tables import charges, job_events, job_steps, jobs

SETTLED_S = 60.0  # a transaction that ends a job is over within this time of the moment that it writes
WAITS_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
DURATIONS_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)
OTHER = "other"
# Labels are few whatever a film's shots are called: a step is known by what it does.
CLIP_STEPS = frozenset({"render", "check", "thumbnail", "deliver"})
FILM_STEPS = frozenset({"shot", "grade", "picture", "qa", "mix", "poster", "contact"})
CHECKS = frozenset(code.value for code in Code) | {"semantic"}


@dataclass(frozen=True)
class Histogram:
    """How many values lie at or below each of `bounds`, how many there are, and their sum."""

    bounds: tuple[float, ...]
    below: tuple[int, ...]
    count: int = 0
    sum: float = 0.0

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> "Histogram":
        return cls(bounds, (0,) * len(bounds))

    def __add__(self, other: "Histogram") -> "Histogram":
        below = tuple(a + b for a, b in zip(self.below, other.below, strict=True))
        return Histogram(self.bounds, below, self.count + other.count, self.sum + other.sum)


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Of jobs that ended. `device_s` is what was charged, `rejections` counts findings by the check that made them."""

    ended: Counter[str] = field(default_factory=Counter)  # by state
    waits: Histogram = field(default_factory=lambda: Histogram.empty(WAITS_S))
    durations: Histogram = field(default_factory=lambda: Histogram.empty(DURATIONS_S))
    steps: Mapping[str, Histogram] = field(default_factory=dict)
    video_s: float = 0.0
    device_s: float = 0.0
    takeovers: int = 0
    rejections: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            ended=self.ended + other.ended,
            waits=self.waits + other.waits,
            durations=self.durations + other.durations,
            steps=_merged([*self.steps.items(), *other.steps.items()]),
            video_s=self.video_s + other.video_s,
            device_s=self.device_s + other.device_s,
            takeovers=self.takeovers + other.takeovers,
            rejections=self.rejections + other.rejections,
        )


class Tally:
    """The totals until now, cheap to ask for again and again, from any thread."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._settled, self._until_s = Totals(), 0.0

    def read(self, now_s: float) -> Totals:
        with self._lock, reading(self._engine) as connection:
            if now_s - SETTLED_S > self._until_s + SETTLED_S:
                until_s = now_s - SETTLED_S
                self._settled += ended_between(connection, self._until_s, until_s)
                self._until_s = until_s
            return self._settled + ended_between(connection, self._until_s, float("inf"))


def ended_between(connection: sa.Connection, since_s: float, until_s: float) -> Totals:
    """What ended from `since_s` until before `until_s`, seconds since 1970."""
    within = sa.and_(jobs.c.finished_at >= since_s, jobs.c.finished_at < until_s)
    totals = _of_jobs(connection, within)
    charged = sa.select(sa.func.sum(charges.c.device_s)).where(charges.c.at >= since_s, charges.c.at < until_s)
    return replace(
        totals,
        steps=_steps(connection, within),
        device_s=connection.execute(charged).scalar_one() or 0.0,
        takeovers=totals.takeovers - _retries(connection, within),
        rejections=_rejections(connection, within),
    )


def _of_jobs(connection: sa.Connection, within: sa.ColumnElement[bool]) -> Totals:
    """Counts, waits, durations; `takeovers` are the starts after the first, of which retries are not taken over."""
    # Ready when it was submitted, or when its latest retry was due. A job whose worker died counts from there too.
    ready_at = sa.case((jobs.c.run_at > jobs.c.submitted_at, jobs.c.run_at), else_=jobs.c.submitted_at)
    duration = sa.case((jobs.c.state == State.COMPLETED, jobs.c.finished_at - jobs.c.started_at))
    video = sa.case((jobs.c.state == State.COMPLETED, jobs.c.result["duration_s"].as_float()))
    restarts = sa.case((jobs.c.attempt > 1, jobs.c.attempt - 1), else_=0)
    wanted = (
        sa.select(
            jobs.c.state,
            sa.func.count().label("jobs"),
            sa.func.sum(video).label("video_s"),
            sa.func.sum(restarts).label("restarts"),
            *_spread("wait", jobs.c.started_at - ready_at, WAITS_S),
            *_spread("duration", duration, DURATIONS_S),
        )
        .where(within)
        .group_by(jobs.c.state)
    )
    totals = Totals()
    for row in connection.execute(wanted).mappings():
        totals += Totals(
            ended=Counter({row["state"]: row["jobs"]}),
            waits=_gathered(row, "wait", WAITS_S),
            durations=_gathered(row, "duration", DURATIONS_S),
            video_s=row["video_s"] or 0.0,
            takeovers=int(row["restarts"]),
        )
    return totals


def _retries(connection: sa.Connection, within: sa.ColumnElement[bool]) -> int:
    """How often jobs that were started again had been put back for later by their worker."""
    wanted = (
        sa.select(sa.func.count())
        .select_from(jobs.join(job_events, job_events.c.job_id == jobs.c.id))
        .where(within, jobs.c.attempt > 1, job_events.c.kind == "retry")
    )
    return int(connection.execute(wanted).scalar_one())


def _steps(connection: sa.Connection, within: sa.ColumnElement[bool]) -> dict[str, Histogram]:
    """How long each step took: from the step before it, or the start of the attempt, to its own end."""
    before = sa.func.lag(job_steps.c.finished_at).over(
        partition_by=job_steps.c.job_id, order_by=job_steps.c.finished_at
    )
    steps = (
        sa.select(job_steps.c.name, (job_steps.c.finished_at - sa.func.coalesce(before, jobs.c.started_at)).label("s"))
        .join(jobs, jobs.c.id == job_steps.c.job_id)
        .where(within, job_steps.c.attempt == jobs.c.attempt)
        .subquery()
    )
    wanted = sa.select(steps.c.name, *_spread("step", steps.c.s, DURATIONS_S)).group_by(steps.c.name)
    rows = connection.execute(wanted).mappings()
    return _merged((step_label(row["name"]), _gathered(row, "step", DURATIONS_S)) for row in rows)


def _rejections(connection: sa.Connection, within: sa.ColumnElement[bool]) -> Counter[str]:
    """Findings against what was rendered: of jobs that failed by them, and of those delivered in spite of them."""
    faults, passed = jobs.c.result["qa"]["faults"], jobs.c.result["qa"]["passed"].as_boolean()
    rejected = sa.and_(jobs.c.state == State.FAILED, jobs.c.reason.startswith(REJECTED))
    in_doubt = sa.and_(jobs.c.state == State.COMPLETED, jobs.c.result["verdict"].as_string() == "escalated")
    found: Counter[str] = Counter()
    for listed in connection.execute(sa.select(faults).where(within, passed == sa.false())).scalars():
        found.update(check_label(fault) for fault in listed or ())
    for reason in connection.execute(sa.select(jobs.c.reason).where(within, rejected)).scalars():
        found.update(check_label(fault) for fault in str(reason).removeprefix(REJECTED).split("; "))
    doubted = sa.select(sa.func.count()).where(within, in_doubt, passed == sa.true())
    return found + Counter({"semantic": connection.execute(doubted).scalar_one()})


def step_label(name: str) -> str:
    """The kind of a step: `walk / shot` is a shot; what has no kind of its own is "other"."""
    words = name.rsplit(" / ", 1)[-1].split()
    first = words[0] if words else ""
    return first if first in (FILM_STEPS if " / " in name else CLIP_STEPS) else OTHER


def check_label(fault: str) -> str:
    """The check that a sentence `check: what it found` comes from, or `file: check: what it found`."""
    return next((part for part in fault.split(": ") if part in CHECKS), OTHER)


def _spread(name: str, value: sa.ColumnElement[Any], bounds: Sequence[float]) -> list[sa.ColumnElement[Any]]:
    """Columns that `_gathered` makes a histogram of; values that are null are not in it."""
    below = [sa.func.sum(sa.case((value <= bound, 1), else_=0)) for bound in bounds]
    return [
        *(column.label(f"{name}_{index}") for index, column in enumerate(below)),
        sa.func.count(value).label(f"{name}_count"),
        sa.func.sum(value).label(f"{name}_sum"),
    ]


def _gathered(row: sa.RowMapping, name: str, bounds: tuple[float, ...]) -> Histogram:
    below = tuple(int(row[f"{name}_{index}"]) for index in range(len(bounds)))
    return Histogram(bounds, below, row[f"{name}_count"], row[f"{name}_sum"] or 0.0)


def _merged(pairs: Iterable[tuple[str, Histogram]]) -> dict[str, Histogram]:
    merged: dict[str, Histogram] = {}
    for name, histogram in pairs:
        merged[name] = merged[name] + histogram if name in merged else histogram
    return merged
