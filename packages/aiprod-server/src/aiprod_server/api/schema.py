"""The OpenAPI document, with what the framework cannot see: bodies that are read by hand, and problem documents."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from aiprod_server.access.identity import Allowed
from aiprod_server.orchestration.blocks import InputSanitizer
from aiprod_server.problem import Problem

TEMPLATE = "#/components/schemas/{model}"
CREDENTIALS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key `aip_live_…`, or a token."},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key `aip_live_…`."},
}
Read = type[BaseModel] | TypeAdapter[Any]


def reads(bodies: Mapping[str, Read]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads these bodies by hand: media type → what it is read as."""
    content = {}
    for media_type, body in bodies.items():
        made = (body if isinstance(body, TypeAdapter) else TypeAdapter(body)).json_schema(ref_template=TEMPLATE)
        DEFINITIONS.update(made.pop("$defs", {}))
        content[media_type] = {"schema": made}
    return {"requestBody": {"required": True, "content": content}}


def described(app: FastAPI, rules: InputSanitizer) -> None:
    """Have `app` describe itself at /openapi.json, with the lengths of texts that `rules` allow; made once."""
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            made.update(get_openapi(title=app.title, version=app.version, routes=app.routes))
            made["components"]["schemas"] |= deepcopy(DEFINITIONS)
            made["components"]["securitySchemes"] = CREDENTIALS
            for route in app.routes:
                if isinstance(route, APIRoute) and route.include_in_schema and _asks(route.dependant):
                    for method in route.methods or ():
                        made["paths"][route.path][method.lower()]["security"] = [{name: []} for name in CREDENTIALS]
            _say_lengths(made, {"prompt": rules.max_prompt_chars, "screenplay": rules.max_screenplay_chars})
        return made

    app.openapi = document  # type: ignore[method-assign]


def _asks(dependant: Dependant) -> bool:
    """Whether a route asks who calls."""
    return any(isinstance(one.call, Allowed) or _asks(one) for one in dependant.dependencies)


def _say_lengths(schema: Any, lengths: Mapping[str, int]) -> None:
    if isinstance(schema, dict):
        if schema.get("format") in lengths:
            schema["maxLength"] = lengths[schema["format"]]
        for inner in schema.values():
            _say_lengths(inner, lengths)
    elif isinstance(schema, list):
        for inner in schema:
            _say_lengths(inner, lengths)


# Of bodies that routes read by hand, as they name them, and of problem documents.
DEFINITIONS: dict[str, Any] = models_json_schema([(Problem, "serialization")], ref_template=TEMPLATE)[1]["$defs"]
