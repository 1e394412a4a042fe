"""One device of a worker: claims jobs, has its child render them, tells the queue. Knows no model and no signal.

A slot outlives its child and its database. A child that dies, or says nothing for too long, is killed, and its jobs are
put back with the reason; jobs that are cancelled or lost take it along, so that the device is free at once. While the
database is away the child renders on, and what it says waits in `held`. Without a child that has loaded what it needs,
no job is claimed.
"""

import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import sqlalchemy as sa

from aiprod_server.monitoring.error_log import Source
from aiprod_server.queue import leases
from aiprod_server.queue.jobs import Claim, JobLost
from aiprod_server.worker.child import Order
from aiprod_server.worker.closing import Closing
from aiprod_server.worker.held import Held
from aiprod_server.worker.patience import Patience
from aiprod_server.worker.presence import Presence
from aiprod_server.worker.process import RenderProcess

LOG = logging.getLogger(__name__)

TURN_S = 0.1  # how long a turn waits for a word of the child
ASLEEP_S = 5.0  # what is counted at most of a turn: a machine that stood still has no child to blame
FIRST_IDLE_S, LAST_IDLE_S = 0.05, 0.2  # between two looks for a job: the longer, the longer none came
FIRST_START_S, LAST_START_S = 0.5, 30.0  # between two starts of a child that dies before it is ready
ERROR_S = 10.0  # after an error of the worker's own
LEAVE_S = 5.0  # after the time to drain, for a database that is away
SILENT = "the render ended without a word of this job"


class OnError(Protocol):
    """Where errors go that the operator must see; "" is no trace, None no job."""

    def __call__(self, source: Source, kind: str, message: str, trace: str, job_id: str | None) -> object: ...


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a worker works, on all of its devices."""

    engine: sa.Engine
    clock: Callable[[], float]  # seconds since 1970, the same for all who share the database
    program: Sequence[str]  # the child
    price: Callable[[Claim, float], int]  # micro-euros of a claim that took so many seconds of a device
    on_error: OnError
    step_timeout_s: float  # without a word of the child for so long, it is killed
    max_batch: int = 1  # like jobs to render at once
    keep_s: float | None = None  # how long the files of a completed job stay; None for always
    environment: Mapping[str, str] = field(default_factory=dict)  # of the child, laid over that of this process


class Slot:
    """`run` it in a thread of its own: the child does not outlive the thread.

    Args:
        name: in claims; no other slot bears it, nor did.
        device: as torch names it; the child finds it in AIPROD_DEVICE.
    """

    def __init__(self, name: str, machine: str, device: str, terms: Terms, closing: Closing) -> None:
        self._name, self._device = name, device
        self._terms, self._closing = terms, closing
        self._patience = Patience(name)
        self._presence = Presence(terms.engine, terms.clock, name=name, machine=machine, device=device)
        self._held: dict[str, Held] = {}
        self._lost = False  # a job that the child renders is not ours any more
        self._child: RenderProcess | None = None
        self._busy = False  # the child loads, or has orders
        self._listened_s = time.monotonic()
        self._silent_s = 0.0  # since the child said something, of time that this slot was awake
        self._start_s, self._start_wait_s = 0.0, 0.0  # not before, and after how long the next time
        self._idle_s = FIRST_IDLE_S

    def run(self) -> None:
        """Work until it is time to close, and what is held has ended or is given back."""
        while not self._is_over():
            try:
                self._turn()
            except Exception as error:  # the leases of its jobs end, and others take them; the device must go on
                LOG.exception("%s: an error of the worker; the leases of what it held will end", self._name)
                self._record("worker", type(error).__name__, str(error), "".join(traceback.format_exception(error)))
                self._kill()
                self._held.clear()
                self._closing.wait(ERROR_S)
        self._kill()
        self._patience.tried(self._presence.leave)

    def _is_over(self) -> bool:
        return self._is_closing() and (not self._held or self._closing.late_s() >= LEAVE_S)

    def _is_closing(self) -> bool:
        return self._presence.drains or self._closing.is_asked()

    def _turn(self) -> None:
        """Hear the child and judge it; then tell the queue, or take the next jobs where there is nothing to tell."""
        self._hear()
        self._judge()
        self._patience.tried(lambda: self._presence.show(self._is_closing()))
        if self._held:
            self._patience.tried(self._tell)
        elif self._child is not None and not self._busy:
            self._take()

    def _hear(self) -> None:
        """Take in what the child says; start it where there is none, and work for it."""
        if self._child is None and not self._is_closing() and time.monotonic() >= self._start_s:
            environment = {**self._terms.environment, "AIPROD_DEVICE": self._device}
            self._child = RenderProcess(self._terms.program, environment)
            self._busy, self._silent_s = True, 0.0
        moment_s = time.monotonic()
        self._silent_s += min(moment_s - self._listened_s, ASLEEP_S)
        self._listened_s = moment_s
        if self._child is None:
            time.sleep(TURN_S)
            return
        for answer in self._child.answers(TURN_S if self._busy or self._held else 0.0):
            self._silent_s = 0.0
            if "idle" in answer:
                self._busy = self._lost = False
                self._start_wait_s = 0.0
                self._fail(SILENT)
            elif answer["job_id"] in self._held:
                self._held[answer["job_id"]].hear(answer)
                self._record_failure(answer)

    def _judge(self) -> None:
        """Kill the child where it must not go on, or is dead."""
        if self._child is None:
            return
        if not self._child.alive:
            reason = f"its render process {self._kill()}"
            LOG.warning("%s: %s", self._name, reason)
            self._record("render", "RenderProcessDied", reason)
            self._fail(reason)
        elif self._closing.late_s() >= 0:
            self._kill()
            for job in self._held.values():
                job.give_back()
        elif self._lost and all(job.ended for job in self._held.values()):
            self._kill()
        elif self._busy and self._silent_s > self._terms.step_timeout_s:
            self._kill()
            reason = f"nothing was finished and nothing progressed for {self._terms.step_timeout_s:g} s"
            self._record("render", "StepTimeout", reason)
            self._fail(reason)

    def _fail(self, reason: str) -> None:
        """Another attempt for the jobs that have no end yet."""
        for job in self._held.values():
            job.hear({"failed": reason, "again": True})

    def _kill(self) -> str:
        """End the child, if there is one; how it ended, in words. The next may start, unless one died in its start."""
        self._busy = self._lost = False
        if self._child is None:
            return ""
        child, self._child = self._child, None
        self._start_s = time.monotonic() + self._start_wait_s
        self._start_wait_s = min(max(FIRST_START_S, 2 * self._start_wait_s), LAST_START_S)
        return child.kill()

    def _tell(self) -> None:
        now_s = self._terms.clock()
        for job_id, job in list(self._held.items()):
            try:
                job.tell(now_s)
            except JobLost as lost:
                LOG.info("%s: %s", self._name, lost)
                self._lost |= not job.ended
                del self._held[job_id]
            else:
                if job.over:
                    LOG.info("%s: %s is over", self._name, job_id)
                    del self._held[job_id]

    def _take(self) -> None:
        """Give the child the next jobs; where there are none, wait a while."""
        claims = [] if self._is_closing() else self._patience.tried(self._claims)
        if not claims or self._child is None:
            self._closing.wait(self._idle_s)
            self._idle_s = min(2 * self._idle_s, LAST_IDLE_S)
            return
        terms = self._terms
        for claim in claims:
            LOG.info("%s: %s begins, attempt %d", self._name, claim.job_id, claim.attempt)
            self._held[claim.job_id] = Held(terms.engine, claim, price=terms.price, keep_s=terms.keep_s)
        self._child.give([_order(claim) for claim in claims])
        self._busy, self._silent_s = True, 0.0
        self._idle_s = FIRST_IDLE_S

    def _claims(self) -> list[Claim]:
        terms, now_s = self._terms, self._terms.clock()
        first = leases.claim(terms.engine, self._name, now_s=now_s)
        if first is None:
            return []
        if first.batch_key is None or terms.max_batch == 1:
            return [first]
        alike = self._patience.tried(
            lambda: leases.claim_alike(terms.engine, first, most=terms.max_batch - 1, now_s=now_s)
        )
        return [first, *(alike or [])]

    def _record_failure(self, answer: Mapping[str, Any]) -> None:
        if trace := answer.get("trace"):
            self._record("render", answer.get("kind") or "Error", answer["failed"], trace, answer["job_id"])

    def _record(self, source: Source, kind: str, message: str, trace: str = "", job_id: str | None = None) -> None:
        try:
            self._terms.on_error(source, kind, message, trace, job_id)
        except Exception:  # the error log is no reason to lose a job
            LOG.exception("%s: an error could not be recorded: %s: %s", self._name, kind, message)


def _order(claim: Claim) -> Order:
    return Order(
        job_id=claim.job_id, attempt=claim.attempt, client=claim.client, request=claim.request, steps=claim.steps
    )
