"""A client submits, looks, watches and cancels; what it submitted twice is one job."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.database import reading
from aiprod_server.queue import leases, submissions
from aiprod_server.queue.jobs import JobLost, KeyReused, State, UnknownJob
from aiprod_server.tables import jobs, webhook_outbox

CAT = {"prompt": "a red cat", "seed": 7}


def count(engine: sa.Engine, table: sa.Table) -> int:
    with reading(engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_a_job_is_kept_as_it_was_submitted(engine: sa.Engine) -> None:
    kept = submissions.submit(engine, CAT, client="ada", now_s=10.0, priority=-5, run_at_s=12.0)
    assert kept == submissions.job(engine, kept.id)
    assert (kept.client, kept.state, kept.priority, kept.request) == ("ada", State.QUEUED, -5, CAT)
    assert (kept.submitted_at, kept.run_at, kept.attempt, kept.finished_at) == (10.0, 12.0, 0, None)


def test_the_same_request_under_the_same_key_is_the_same_job(engine: sa.Engine) -> None:
    first = submissions.submit(engine, CAT, client="ada", now_s=10.0, idempotency_key="k")
    again = submissions.submit(engine, dict(reversed(CAT.items())), client="ada", now_s=99.0, idempotency_key="k")
    assert again == first
    assert [event.kind for event in submissions.events(engine, first.id)] == ["queued"]


def test_a_key_with_another_request_is_refused(engine: sa.Engine) -> None:
    submissions.submit(engine, CAT, client="ada", now_s=10.0, idempotency_key="k")
    with pytest.raises(KeyReused, match="'k' came before with another request"):
        submissions.submit(engine, CAT | {"seed": 8}, client="ada", now_s=10.0, idempotency_key="k")
    assert count(engine, jobs) == 1


def test_keys_of_two_clients_and_no_key_at_all_meet_nothing(engine: sa.Engine) -> None:
    asked = [("ada", "k"), ("bob", "k"), ("ada", None), ("ada", None)]
    found = {submissions.submit(engine, CAT, client=name, now_s=1.0, idempotency_key=key).id for name, key in asked}
    assert len(found) == 4


def test_a_key_that_comes_many_times_at_once_is_one_job(engine: sa.Engine) -> None:
    def submit(number: int) -> str:
        return submissions.submit(engine, CAT, client="ada", now_s=float(number), idempotency_key="k").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(submit, range(40)))) == 1
    assert count(engine, jobs) == 1


@pytest.mark.parametrize(
    ("request_", "asked", "said"),
    [
        ({"prompt": float("nan")}, {}, "JSON"),
        ({"prompt": object()}, {}, "JSON"),
        (CAT, {"client": ""}, "expected 1 to 64"),
        (CAT, {"client": "a" * 65}, "65 characters"),
        (CAT, {"idempotency_key": ""}, "expected 1 to 255"),
        (CAT, {"max_attempts": 0}, "expected 1 or more"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    engine: sa.Engine, request_: dict[str, Any], asked: dict[str, Any], said: str
) -> None:
    plain: dict[str, Any] = {"client": "ada", "now_s": 1.0}
    with pytest.raises(InputError, match=said):
        submissions.submit(engine, request_, **(plain | asked))
    assert count(engine, jobs) == 0


def test_an_unknown_job_is_said(engine: sa.Engine) -> None:
    with pytest.raises(UnknownJob, match="job_x"):
        submissions.job(engine, "job_x")
    with pytest.raises(UnknownJob, match="job_x"):
        submissions.events(engine, "job_x")
    with pytest.raises(UnknownJob, match="job_x"):
        submissions.cancel(engine, "job_x", now_s=1.0)


def test_a_queued_job_that_is_cancelled_never_runs(engine: sa.Engine) -> None:
    kept = submissions.submit(engine, CAT, client="ada", now_s=1.0)
    assert submissions.cancel(engine, kept.id, now_s=2.0) is State.CANCELLED
    assert submissions.job(engine, kept.id).finished_at == 2.0
    assert leases.claim(engine, "w", now_s=3.0) is None


def test_a_running_job_that_is_cancelled_is_lost_to_its_worker(engine: sa.Engine) -> None:
    submissions.submit(engine, CAT, client="ada", now_s=1.0)
    held = leases.claim(engine, "w", now_s=2.0)
    assert held is not None
    assert submissions.cancel(engine, held.job_id, now_s=3.0) is State.CANCELLED
    with pytest.raises(JobLost):
        leases.beat(engine, held, now_s=4.0)
    assert leases.claim(engine, "w", now_s=1e9) is None


def test_a_job_that_has_ended_stays_as_it_ended(engine: sa.Engine) -> None:
    submissions.submit(engine, CAT, client="ada", now_s=1.0, webhook_url="https://ada.example/hook")
    held = leases.claim(engine, "w", now_s=2.0)
    assert held is not None
    leases.complete(engine, held, device_s=1.0, cost_microeur=5, now_s=3.0)
    assert submissions.cancel(engine, held.job_id, now_s=4.0) is State.COMPLETED
    assert count(engine, webhook_outbox) == 1
    assert submissions.job(engine, held.job_id).finished_at == 3.0


def test_a_stream_of_events_goes_on_after_the_last_one_seen(engine: sa.Engine) -> None:
    kept = submissions.submit(engine, CAT, client="ada", now_s=1.0)
    held = leases.claim(engine, "w", now_s=2.0)
    assert held is not None
    seen = submissions.events(engine, kept.id)
    leases.report(engine, held, "progress", {"done": 1, "of": 3}, now_s=3.0)
    submissions.cancel(engine, kept.id, now_s=4.0)
    fresh = submissions.events(engine, kept.id, after=seen[-1].id)
    assert [event.kind for event in seen] == ["queued", "running"]
    assert [(event.kind, event.at, event.data) for event in fresh] == [
        ("progress", 3.0, {"done": 1, "of": 3}),
        ("cancelled", 4.0, {}),
    ]
