"""The files of a job over HTTP: whole or in parts, as long as they are kept. Knows no rendering."""

import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from aiprod_server.access.identity import Caller, allowed
from aiprod_server.api.refusals import refusals
from aiprod_server.api.service import Here, Service
from aiprod_server.problem import ProblemError
from aiprod_server.queue import submissions
from aiprod_server.queue.jobs import Job, State

RANGES = re.compile(r"bytes=\s*(\d+-\d*|-\d+)(\s*,\s*(\d+-\d*|-\d+))*\s*")  # RFC 9110, 14.1.1 and 14.1.2
MOST_RANGES = 16
BINARY = {"schema": {"type": "string", "format": "binary"}}

router = APIRouter(tags=["jobs"])


def stored(service: Service, job: Job, variant: str) -> tuple[Path, dict[str, Any]]:
    """Where a file of a job is, and what `jobs.result` says of it.

    Raises:
        ProblemError: the job has not ended well, has no such file (404), or its files are gone (410).
    """
    if job.state is not State.COMPLETED or job.result is None:
        raise ProblemError("not_found", f"job {job.id} is {job.state}, expected a completed one; ask again later")
    facts = job.result.get("files", {}).get(variant)
    if facts is None:
        there = ", ".join(job.result.get("files", {})) or "none"
        raise ProblemError("not_found", f"got the variant {variant[:40]!r}, expected one of {there}", param="variant")
    path = service.storage.job_file(job.id, facts["name"])
    if (job.expires_at is not None and service.clock() >= job.expires_at) or not path.is_file():
        raise ProblemError("gone", f"the files of {job.id} are no longer kept; submit it again with its seed")
    return path, facts


def file_response(request: Request, path: Path, facts: dict[str, Any], filename: str) -> Response:
    """The file, or the parts of it that Range asks for; its SHA-256 is its ETag.

    Raises:
        ProblemError: parts that it has not (416).
    """
    etag = f'"{facts["sha256"]}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if etag in {given.strip().removeprefix("W/") for given in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers=headers)
    wanted = request.headers.get("range")
    if wanted is not None and not _is_satisfiable(wanted, request, etag, facts["size_bytes"]):
        # A range that is not understood is ignored: the framework would answer it with words of its own.
        request.scope["headers"] = [header for header in request.scope["headers"] if header[0] != b"range"]
    return FileResponse(path, media_type=facts["media_type"], filename=filename, headers=headers)


def _is_satisfiable(wanted: str, request: Request, etag: str, size_bytes: int) -> bool:
    """Whether a range is understood, and still of this file. Raises `ProblemError` where the file is too short."""
    if request.headers.get("if-range", etag) != etag or not RANGES.fullmatch(wanted):
        return False
    parts = [part.strip().partition("-") for part in wanted.partition("=")[2].split(",")]
    if len(parts) > MOST_RANGES or any(first and last and int(last) < int(first) for first, _, last in parts):
        return False
    if any(int(first) < size_bytes if first else int(last) > 0 for first, _, last in parts):
        return True
    raise ProblemError(
        "range_not_satisfiable",
        f"got the range {wanted[:100]!r} of a file of {size_bytes} bytes; ask for a part of it",
        headers={"Content-Range": f"bytes */{size_bytes}"},
    )


@router.head("/api/v1/jobs/{job_id}/download", include_in_schema=False)
@router.get(
    "/api/v1/jobs/{job_id}/download",
    operation_id="download_job",
    response_class=Response,
    responses={
        200: {"description": "The whole file", "content": {"*/*": BINARY}},
        206: {"description": "The parts that Range asks for", "content": {"*/*": BINARY}},
        304: {"description": "The file that If-None-Match names"},
        **refusals("not_found", "gone", "range_not_satisfiable"),
    },
)
async def download(
    request: Request,
    job_id: str,
    caller: Annotated[Caller, Depends(allowed("jobs:read"))],
    service: Here,
    variant: Annotated[str, Query(description="video, thumbnail, receipt or qa.")] = "video",
) -> Response:
    """A file that a completed job made."""
    job = await run_in_threadpool(submissions.job, service.engine, job_id, caller.client)
    path, facts = await run_in_threadpool(stored, service, job, variant)
    return file_response(request, path, facts, f"{job.id}-{path.name}")
