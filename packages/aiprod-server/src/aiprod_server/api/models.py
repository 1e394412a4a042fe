"""The models that a request can name, over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from aiprod_server import models
from aiprod_server.access.identity import Caller, allowed
from aiprod_server.api.refusals import refusals
from aiprod_server.api.service import Here

router = APIRouter(tags=["models"])


class ModelBody(BaseModel):
    """A model. Lengths are `frame_step` · n + 1 frames, sides multiples of `side_step_px`, or of twice that in premium.

    `default`: whether it renders requests that name none.
    """

    model_config = ConfigDict(frozen=True)

    object: Literal["model"] = "model"
    id: str
    version: str
    frame_step: int
    side_step_px: int
    sample_rate_hz: int
    default: bool


class ModelsBody(BaseModel):
    model_config = ConfigDict(frozen=True)

    object: Literal["list"] = "list"
    data: tuple[ModelBody, ...]


@router.get("/api/v1/models", operation_id="list_models", responses=refusals())
def list_models(caller: Annotated[Caller, Depends(allowed("jobs:read"))], service: Here) -> ModelsBody:
    """The models on this machine."""
    default = service.orchestration.render_executor.model
    return ModelsBody(
        data=tuple(
            ModelBody(
                id=model.name,
                version=model.version,
                frame_step=model.frame_step,
                side_step_px=model.side_step_px,
                sample_rate_hz=model.sample_rate_hz,
                default=model.name == default,
            )
            for model in models.present(service.settings.models_root)
        )
    )
