"""Many jobs are asked for in one query, and none of their events is left out."""

import sqlalchemy as sa

from aiprod_server.database import writing
from aiprod_server.queue import submissions
from aiprod_server.queue.journal import write_event
from aiprod_server.queue.watching import news


def jobs(engine: sa.Engine, count: int) -> list[str]:
    return [submissions.submit(engine, {"seed": n}, client="c", now_s=1.0).id for n in range(count)]


def say(engine: sa.Engine, job_id: str, number: int) -> None:
    with writing(engine) as connection:
        write_event(connection, job_id, "progress", {"done": number}, now_s=2.0)


def test_each_job_goes_on_from_its_own_place(engine: sa.Engine) -> None:
    first, second, quiet = jobs(engine, 3)
    for number in range(4):
        say(engine, first if number % 2 else second, number)
    known = news(engine, {first: 0, second: 0, quiet: 0}, most=100)
    assert [event.kind for event in known[first]] == ["queued", "progress", "progress"]
    places = {first: known[first][1].id, second: known[second][-1].id, quiet: known[quiet][-1].id}
    assert {job: [event.data for event in events] for job, events in news(engine, places, most=100).items()} == {
        first: [{"done": 3}]
    }


def test_pages_together_are_all_there_is(engine: sa.Engine) -> None:
    places = dict.fromkeys(jobs(engine, 3), 0)
    for number in range(20):
        say(engine, list(places)[number % 3], number)
    everything = news(engine, places, most=1000)
    paged: dict[str, list[int]] = {job: [] for job in places}
    while found := news(engine, places, most=7):
        assert sum(map(len, found.values())) <= 7
        for job, events in found.items():
            paged[job] += [event.id for event in events]
            places[job] = events[-1].id
    assert paged == {job: [event.id for event in events] for job, events in everything.items()}


def test_no_places_and_no_jobs_are_no_news(engine: sa.Engine) -> None:
    assert news(engine, {}, most=1) == {}
    assert news(engine, {"job_that_is_not": 0}, most=1) == {}


def test_more_jobs_than_a_chain_of_conditions_could_hold(engine: sa.Engine) -> None:
    known = jobs(engine, 1)[0]
    assert list(news(engine, dict.fromkeys([known, *(f"job_{n}" for n in range(2000))], 0), most=5)) == [known]
