"""The words of the queue: a job, its state, a worker's claim on it, its events, and what can go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiprod_core.errors import AiprodError, InputError


class State(StrEnum):
    """queued → running → completed, failed or cancelled; a retry goes back to queued."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it stands. Times are seconds since 1970 UTC."""

    id: str
    client: str
    state: State
    priority: int  # the smallest goes first
    request: Mapping[str, Any]
    submitted_at: float
    run_at: float  # not before
    attempt: int  # how many times it was started
    max_attempts: int
    started_at: float | None  # of the latest attempt
    finished_at: float | None
    reason: str | None  # of the latest failure, or of the end


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A worker's right to a job, until its lease ends or another attempt begins."""

    job_id: str
    client: str
    worker: str
    attempt: int  # the fencing token: every write of the worker carries it
    max_attempts: int
    request: Mapping[str, Any]
    steps: Mapping[str, str]  # name → SHA-256 of the steps that earlier attempts finished


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a job; `id` grows, and is the `Last-Event-ID` of a stream."""

    id: int
    at: float
    kind: str
    data: Mapping[str, Any]


class JobLost(AiprodError):
    """The job is no longer this worker's: cancelled, ended, or taken over after its lease. Stop, and write nothing."""


class UnknownJob(InputError):
    """No job has this id."""


class KeyReused(InputError):
    """An idempotency key came back with another request."""
