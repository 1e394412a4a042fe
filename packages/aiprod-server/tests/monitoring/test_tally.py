"""Counters are those of the jobs in the database: every end once, whoever asks, and however often."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from aiprod_server.monitoring.tally import SETTLED_S, Histogram, Tally, Totals, check_label, step_label
from aiprod_server.queue import leases, submissions
from aiprod_server.queue.jobs import REJECTED, Claim

QA = {"passed": False, "faults": ["black: nothing to see", "frozen: for 2 s", "black: again"]}


def _claimed(engine: sa.Engine, at_s: float, worker: str = "w") -> Claim:
    claim = leases.claim(engine, worker, now_s=at_s)
    assert claim is not None
    return claim


def _completed(engine: sa.Engine, claim: Claim, at_s: float, result: Mapping[str, Any] | None = None) -> None:
    told = {"duration_s": 2.5, "qa": {"passed": True, "faults": []}} | dict(result or {})
    leases.complete(engine, claim, device_s=4.0, cost_microeur=7, now_s=at_s, result=told)


def _one_job(engine: sa.Engine, at_s: float, result: Mapping[str, Any] | None = None) -> None:
    """Submitted, waits 2 s, renders 10 s, is checked 1 s, and ends."""
    submissions.submit(engine, {"a": 1}, client="c", now_s=at_s)
    claim = _claimed(engine, at_s + 2)
    leases.finish_step(engine, claim, "render", "0" * 64, now_s=at_s + 12)
    leases.finish_step(engine, claim, "check", "1" * 64, now_s=at_s + 13)
    _completed(engine, claim, at_s + 13, result)


def test_what_one_job_took_is_told_by_its_parts(engine: sa.Engine) -> None:
    _one_job(engine, 1000.0, {"qa": QA})
    totals = Tally(engine).read(1014.0)
    assert totals.ended == {"completed": 1}
    assert (totals.waits.count, totals.waits.sum, totals.waits.below[:2]) == (1, 2.0, (0, 1))
    assert (totals.durations.count, totals.durations.sum) == (1, 11.0)
    assert {name: one.sum for name, one in totals.steps.items()} == {"render": 10.0, "check": 1.0}
    assert (totals.video_s, totals.device_s, totals.takeovers) == (2.5, 4.0, 0)
    assert totals.rejections == {"black": 2, "frozen": 1}


def test_jobs_that_never_began_have_no_wait(engine: sa.Engine) -> None:
    job = submissions.submit(engine, {}, client="c", now_s=10.0)
    submissions.cancel(engine, job.id, now_s=20.0)
    totals = Tally(engine).read(21.0)
    assert totals.ended == {"cancelled": 1}
    assert (totals.waits.count, totals.durations.count) == (0, 0)


def test_only_what_another_worker_took_over_is_a_takeover(engine: sa.Engine) -> None:
    submissions.submit(engine, {}, client="c", now_s=0.0)
    leases.retry(engine, _claimed(engine, 1.0), "no luck", now_s=2.0)
    lost = _claimed(engine, 100.0, "dies")
    assert lost.attempt == 2
    again = _claimed(engine, 100.0 + leases.LEASE_S + 1, "other")
    leases.fail(engine, again, "no", now_s=200.0)
    totals = Tally(engine).read(201.0)
    assert totals.ended == {"failed": 1}
    assert totals.takeovers == 1


def test_a_step_of_an_earlier_attempt_is_not_timed_by_the_later_one(engine: sa.Engine) -> None:
    submissions.submit(engine, {}, client="c", now_s=0.0)
    first = _claimed(engine, 0.0)
    leases.finish_step(engine, first, "render", "0" * 64, now_s=30.0)
    second = _claimed(engine, 30.0 + leases.LEASE_S + 1)
    leases.finish_step(engine, second, "check", "1" * 64, now_s=95.0)
    _completed(engine, second, 95.0)
    totals = Tally(engine).read(96.0)
    assert {name: one.sum for name, one in totals.steps.items()} == {"check": 4.0}


def test_looking_again_and_elsewhere_gives_the_same(engine: sa.Engine) -> None:
    seldom, often = Tally(engine), Tally(engine)
    moment = 0.0
    for number in range(8):
        _one_job(engine, moment, {"qa": QA} if number % 3 == 0 else None)
        moment += 13.0 + SETTLED_S * (number % 4)
        often.read(moment)
    once, counted = seldom.read(moment), often.read(moment)
    assert counted.ended == {"completed": 8}
    assert dataclasses.asdict(once) == dataclasses.asdict(counted)
    assert dataclasses.asdict(often.read(moment + 10_000)) == dataclasses.asdict(once)


def test_an_end_that_is_written_late_is_not_forgotten(engine: sa.Engine) -> None:
    """A transaction that began before another look and ends after it bears an earlier time."""
    tally = Tally(engine)
    _one_job(engine, 1000.0)
    assert tally.read(1020.0).ended == {"completed": 1}
    _one_job(engine, 1005.0 - SETTLED_S / 2)
    assert tally.read(1021.0).ended == {"completed": 2}


def test_totals_of_nothing_change_nothing() -> None:
    some = Totals(waits=Histogram((1.0,), (2,), 3, 4.0), durations=Histogram((1.0,), (0,)))
    none = Totals(waits=Histogram.empty((1.0,)), durations=Histogram.empty((1.0,)))
    assert some + none == some


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("render", "render"),
        ("walk / shot", "shot"),
        ("a / b / grade pq", "grade"),
        ("film / qa", "qa"),
        ("x / render", "other"),
        ("anything", "other"),
        ("", "other"),
    ],
)
def test_a_step_is_known_by_what_it_does(name: str, label: str) -> None:
    assert step_label(name) == label


def test_a_check_is_known_by_its_code() -> None:
    told = {"black: at 2 s": "black", "black": "black", "film.mp4: no sound: none": "no sound", "what: ever": "other"}
    assert {fault: check_label(fault) for fault in told} == told


def test_what_failed_by_its_check_and_what_is_in_doubt_count_too(engine: sa.Engine) -> None:
    _one_job(engine, 1000.0, {"verdict": "escalated"})
    _one_job(engine, 1000.0, {"verdict": "approved"})
    submissions.submit(engine, {}, client="c", now_s=1020.0)
    leases.fail(
        engine, _claimed(engine, 1021.0), f"{REJECTED}frozen: for 2 s.; black: all. Expected none", now_s=1022.0
    )
    assert Tally(engine).read(1023.0).rejections == {"semantic": 1, "frozen": 1, "black": 1}
