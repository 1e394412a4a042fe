"""Tells any number of watchers what happens to jobs, with one query a tick for all of them. Knows no HTTP.

Every watcher has a place of its own, the id of the last event that it took. What it lacks comes from the latest events,
which are kept once for all watchers of a job; one that is further behind reads them from the database by itself. So a
slow watcher loses nothing and holds nobody up.

Everything here belongs to one event loop; only the queries run in threads.
"""

import asyncio
import json
import logging
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from aiprod_server.queue.jobs import ENDED, Event
from aiprod_server.queue.watching import news

TICK_S, LONGEST_TICK_S, SLOWER = 0.1, 1.0, 1.5  # while something happens, while nothing does, and how it gets there
KEEP_OPEN_S = 15.0  # proxies close what says nothing for a minute
KEPT = 200  # events of a job in memory: with previews, 2.4 MB
PAGE = 200  # events of one query

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """An event as it goes over the wire, encoded once for all its watchers."""

    id: int
    text: bytes
    last: bool  # the end of the job


def frame_of(event: Event) -> Frame:
    """`event` as text/event-stream (HTML standard, 9.2): its data is one line of JSON, with the time `at`."""
    data = json.dumps({"at": event.at, **event.data}, separators=(",", ":"))
    text = f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"
    return Frame(id=event.id, text=text.encode(), last=event.kind in ENDED)


class Broadcast:
    """The watchers of this process, and the one poller that serves them while there are any."""

    def __init__(self, engine: sa.Engine, *, tick_s: float = TICK_S, keep_open_s: float = KEEP_OPEN_S) -> None:
        self._engine, self._tick_s, self._keep_open_s = engine, tick_s, keep_open_s
        self._topics: dict[str, _Topic] = {}
        self._poller: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._stopped = False
        self.queries = 0  # of the poller, since the start

    async def lots(self, job_id: str, after: int = 0) -> AsyncGenerator[Sequence[Frame]]:
        """What happens to a job after the event `after`, until its end, in the lots in which it comes.

        A lot is empty where nothing happens for a while. It ends without the end of the job when the process stops:
        the watcher goes on elsewhere, from its place.
        """
        place = after
        with self._seat(job_id) as topic:
            while not self._stopped:
                fresh = topic.since(place)
                if fresh is None:
                    fresh = await self._catch_up(job_id, place, topic)
                elif not fresh and not await topic.news(self._keep_open_s):
                    yield ()
                if fresh:
                    place = fresh[-1].id
                    yield fresh
                    if fresh[-1].last:
                        return

    def stop(self) -> None:
        """End all streams, soon; none begins again. Called in the event loop, when the server is told to stop."""
        self._stopped = True
        self._hurry.set()
        for topic in self._topics.values():
            topic.tell()

    async def _catch_up(self, job_id: str, place: int, topic: "_Topic") -> list[Frame]:
        """What the database has after `place`; where that is all, the poller goes on from there."""
        found = await self._ask({job_id: place})
        frames = (found or {}).get(job_id, [])
        if found is not None and len(frames) < PAGE:
            topic.begin(frames[-1].id if frames else place)
            self._hurry.set()
        if not frames and topic.since(place) is None:  # the database is away
            await asyncio.sleep(LONGEST_TICK_S)
        return frames

    @contextmanager
    def _seat(self, job_id: str) -> Iterator["_Topic"]:
        """The job's topic, there as long as it has watchers."""
        topic = self._topics.setdefault(job_id, _Topic())
        topic.watchers += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            yield topic
        finally:
            topic.watchers -= 1
            if topic.watchers == 0:
                del self._topics[job_id]

    async def _poll(self) -> None:
        pause_s = self._tick_s
        while self._topics and not self._stopped:
            if self._hurry.is_set():  # a new job: it may be busier than the others
                self._hurry.clear()
                pause_s = self._tick_s
            topics = dict(self._topics)  # one that ends and begins anew meanwhile is another
            places = {job_id: topic.last for job_id, topic in topics.items() if topic.last is not None}
            self.queries += bool(places)
            found = await self._ask(places) or {}
            for job_id, frames in found.items():
                topics[job_id].add(frames)
            pause_s = self._tick_s if found else min(pause_s * SLOWER, LONGEST_TICK_S)
            if sum(map(len, found.values())) < PAGE:
                await _first(self._hurry, pause_s)

    async def _ask(self, places: dict[str, int]) -> dict[str, list[Frame]] | None:
        """A page of what follows these places; None where the database does not answer: its events wait there."""
        try:
            return await asyncio.to_thread(self._page, places)
        except DBAPIError as error:
            log.warning("events cannot be read: %s", type(error.orig).__name__)
            return None

    def _page(self, places: dict[str, int]) -> dict[str, list[Frame]]:
        found = news(self._engine, places, most=PAGE)
        return {job_id: [frame_of(event) for event in events] for job_id, events in found.items()}


class _Topic:
    """The latest frames of one job: all those with an id above `_start`, up to `last`."""

    def __init__(self) -> None:
        self.watchers = 0
        self.last: int | None = None  # None: nobody's place is known yet
        self._start = 0
        self._frames: list[Frame] = []
        self._told = asyncio.Event()

    def begin(self, place: int) -> None:
        """Keep what follows `place`, unless something is kept already."""
        if self.last is None:
            self._start = self.last = place

    def since(self, place: int) -> list[Frame] | None:
        """The frames after `place`; None where some of them are no longer kept, or none are yet."""
        if self.last is None or place < self._start:
            return None
        return self._frames[bisect_right(self._frames, place, key=lambda frame: frame.id) :]

    def add(self, frames: Iterable[Frame]) -> None:
        self._frames += frames
        self.last = self._frames[-1].id
        if len(self._frames) > KEPT:
            self._start = self._frames[-KEPT - 1].id
            self._frames = self._frames[-KEPT:]
        self.tell()

    def tell(self) -> None:
        """Wake those who wait; who waits from now on waits for the next news."""
        self._told.set()
        self._told = asyncio.Event()

    async def news(self, most_s: float) -> bool:
        """Wait until the topic is told something: False if it was not within `most_s`."""
        return await _first(self._told, most_s)


async def _first(event: asyncio.Event, most_s: float) -> bool:
    try:
        async with asyncio.timeout(most_s):
            return await event.wait()
    except TimeoutError:
        return False
