"""The OpenAPI document, with what the framework cannot see: bodies that are read by hand, and problem documents."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from aiprod_server.api.problem import Problem

MODELS: tuple[type[BaseModel], ...] = (Problem,)
TEMPLATE = "#/components/schemas/{model}"


def described(app: FastAPI) -> None:
    """Have `app` describe itself at /openapi.json; the document is made once."""
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            made.update(get_openapi(title=app.title, version=app.version, routes=app.routes))
            made["components"]["schemas"] |= _schemas()
        return made

    app.openapi = document  # type: ignore[method-assign]


def _schemas() -> Mapping[str, Any]:
    _, definitions = models_json_schema([(model, "validation") for model in MODELS], ref_template=TEMPLATE)
    schemas: Mapping[str, Any] = definitions["$defs"]
    return schemas
