"""What happens to a job is written beside its state: numbered as it happened, and its end told where it is wanted."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from aiprod_server import tables
from aiprod_server.database import reading, writing
from aiprod_server.queue import clients, leases, submissions
from aiprod_server.queue.jobs import Claim
from aiprod_server.tables import job_events, webhook_outbox

CAT = {"prompt": "a red cat"}
HOOK = "https://ada.example/hook"


def claim(engine: sa.Engine) -> Claim:
    held = leases.claim(engine, "w", now_s=100.0)
    assert held is not None
    return held


def webhooks(engine: sa.Engine) -> Sequence[sa.Row[Any]]:
    with reading(engine) as connection:
        return connection.execute(sa.select(webhook_outbox)).all()


@pytest.mark.parametrize(
    ("own", "clients_", "disabled", "told"),
    [
        (None, None, False, None),
        (None, HOOK, False, HOOK),
        (None, HOOK, True, None),
        ("https://job.example/", None, False, "https://job.example/"),
        ("https://job.example/", HOOK, True, "https://job.example/"),
    ],
)
def test_an_end_is_told_where_somebody_wants_to_know(
    engine: sa.Engine, own: str | None, clients_: str | None, disabled: bool, told: str | None
) -> None:
    clients.set_webhook(engine, "ada", clients_, "whsec_")
    if disabled:
        with writing(engine) as connection:
            connection.execute(sa.update(tables.clients).values(webhook_disabled_at=1.0))
    for _ in range(3):
        submissions.submit(engine, CAT, client="ada", now_s=1.0, webhook_url=own)
    leases.complete(engine, claim(engine), device_s=1.0, cost_microeur=1, now_s=101.0)
    leases.fail(engine, claim(engine), "broken", now_s=101.0)
    submissions.cancel(engine, claim(engine).job_id, now_s=101.0)
    ends = () if told is None else ("job.cancelled", "job.completed", "job.failed")
    assert sorted((row.kind, row.url) for row in webhooks(engine)) == [(end, told) for end in ends]


def test_the_events_of_a_job_are_numbered_as_they_happened(engine: sa.Engine) -> None:
    job_id = submissions.submit(engine, CAT, client="ada", now_s=1.0).id
    held = claim(engine)
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set() or submissions.events(engine, job_id, seen[-1] if seen else 0):
            seen.extend(event.id for event in submissions.events(engine, job_id, seen[-1] if seen else 0))

    with ThreadPoolExecutor(5) as pool:
        watcher = pool.submit(watch)
        list(pool.map(lambda n: leases.report(engine, held, "progress", {"n": n}, now_s=101.0), range(60)))
        done.set()
        watcher.result()
    with reading(engine) as connection:
        written = connection.execute(sa.select(job_events.c.id).order_by(job_events.c.id)).scalars().all()
    assert seen == list(written)
