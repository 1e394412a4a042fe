"""Pages of a client's jobs leave none out and show none twice, nor anybody else's."""

import itertools
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiprod_core.errors import InputError
from aiprod_server.queue import leases, listing, submissions
from aiprod_server.queue.jobs import Job, State, UnknownJob

CAT = {"prompt": "a red cat"}
NUMBERS = itertools.count()


def submit(engine: sa.Engine, client: str, at_s: float, kind: str = "clip") -> Job:
    return submissions.submit(engine, CAT, client=client, now_s=at_s, kind=kind)


def pages(engine: sa.Engine, client: str, limit: int, newest_first: bool = True) -> Iterator[list[str]]:
    after, more = None, True
    while more:
        page = listing.page(engine, client=client, after=after, limit=limit, newest_first=newest_first)
        yield [job.id for job in page.jobs]
        after, more = page.jobs[-1].id if page.jobs else None, page.has_more


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    times=st.lists(st.sampled_from([1.0, 1.5, 2.0]), max_size=7), limit=st.integers(1, 4), newest_first=st.booleans()
)
def test_pages_together_are_all_jobs_in_order(
    engine: sa.Engine, times: list[float], limit: int, newest_first: bool
) -> None:
    """Many are submitted at the same moment, and another client's between them."""
    client = f"client{next(NUMBERS)}"
    kept = [submit(engine, name, at_s) for at_s in times for name in (client, f"other than {client}")][::2]
    wanted = [job.id for job in sorted(kept, key=lambda job: (job.submitted_at, job.id), reverse=newest_first)]
    found = list(pages(engine, client, limit, newest_first))
    assert list(itertools.chain(*found)) == wanted
    assert all(len(page) == limit for page in found[:-1])
    assert len(found[-1]) <= limit


def test_a_page_goes_on_whatever_comes_and_goes_between(engine: sa.Engine) -> None:
    ids = [submit(engine, "ada", float(n)).id for n in range(5)]
    first = listing.page(engine, client="ada", limit=2)
    assert [job.id for job in first.jobs] == [ids[4], ids[3]]
    submit(engine, "ada", 9.0)
    for job_id in (ids[3], ids[2]):
        submissions.cancel(engine, job_id, now_s=10.0)
        submissions.delete(engine, job_id, now_s=10.0)
    second = listing.page(engine, client="ada", after=ids[3], limit=2)
    assert [job.id for job in second.jobs] == [ids[1], ids[0]]
    assert (first.has_more, second.has_more) == (True, False)


def test_a_page_holds_what_was_asked(engine: sa.Engine) -> None:
    film = submit(engine, "ada", 1.0, kind="film")
    clip = submit(engine, "ada", 2.0)
    submissions.cancel(engine, clip.id, now_s=3.0)
    asked = listing.page(engine, client="ada", kind="film").jobs
    assert asked == (submissions.job(engine, film.id),)
    assert [job.id for job in listing.page(engine, client="ada", state=State.CANCELLED).jobs] == [clip.id]
    assert listing.page(engine, client="ada", state=State.QUEUED, kind="clip").jobs == ()


def test_a_page_after_a_job_that_is_not_the_clients_is_refused(engine: sa.Engine) -> None:
    foreign = submit(engine, "bob", 1.0)
    for after in (foreign.id, "job_x"):
        with pytest.raises(UnknownJob, match=after):
            listing.page(engine, client="ada", after=after)


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_of_a_size_out_of_range_is_refused(engine: sa.Engine, limit: int) -> None:
    with pytest.raises(InputError, match="expected 1 to 100"):
        listing.page(engine, client="ada", limit=limit)


def test_jobs_are_counted_by_their_state(engine: sa.Engine) -> None:
    assert listing.counts(engine) == dict.fromkeys(State, 0)
    ids = [submit(engine, "ada", float(n)).id for n in range(6)]
    submissions.cancel(engine, ids[5], now_s=6.0)
    claims = [leases.claim(engine, "w", now_s=7.0) for _ in range(3)]
    first, second, third = (held for held in claims if held is not None)
    leases.fail(engine, first, "broken", now_s=8.0)
    leases.retry(engine, second, "broken", now_s=8.0)
    leases.complete(engine, third, device_s=1.0, cost_microeur=1, now_s=8.0)
    submissions.delete(engine, third.job_id, now_s=9.0)
    counted = {State.QUEUED: 3, State.RUNNING: 0, State.COMPLETED: 1, State.FAILED: 1, State.CANCELLED: 1}
    assert listing.counts(engine) == counted
    leases.claim(engine, "w", now_s=10.0)
    assert listing.counts(engine) == counted | {State.QUEUED: 2, State.RUNNING: 1}


def test_the_oldest_job_that_waits_is_said(engine: sa.Engine) -> None:
    assert listing.oldest_queued_at(engine) is None
    for at_s in (5.0, 3.0, 4.0):
        submit(engine, "ada", at_s)
    assert listing.oldest_queued_at(engine) == 3.0
    leases.claim(engine, "w", now_s=10.0)
    assert listing.oldest_queued_at(engine) == 4.0
