"""The jobs of a client over HTTP: one, a page of them, cancelled, deleted. What they are is in `responses`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from aiprod_server.access.identity import Caller, allowed
from aiprod_server.api.responses import JobBody, refusals
from aiprod_server.api.service import Service
from aiprod_server.queue import submissions

router = APIRouter(prefix="/api/v1", tags=["jobs"])
Reader = Annotated[Caller, Depends(allowed("jobs:read"))]


def service_of(request: Request) -> Service:
    """The service that this gateway is of."""
    found: Service = request.app.state.service
    return found


Here = Annotated[Service, Depends(service_of)]


@router.get("/jobs/{job_id}", responses=refusals("not_found"))
def job(job_id: str, caller: Reader, service: Here) -> JobBody:
    """A job as it stands."""
    return JobBody.of(submissions.job(service.engine, job_id, caller.client))
