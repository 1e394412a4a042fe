"""A client submits, looks, watches and cancels; what it submitted twice is one job."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from aiprod_core.errors import InputError
from aiprod_server.database import reading
from aiprod_server.queue import clients, leases, submissions
from aiprod_server.queue.jobs import JobLost, KeyReused, NotEnded, QuotaExceeded, State, UnknownJob
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


def test_a_job_says_what_it_was_submitted_with(engine: sa.Engine) -> None:
    url = "https://ada.example/hook?token=hidden"
    asked: dict[str, Any] = {"kind": "film", "tier": "eco", "estimate_s": 12.5, "webhook_url": url}
    kept = submissions.submit(engine, CAT, client="ada", now_s=10.0, batch_key="alike", **asked)
    assert (kept.kind, kept.tier, kept.estimate_s, kept.webhook_url) == ("film", "eco", 12.5, url)
    assert (kept.progress, kept.result, kept.expires_at, kept.deleted_at) == (0.0, None, None, None)
    assert "hidden" not in repr(kept)


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


def test_a_key_is_of_what_the_client_asked(engine: sa.Engine) -> None:
    """The seed that the service drew is another each time; the client asked for none."""
    asked = {"prompt": "a red cat"}
    plain: dict[str, Any] = {"client": "ada", "now_s": 1.0, "idempotency_key": "k"}
    kept = submissions.submit(engine, asked | {"seed": 1}, asked=asked, **plain)
    assert submissions.submit(engine, asked | {"seed": 2}, asked=asked, **plain) == kept
    with pytest.raises(KeyReused):
        submissions.submit(engine, asked | {"seed": 1}, asked={"prompt": "a blue cat"}, **plain)


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


# Another client's


@pytest.mark.parametrize(
    "look",
    [
        lambda engine, job_id: submissions.job(engine, job_id, "bob"),
        lambda engine, job_id: submissions.events(engine, job_id, client="bob"),
        lambda engine, job_id: submissions.cancel(engine, job_id, now_s=9.0, client="bob"),
        lambda engine, job_id: submissions.delete(engine, job_id, now_s=9.0, client="bob"),
    ],
)
def test_another_clients_job_is_as_unknown_as_none(engine: sa.Engine, look: Callable[[sa.Engine, str], Any]) -> None:
    kept = submissions.submit(engine, CAT, client="ada", now_s=1.0)
    with pytest.raises(UnknownJob, match=f"no job '{kept.id}'; check the id"):
        look(engine, kept.id)
    assert submissions.job(engine, kept.id, "ada") == kept


# Deleted


def test_a_deleted_job_is_unknown_and_its_key_is_free(engine: sa.Engine) -> None:
    kept = submissions.submit(engine, CAT, client="ada", now_s=1.0, idempotency_key="k")
    submissions.cancel(engine, kept.id, now_s=2.0)
    gone = submissions.delete(engine, kept.id, now_s=3.0, client="ada")
    assert (gone.id, gone.state, gone.deleted_at) == (kept.id, State.CANCELLED, 3.0)
    for look in (submissions.job, submissions.events):
        with pytest.raises(UnknownJob):
            look(engine, kept.id)
    for end in (submissions.cancel, submissions.delete):
        with pytest.raises(UnknownJob):
            end(engine, kept.id, now_s=4.0)
    again = submissions.submit(engine, CAT, client="ada", now_s=5.0, idempotency_key="k")
    assert again.id != kept.id


def test_a_job_that_has_not_ended_is_not_deleted(engine: sa.Engine) -> None:
    kept = submissions.submit(engine, CAT, client="ada", now_s=1.0)
    with pytest.raises(NotEnded, match="is queued, expected one that has ended; cancel it first"):
        submissions.delete(engine, kept.id, now_s=2.0)
    leases.claim(engine, "w", now_s=3.0)
    with pytest.raises(NotEnded, match="is running"):
        submissions.delete(engine, kept.id, now_s=4.0)
    assert submissions.job(engine, kept.id).deleted_at is None


# Quotas


def test_a_full_queue_is_refused_until_a_job_has_started(engine: sa.Engine) -> None:
    clients.set_limits(engine, "ada", max_queued=2)
    for _ in range(2):
        submissions.submit(engine, CAT, client="ada", now_s=1.0)
    with pytest.raises(QuotaExceeded, match="2 jobs wait, expected fewer than 2") as refusal:
        submissions.submit(engine, CAT, client="ada", now_s=1.0)
    assert refusal.value.retry_after_s > 0
    submissions.submit(engine, CAT, client="bob", now_s=1.0)
    assert count(engine, jobs) == 3
    leases.claim(engine, "w", now_s=2.0)
    submissions.submit(engine, CAT, client="ada", now_s=3.0)
    with pytest.raises(QuotaExceeded):
        submissions.submit(engine, CAT, client="ada", now_s=3.0)


def test_a_full_queue_still_knows_its_keys(engine: sa.Engine) -> None:
    clients.set_limits(engine, "ada", max_queued=1, budget_device_s=1.0)
    plain: dict[str, Any] = {"client": "ada", "idempotency_key": "k"}
    kept = submissions.submit(engine, CAT, now_s=1.0, **plain)
    clients.set_limits(engine, "ada", budget_device_s=0.0)
    assert submissions.submit(engine, CAT, now_s=2.0, **plain) == kept
    with pytest.raises(KeyReused):
        submissions.submit(engine, CAT | {"seed": 8}, now_s=2.0, **plain)


def test_as_many_as_may_wait_are_taken_of_many_at_once(engine: sa.Engine) -> None:
    clients.set_limits(engine, "ada", max_queued=5)
    start = threading.Barrier(8)

    def submit(_: int) -> int:
        start.wait()
        taken = 0
        for _ in range(3):
            with suppress(QuotaExceeded):
                submissions.submit(engine, CAT, client="ada", now_s=1.0)
                taken += 1
        return taken

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(submit, range(8))) == 5
    assert count(engine, jobs) == 5


def test_a_spent_budget_is_refused_until_the_month_ends(engine: sa.Engine) -> None:
    late_july = datetime(2026, 7, 31, 23, tzinfo=UTC).timestamp()
    clients.set_limits(engine, "ada", budget_device_s=10.0)
    submissions.submit(engine, CAT, client="ada", now_s=late_july)
    held = leases.claim(engine, "w", now_s=late_july)
    assert held is not None
    leases.complete(engine, held, device_s=10.0, cost_microeur=1, now_s=late_july)
    with pytest.raises(QuotaExceeded, match=r"10\.0 of 10\.0 s of devices are spent this month") as refusal:
        submissions.submit(engine, CAT, client="ada", now_s=late_july)
    assert refusal.value.retry_after_s == 3600.0
    assert count(engine, jobs) == 1
    submissions.submit(engine, CAT, client="ada", now_s=late_july + 3600.0)
