"""The jobs of a client over HTTP: asked for, listed, looked at, cancelled, deleted. What they are is in `responses`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from aiprod_server.access.identity import Caller, allowed
from aiprod_server.api import orders
from aiprod_server.api.reading import FORM, JSON, form_body, json_body, media_type
from aiprod_server.api.refusals import SUBMITTING, refusals
from aiprod_server.api.requests import BODY, Body, ClipForm
from aiprod_server.api.schema import reads
from aiprod_server.api.service import Here
from aiprod_server.job_body import JobBody, JobsBody
from aiprod_server.queue import listing, submissions
from aiprod_server.queue.jobs import State

REPLAYED = "Idempotency-Replayed"
IDEMPOTENCY_KEY = r"^[\x21-\x7e]+$"

router = APIRouter(tags=["jobs"])
Reader = Annotated[Caller, Depends(allowed("jobs:read"))]
Submitter = Annotated[Caller, Depends(allowed("jobs:submit"))]
Canceller = Annotated[Caller, Depends(allowed("jobs:cancel"))]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=IDEMPOTENCY_KEY,
        description="The client's own: the same request under it again is the same job.",
    ),
]

GENERATE: dict[str, Any] = {
    "status_code": 202,
    "response_model": JobBody,
    "responses": refusals(
        *SUBMITTING,
        headers={202: {"Location": "where the job is", REPLAYED: "`true` where the job was there already"}},
    ),
    "openapi_extra": reads({JSON: BODY, FORM: ClipForm}),
}


@router.post("/api/v1/generate", operation_id="generate", **GENERATE)
@router.post("/v1/generate", operation_id="generate_alias", **GENERATE)
async def generate(
    request: Request, response: Response, caller: Submitter, service: Here, idempotency_key: IdempotencyKey = None
) -> JobBody:
    """Queue a clip or a film. The answer has its id, its seed, and what was moved to what the model can do."""
    body, picture = await _asked(request)
    submitted = await run_in_threadpool(
        orders.submit, service, caller, body, picture=picture, idempotency_key=idempotency_key
    )
    response.headers["Location"] = f"/api/v1/jobs/{submitted.job.id}"
    if submitted.replayed:
        response.headers[REPLAYED] = "true"
    return JobBody.of(submitted.job)


@router.get("/api/v1/jobs", operation_id="list_jobs", responses=refusals("not_found"))
def jobs(
    caller: Reader,
    service: Here,
    limit: Annotated[int, Query(ge=1, le=listing.MOST)] = 20,
    after: Annotated[str | None, Query(description="The id of the last job of the page before.")] = None,
    order: Annotated[str, Query(pattern="^(asc|desc)$", description="By submission.")] = "desc",
    state: Annotated[State | None, Query()] = None,
    kind: Annotated[str | None, Query(pattern="^(clip|film)$")] = None,
) -> JobsBody:
    """The caller's jobs, page by page."""
    page = listing.page(
        service.engine,
        client=caller.client,
        after=after,
        limit=limit,
        newest_first=order == "desc",
        state=state,
        kind=kind,
    )
    data = tuple(JobBody.of(job) for job in page.jobs)
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return JobsBody(data=data, first_id=first, last_id=last, has_more=page.has_more)


@router.get("/api/v1/jobs/{job_id}", operation_id="job", responses=refusals("not_found"))
def job(job_id: str, caller: Reader, service: Here) -> JobBody:
    """A job as it stands."""
    return JobBody.of(submissions.job(service.engine, job_id, caller.client))


@router.post("/api/v1/jobs/{job_id}/cancel", operation_id="cancel_job", responses=refusals("not_found"))
def cancel(job_id: str, caller: Canceller, service: Here) -> JobBody:
    """Cancel a job that has not ended, and free its device; one that has ended stays as it is."""
    submissions.cancel(service.engine, job_id, now_s=service.clock(), client=caller.client)
    return JobBody.of(submissions.job(service.engine, job_id, caller.client))


@router.delete(
    "/api/v1/jobs/{job_id}",
    operation_id="delete_job",
    status_code=204,
    responses=refusals("not_found", "job_not_ended"),
)
def delete(job_id: str, caller: Canceller, service: Here) -> None:
    """Delete a job that has ended, with its files."""
    deleted = submissions.delete(service.engine, job_id, now_s=service.clock(), client=caller.client)
    service.storage.remove(deleted.id)


async def _asked(request: Request) -> tuple[Body, bytes | None]:
    """The body, and the picture that came with it."""
    if media_type(request, JSON, FORM) == JSON:
        return await json_body(request, BODY, tagged=True), None
    form = await form_body(request, ClipForm)
    return form.clip(), form.image
