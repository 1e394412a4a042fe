"""Watchers see every event once, however they come, go and dawdle, and share their queries."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest
import sqlalchemy as sa

from aiprod_server.api import broadcast
from aiprod_server.api.broadcast import Broadcast, Frame, frame_of
from aiprod_server.database import writing
from aiprod_server.queue import leases, submissions
from aiprod_server.queue.jobs import Event
from aiprod_server.queue.watching import news

EVENTS = 40


def submitted(engine: sa.Engine, at_s: float = 1.0) -> str:
    return submissions.submit(engine, {"prompt": "a red cat"}, client="c", now_s=at_s).id


def written(engine: sa.Engine, job_id: str) -> list[int]:
    return [event.id for event in news(engine, {job_id: 0}, most=10_000)[job_id]]


def work(engine: sa.Engine, events: int = EVENTS) -> None:
    """Do the next job as a worker would: claim, report, end."""
    claim = leases.claim(engine, "worker", now_s=2.0)
    assert claim is not None
    for done in range(events):
        leases.report(engine, claim, "progress", {"done": done}, now_s=3.0)
    leases.fail(engine, claim, "no film today", now_s=4.0)


async def taken(stream: AsyncIterator[Sequence[Frame]]) -> list[int]:
    """Ids of the frames of a stream, up to its end."""
    return [frame.id async for frames in stream for frame in frames]


async def begun(stream: AsyncIterator[Sequence[Frame]]) -> list[int]:
    """Ids of the first lot of a stream."""
    return [frame.id for frame in await anext(stream)]


def test_a_frame_is_one_event_of_the_standard() -> None:
    frame = frame_of(Event(id=7, at=1.5, kind="progress", data={"stage": "a\nb", "done": 1}))
    assert frame.text == b'id: 7\nevent: progress\ndata: {"at":1.5,"stage":"a\\nb","done":1}\n\n'
    assert not frame.last
    assert frame_of(Event(id=8, at=1.5, kind="cancelled", data={})).last


def test_watchers_who_reconnect_see_each_event_once(engine: sa.Engine) -> None:
    job_id, chance = submitted(engine), random.Random(7)
    live = Broadcast(engine, tick_s=0.01)

    async def watcher() -> list[int]:
        ids: list[int] = []
        final = False
        while not final:
            async with aclosing(live.lots(job_id, ids[-1] if ids else 0)) as stream:
                leave_after = chance.randint(1, 4)
                async for frames in stream:
                    some = frames[: chance.randint(1, EVENTS)]  # the rest was sent, and did not arrive
                    ids += [frame.id for frame in some]
                    await asyncio.sleep(chance.choice([0, 0, 0.02]))
                    final, leave_after = bool(some) and some[-1].last, leave_after - 1
                    if final or leave_after == 0 or len(some) < len(frames):
                        break
        return ids

    async def everybody() -> list[list[int]]:
        watching = [asyncio.create_task(watcher()) for _ in range(20)]
        await asyncio.to_thread(work, engine)
        return await asyncio.gather(*watching)

    seen = asyncio.run(everybody())
    assert seen == [written(engine, job_id)] * 20


def test_all_watchers_share_the_queries(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id, others = submitted(engine), [submitted(engine, at_s=1.5) for _ in range(3)]
    live = Broadcast(engine, tick_s=0.01)
    asked: list[int] = []

    def counted(engine: sa.Engine, places: dict[str, int], *, most: int) -> dict[str, list[Event]]:
        asked.append(len(places))
        return news(engine, places, most=most)

    monkeypatch.setattr(broadcast, "news", counted)

    async def everybody() -> list[list[int]]:
        watching = [asyncio.create_task(begun(live.lots(name))) for name in others]
        watching += [asyncio.create_task(taken(live.lots(job_id))) for _ in range(50)]
        await asyncio.gather(*watching[:3])
        await asyncio.to_thread(work, engine)
        return await asyncio.gather(*watching[3:])

    assert asyncio.run(everybody()) == [written(engine, job_id)] * 50
    own = len(asked) - live.queries
    assert own <= 2 * 53  # each reads what lies before it, again where others began meanwhile; the poller does the rest


def test_a_slow_watcher_loses_nothing_and_holds_nobody(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "KEPT", 5)
    monkeypatch.setattr(broadcast, "PAGE", 9)
    job_id = submitted(engine)
    live = Broadcast(engine, tick_s=0.01)

    async def fast_and_slow() -> tuple[list[int], list[int]]:
        async with aclosing(live.lots(job_id)) as slow:
            first = await begun(slow)
            fast = asyncio.create_task(taken(live.lots(job_id)))
            await asyncio.to_thread(work, engine)
            ahead = await fast  # ended, while the slow one has taken a single lot
            return ahead, [*first, *await taken(slow)]

    ahead, behind = asyncio.run(fast_and_slow())
    assert ahead == behind == written(engine, job_id)


def test_silence_is_told_too(engine: sa.Engine) -> None:
    job_id = submitted(engine)
    live = Broadcast(engine, tick_s=0.01, keep_open_s=0.02)

    async def patient() -> list[Sequence[Frame]]:
        async with aclosing(live.lots(job_id)) as stream:
            return [await anext(stream) for _ in range(3)]

    assert [len(frames) for frames in asyncio.run(patient())] == [1, 0, 0]


def test_a_stop_ends_every_stream(engine: sa.Engine) -> None:
    job_id = submitted(engine)
    live = Broadcast(engine)

    async def stopped() -> list[list[int]]:
        watching = [asyncio.create_task(taken(live.lots(job_id))) for _ in range(3)]
        await begun(live.lots(job_id))
        live.stop()
        return [*await asyncio.gather(*watching), await taken(live.lots(job_id))]

    *ended, late = asyncio.run(stopped())
    assert all(ids in ([], written(engine, job_id)) for ids in ended)
    assert late == []


def test_nobody_asks_where_nobody_watches(engine: sa.Engine) -> None:
    job_id = submitted(engine)
    live = Broadcast(engine, tick_s=0.001)

    async def gone() -> tuple[int, int]:
        async with aclosing(live.lots(job_id)) as stream:
            await anext(stream)
        while any(task is not asyncio.current_task() for task in asyncio.all_tasks()):
            await asyncio.sleep(0.01)
        before = live.queries
        await asyncio.sleep(0.05)
        return before, live.queries

    before, after = asyncio.run(gone())
    assert before == after


def test_a_database_that_is_away_for_a_while_loses_nobody(engine: sa.Engine) -> None:
    job_id = submitted(engine)
    live = Broadcast(engine, tick_s=0.01)

    async def through() -> list[int]:
        watching = asyncio.create_task(taken(live.lots(job_id)))
        await begun(live.lots(job_id))
        with writing(engine) as connection:
            connection.execute(sa.text("ALTER TABLE job_events RENAME TO away"))
        await asyncio.sleep(0.1)
        with writing(engine) as connection:
            connection.execute(sa.text("ALTER TABLE away RENAME TO job_events"))
        await asyncio.to_thread(work, engine)
        return await watching

    assert asyncio.run(through()) == written(engine, job_id)


def test_the_data_is_what_the_worker_said(engine: sa.Engine) -> None:
    job_id = submitted(engine)
    work(engine, events=1)

    async def whole() -> list[bytes]:
        return [frame.text async for frames in Broadcast(engine).lots(job_id) for frame in frames]

    kinds = [text.split(b"\n")[1].removeprefix(b"event: ").decode() for text in asyncio.run(whole())]
    assert kinds == ["queued", "running", "progress", "failed"]
    last = asyncio.run(whole())[-1].split(b"data: ")[1]
    assert json.loads(last) == {"at": 4.0, "reason": "no film today"}
