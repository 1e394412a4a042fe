"""What a client can do with the service. A connection that breaks is taken up again where it was.

An order is sent under a key that makes it one, however often it arrives; a stream goes on after its last event, a file
after its last byte. Knows nothing of the service but what it says over HTTP.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from pydantic import ValidationError

from aiprod_core.errors import InputError, MediaError
from aiprod_server.client.answers import ENDED, Answer, Estimate, Event, File, Job, Jobs, Model, Models
from aiprod_server.client.connection import TIMEOUT_S, AwayError, Connection, ServiceError, UnreachableError

PATIENCE_S = 60.0
SILENCE_S = 45.0  # of a stream, which says something every 15 s
PAGE = 100  # jobs
JOB_ID = re.compile(r"\w{1,100}", re.ASCII)  # it stands in paths

A = TypeVar("A", bound=Answer)
OnProgress = Callable[[int, int], object]


class Client:
    """One service, and one key to it. Not for several threads at once; close it, or use it as a context.

    Args:
        base_url: where the service answers, such as http://127.0.0.1:8000.
        key: aip_live_…; it is sent to this address alone, and never shown.
        patience_s: how long a service that does not answer is asked again.

    Raises:
        InputError: an address that is none, or a key that no header can hold.

    Every method raises `ServiceError` for what the service refuses, and `UnreachableError` where it does not answer.
    """

    def __init__(self, base_url: str, key: str, *, patience_s: float = PATIENCE_S) -> None:
        self._connection = Connection(base_url, key, patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._connection.close()

    def submit(self, request: Mapping[str, Any], *, idempotency_key: str | None = None) -> Job:
        """Queue a clip or a film.

        Args:
            request: the body of POST /api/v1/generate, such as {"prompt": …, "tier": "eco"}.
            idempotency_key: the same request under it again is the same job; left out, a new one.
        """
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._said(Job, "POST", "/api/v1/generate", json=dict(request), headers=headers)

    def estimate(self, request: Mapping[str, Any]) -> Estimate:
        """What a request would take of a device, and cost; nothing is queued."""
        return self._said(Estimate, "POST", "/api/v1/estimate-cost", json=dict(request))

    def job(self, job_id: str) -> Job:
        """A job as it stands."""
        return self._said(Job, "GET", _path(job_id))

    def jobs(self, *, state: str | None = None, kind: str | None = None) -> Iterator[Job]:
        """All jobs of the key's client, the newest first; pages are asked for as they are needed."""
        wanted = {name: value for name, value in {"state": state, "kind": kind, "limit": str(PAGE)}.items() if value}
        while True:
            page = self._said(Jobs, "GET", "/api/v1/jobs", params=wanted)
            yield from page.data
            if not page.has_more or page.last_id is None:
                return
            wanted["after"] = page.last_id

    def watch(self, job_id: str, *, after: int = 0) -> Iterator[Event]:
        """What happened to a job after the event `after`, and what happens, until its end; each event once."""
        place, patience = after, self._connection.patience()
        while True:
            try:
                with self._connection.stream(
                    f"{_path(job_id)}/events", {"Last-Event-ID": str(place)}, SILENCE_S
                ) as answer:
                    if answer.status_code == httpx2.codes.NO_CONTENT:
                        return
                    for said in httpx2.EventSource(answer):
                        if said.retry is not None:  # the service gives each watcher another one
                            patience.first_pause_s = said.retry / 1000
                        patience.renew()
                        if not said.data:
                            continue
                        event = _event(said)
                        place = event.id
                        yield event
                        if event.kind in ENDED:
                            return
                patience.spend("its stream ended before the job")
            except AwayError as error:
                patience.spend(error)
            except ServiceError as error:
                if error.code != "rate_limited":
                    raise
                patience.spend(error, error.retry_after_s)

    def wait(self, job_id: str) -> Job:
        """The job, once it has ended, well or not."""
        for _ in self.watch(job_id):
            pass
        return self.job(job_id)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that has not ended; one that has stays as it is."""
        return self._said(Job, "POST", f"{_path(job_id)}/cancel")

    def delete(self, job_id: str) -> None:
        """Delete a job that has ended, with its files."""
        self._connection.asked("DELETE", _path(job_id))

    def models(self) -> tuple[Model, ...]:
        """The models that requests can name."""
        return self._said(Models, "GET", "/api/v1/models").data

    def download(
        self,
        job_id: str,
        path: Path,
        *,
        variant: str = "video",
        on_progress: OnProgress = lambda done_bytes, total_bytes: None,
    ) -> File:
        """Write a file of a completed job to `path`, whole and with the SHA-256 that the service says, or not at all.

        Bytes that came are kept beside `path` until then: the same download, called again, goes on after them.

        Args:
            variant: video, thumbnail, receipt or qa.
            on_progress: told the bytes that are here and those of the whole file.

        Raises:
            InputError: the job has no such file, or `path` is in no folder.
            MediaError: what came is not the file that the job made, or cannot be written.
        """
        if not path.parent.is_dir() or path.is_dir():
            raise InputError(f"{path}: got no place for a file, expected one in a folder that is there; name another")
        job = self.job(job_id)
        files = job.result.files if job.result is not None else {}
        if variant not in files:
            there = ", ".join(files) or "none yet"
            raise InputError(f"job {job_id} is {job.state} and has no file {variant!r}; it has: {there}")
        file = files[variant]
        partial = path.with_name(f".{path.name}.{file.sha256[:16]}.part")  # that of another file has another name
        try:
            self._fetch(f"{_path(job_id)}/download?variant={variant}", partial, file, on_progress)
            with partial.open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
            if found != file.sha256:
                partial.unlink()
                raise MediaError(f"{path}: got a file with SHA-256 {found}, expected {file.sha256}; download it again")
            partial.replace(path)
        except OSError as error:
            raise MediaError(f"{path}: cannot be written ({error.strerror}); make room, or name another") from error
        return file

    def _fetch(self, url: str, partial: Path, file: File, on_progress: OnProgress) -> None:
        """Bring `partial` to the size of `file`, over as many connections as it takes."""
        patience = self._connection.patience()
        while (have := partial.stat().st_size if partial.exists() else 0) < file.size_bytes:
            part = {"Range": f"bytes={have}-", "If-Range": f'"{file.sha256}"'} if have else {}
            try:
                with (
                    self._connection.stream(url, part, TIMEOUT_S) as answer,
                    partial.open("ab" if answer.status_code == httpx2.codes.PARTIAL_CONTENT else "wb") as content,
                ):
                    for chunk in answer.iter_raw():  # as it comes: what waits for more would be lost with it
                        content.write(chunk)
                        patience.renew()
                        on_progress(content.tell(), file.size_bytes)
                if partial.stat().st_size < file.size_bytes:
                    patience.spend("the file ended before its last byte")
            except AwayError as error:
                patience.spend(error)

    def _said(self, kind: type[A], method: str, path: str, **more: Any) -> A:
        answer = self._connection.asked(method, path, **more)
        try:
            return kind.model_validate_json(answer.content)
        except ValidationError as error:
            raise UnreachableError(
                f"got something that is no {kind.__name__} of this version ({error.error_count()} faults), expected "
                "the service of AIPROD; check the address, and bring the older of the two up to date"
            ) from None


def _path(job_id: str) -> str:
    if not JOB_ID.fullmatch(job_id):
        raise InputError(f"job: got the id {job_id[:100]!r}, expected one such as job_0a1b…; see `aiprod status`")
    return f"/api/v1/jobs/{job_id}"


def _event(said: httpx2.ServerSentEvent) -> Event:
    data = json.loads(said.data)
    return Event(id=int(said.id), kind=said.event, at=data.pop("at"), data=data)
