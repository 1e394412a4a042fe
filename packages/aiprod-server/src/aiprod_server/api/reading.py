"""Reads the body of a request: JSON or a form, by its media type, into a model of pydantic. Knows no field.

The framework's own reading is not used: its errors say neither the field nor the media type. A body that announces
nothing is taken for JSON.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from aiprod_server.api.errors import invalid_field
from aiprod_server.problem import ProblemError

JSON, FORM = "application/json", "multipart/form-data"
QUICK_BYTES = 100_000
MOST_FIELDS, MOST_FILES = 64, 8
MOST_FIELD_BYTES = 32 * 2**20  # a picture may come as text; what a body may be in all, the settings say

# Of whole numbers: JSON does not say whether one is written with a point, 33.0 is 33 (JSON Schema, 4.2.3).
WHOLE = BeforeValidator(lambda value: int(value) if isinstance(value, float) and value % 1 == 0 else value)

T = TypeVar("T")
Form = TypeVar("Form", bound=BaseModel)


def media_type(request: Request, *read: str) -> str:
    """The media type of the body, one of those `read` here.

    Raises:
        ProblemError: another one (415).
    """
    got = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if got not in read:
        raise ProblemError(
            "unsupported_media_type",
            f"got a body of {got[:100]!r}, expected {' or '.join(read)}; say it in Content-Type",
            headers={"Accept-Post": ", ".join(read)},
        )
    return got


async def json_body(request: Request, adapter: TypeAdapter[T], *, tagged: bool = False) -> T:
    """The body as JSON, without conversions: "3" is no number.

    Args:
        tagged: whether `adapter` chooses one of several models, whose names are no part of a field's path.

    Raises:
        ProblemError: no JSON (400), or a field that is not as it must be (422).
    """
    content = await request.body()
    read = partial(adapter.validate_json, content, strict=True)
    try:
        # A body with pictures in it takes long enough to hold up other requests.
        return await run_in_threadpool(read) if len(content) > QUICK_BYTES else read()
    except ValidationError as error:
        faults: list[Any] = error.errors(include_url=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        raise ProblemError("invalid_request", f"got a body that is no JSON: {faults[0]['ctx']['error']}")
    raise invalid_field([{**fault, "loc": fault["loc"][1:] if tagged else fault["loc"]} for fault in faults])


async def form_body(request: Request, model: type[Form]) -> Form:
    """The body as multipart/form-data: texts are converted, files are bytes.

    Raises:
        ProblemError: no such form (400), or a field that is not as it must be (422).
    """
    fields: dict[str, Any] = {}
    async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=MOST_FIELD_BYTES) as form:
        for name, value in form.multi_items():
            if name in fields:
                raise invalid_field([{"loc": (name,), "msg": "got it twice, expected it once"}])
            fields[name] = await value.read() if isinstance(value, UploadFile) else value
    _check_kinds(fields, model)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise invalid_field(error.errors(include_url=False, include_input=False)) from None


def _check_kinds(fields: Mapping[str, Any], model: type[BaseModel]) -> None:
    """A file is not read as text, nor a text as a file, whatever pydantic could make of them."""
    for name, value in fields.items():
        annotated = model.model_fields.get(name)
        if annotated is None:
            continue
        wants_file = bytes in {annotated.annotation, *getattr(annotated.annotation, "__args__", ())}
        if wants_file != isinstance(value, bytes):
            raise invalid_field([{"loc": (name,), "msg": f"expected {'a file' if wants_file else 'text, no file'}"}])
