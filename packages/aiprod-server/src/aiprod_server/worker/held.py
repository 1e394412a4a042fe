"""A job in a worker's hands: what its child said of it, and what the queue has not been told yet. Knows no child.

What cannot be told now, because the database is away, waits here in its order; each write is fenced by the queue, so a
job that another worker took over meanwhile is lost at the first of them. Progress and previews are of a moment: at most
four a second are told of each, and of those that wait only the newest, which is always told.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa

from aiprod_server.queue import leases, submissions
from aiprod_server.queue.jobs import Claim, JobLost, State, UnknownJob

MOMENT_S = 0.25
LOOK_S = 1.0  # between two looks whether the job is still ours
MOMENTS = ("progress", "preview")


class Held:
    """A claimed job. `ended`: its end is said; `over`: and told.

    Args:
        price: micro-euros that a claim costs whose render took so many seconds of a device.
        keep_s: how long the files of a completed job stay; None for always.
    """

    def __init__(
        self, engine: sa.Engine, claim: Claim, *, price: Callable[[Claim, float], int], keep_s: float | None
    ) -> None:
        self.claim = claim
        self.ended = self.over = False
        self._engine, self._price, self._keep_s = engine, price, keep_s
        self._writes: deque[Callable[[float], None]] = deque()
        self._moments: dict[str, Mapping[str, Any]] = {}  # kind → the newest that waits
        self._moment_s = -MOMENT_S
        self._told_s = self._looked_s = time.monotonic()

    def hear(self, answer: Mapping[str, Any]) -> None:
        """Take in what the child said, in the words of `work.child.Say`; after its end, nothing."""
        if self.ended:
            return
        match answer:
            case {"progress": data}:
                self._moments["progress"] = data
            case {"event": kind, "data": data} if kind in MOMENTS:
                self._moments[kind] = data
            case {"event": kind, "data": data}:
                self._write(leases.report, kind=kind, data=data)
            case {"step": name, "sha256": sha256}:
                self._write(leases.finish_step, name=name, sha256=sha256)
            case {"done": result, "device_s": device_s}:
                self._end(partial(self._complete, result, device_s))
            case {"failed": reason, "again": again}:
                self._end(self._call(leases.retry if again else leases.fail, reason=reason))

    def give_back(self) -> None:
        """Put the job back as if this attempt had not been: its worker ends, through no fault of the job."""
        if not self.ended:
            self._end(self._call(leases.release))

    def tell(self, now_s: float) -> None:
        """Tell the queue what is due; where nothing is, keep the lease, and look whether the job is still ours.

        Raises:
            JobLost: it is not: cancelled, or taken over.
            sqlalchemy.exc.DBAPIError: the database is away; what was not told waits for the next call.
        """
        began_s = time.monotonic()
        if began_s - self._moment_s >= MOMENT_S:
            self._settle_moments()
        while self._writes:
            self._writes[0](now_s)
            self._writes.popleft()
            self._told_s = self._looked_s = began_s
        self.over = self.ended
        if self.over:
            return
        if began_s - self._told_s >= leases.LEASE_S / 4:
            leases.beat(self._engine, self.claim, now_s=now_s)
            self._told_s = self._looked_s = began_s
        elif began_s - self._looked_s >= LOOK_S:
            self._look()
            self._looked_s = began_s

    def _look(self) -> None:
        try:
            job = submissions.job(self._engine, self.claim.job_id)
        except UnknownJob as error:
            raise JobLost(str(error)) from error
        if (job.state, job.attempt) != (State.RUNNING, self.claim.attempt):
            raise JobLost(f"{job.id}: it is {job.state}, attempt {job.attempt}; stop its work")

    def _complete(self, result: Mapping[str, Any], device_s: float, now_s: float) -> None:
        leases.complete(
            self._engine,
            self.claim,
            result=result,
            device_s=device_s,
            cost_microeur=self._price(self.claim, device_s),
            expires_at=None if self._keep_s is None else now_s + self._keep_s,
            now_s=now_s,
        )

    def _end(self, write: Callable[[float], None]) -> None:
        self._settle_moments()
        self._writes.append(write)
        self.ended = True

    def _write(self, function: Callable[..., object], **words: Any) -> None:
        self._settle_moments()
        self._writes.append(self._call(function, **words))

    def _settle_moments(self) -> None:
        """Give the newest moments their place in the order: before whatever follows."""
        for kind, data in self._moments.items():
            self._writes.append(self._call(leases.report, kind=kind, data=data, share=data.get("share")))
            self._moment_s = time.monotonic()
        self._moments.clear()

    def _call(self, function: Callable[..., object], **words: Any) -> Callable[[float], None]:
        def write(now_s: float) -> None:
            function(self._engine, self.claim, **words, now_s=now_s)

        return write
