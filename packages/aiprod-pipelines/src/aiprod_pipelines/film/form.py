"""How people may write a value in YAML: a bare word for an object, one item for a list, `none` for nothing.

Knows no film. Every form is in the JSON schema too, so that editors accept what the reader accepts.
"""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

UNITS = ("_s", "_lufs", "_bpm", "_stops")


def bare(name: str) -> str:
    """The name of a field as people write it: without its unit, which its description says."""
    return next((name.removesuffix(unit) for unit in UNITS if name.endswith(unit)), name)


def near(word: str, known: list[str]) -> str:
    """What to say of an unknown word: the known one that it resembles, or all of them."""
    found = get_close_matches(word, known, n=1)
    return f"did you mean {found[0]!r}?" if found else f"expected one of {', '.join(known)}"


class Form(BaseModel):
    """A frozen object without unknown fields. A class with a `short` field may be written as that field's value."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=bare,
        validate_by_name=True,
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
    )
    short: ClassVar[str | None] = None

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, given: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        if isinstance(given, cls):
            return handler(given)
        if not isinstance(given, dict):
            if cls.short is None or isinstance(given, list) or given is None:
                expected = (
                    "fields with values" if cls.short is None else f"its {bare(cls.short)}, or fields with values"
                )
                raise PydanticCustomError(
                    "form", "got {got}, expected {expected}", {"got": shown(given), "expected": expected}
                )
            return handler({cls.short: given})
        return handler(given)

    @model_serializer(mode="wrap")
    def _write(self, handler: SerializerFunctionWrapHandler) -> Any:
        written = handler(self)
        if self.short is not None and self.model_fields_set == {self.short}:
            return written.get(bare(self.short), written)
        return written

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        json_schema = handler(schema)
        if cls.short is None:
            return json_schema
        whole = handler.resolve_ref_schema(json_schema)
        simple = dict(whole["properties"][bare(cls.short)])
        described: dict[str, Any] = {key: whole.pop(key) for key in ("title", "description") if key in whole}
        copy = dict(whole)
        whole.clear()
        whole.update(described, anyOf=[simple, copy])
        return json_schema


def shown(value: Any) -> str:
    """A value of YAML in an error: short, and in YAML's words."""
    if isinstance(value, dict):
        return "fields with values"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    words = str(value) if isinstance(value, int | float) else repr(str(value))
    return words if len(words) <= 60 else f"{words[:57]}…"


def problem(
    message: str, at: str | tuple[str | int, ...] = (), also: list[tuple[str | int, ...]] | None = None
) -> PydanticCustomError:
    """An error of several fields together. `at`: the field that it is told of; `also`: others whose lines it names."""
    where = (at,) if isinstance(at, str) else at
    # The message is handed over as a value: a brace that a user wrote in it would be taken for a placeholder.
    return PydanticCustomError("problem", "{message}", {"message": message, "at": where, "also": also or []})


def exactly_one(form: Any, one: str, other: str) -> Any:
    if (getattr(form, one) is None) == (getattr(form, other) is None):
        got = "neither" if getattr(form, one) is None else "both"
        raise problem(f"got {got} {one} {'nor' if got == 'neither' else 'and'} {other}, expected one of them")
    return form


class _Before:
    """Another way to write what a type holds: `rewrite` on the way in, `also` in the schema."""

    def __init__(self, rewrite: Callable[[Any], Any], also: Callable[[JsonSchemaValue], JsonSchemaValue]) -> None:
        self.rewrite, self.also = rewrite, also

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.rewrite, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        json_schema = handler(schema)
        return {"anyOf": [self.also(json_schema), json_schema]}


OR_NONE = _Before(lambda value: None if value == "none" else value, lambda schema: {"const": "none"})


def _listed(value: Any) -> Any:
    if value is None or value == "none":
        return ()
    return value if isinstance(value, list | tuple) else [value]


def _or_one_item(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [schema["items"], {"const": "none"}]}


LISTED = _Before(_listed, _or_one_item)
AS_WORD = _Before(lambda value: str(value) if isinstance(value, float) else value, lambda schema: {"type": "number"})


def _found(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    if folder is None:
        return path
    whole = Path(folder) / path.expanduser()
    if not whole.is_file():
        raise PydanticCustomError(
            "no_file",
            "got '{got}', no such file in {folder}; check the name",
            {"got": str(path), "folder": str(folder)},
        )
    return whole


GivenFile = Annotated[Path, AfterValidator(_found)]
"""A file, relative to the folder of the storyboard; found there, and made whole, where that folder is known."""

Seconds = Annotated[float, Field(strict=True, ge=0, le=3600)]
Length = Annotated[float, Field(strict=True, gt=0, le=3600)]
Decibels = Annotated[float, Field(strict=True, ge=-60, le=24)]
Number = Annotated[float, Field(strict=True)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
