"""A storyboard as a YAML file: read with errors that name file, line and field, written so that comments are kept.

Knows YAML and where each field stands in it; what a field may hold is `storyboard`'s to say.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from aiprod_core.errors import InputError
from aiprod_pipelines import output
from aiprod_pipelines.film.form import near, shown
from aiprod_pipelines.film.storyboard import Storyboard

SCHEMA_FILE = Path(__file__).with_name("storyboard.schema.json")
MAX_BYTES = 4 * 2**20
Place = tuple[str | int, ...]

# Pydantic's kinds of errors, said as the rest of AIPROD says them; {x} is in the error's context.
EXPECTED = {
    "greater_than": "expected more than {gt:g}",
    "greater_than_equal": "expected at least {ge:g}",
    "less_than": "expected less than {lt:g}",
    "less_than_equal": "expected at most {le:g}",
    "float_type": "expected a number",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "finite_number": "expected a finite number",
    "string_type": "expected words",
    "string_too_short": "expected at least {min_length} character",
    "string_too_long": "expected at most {max_length} characters",
    "string_pattern_mismatch": "expected a match of {pattern}",
    "literal_error": "expected {expected}",
    "too_short": "expected at least {min_length}",
    "tuple_type": "expected a list",
    "dict_type": "expected names with values",
    "path_type": "expected the name of a file",
}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a storyboard. `line` from 1; `field` as people write it, such as `shots[2].duration`."""

    file: Path
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}{': ' if self.field else ''}{self.message}"


def read_storyboard(path: Path) -> Storyboard:
    """The storyboard at `path`; the files that it names are looked for beside it, and their paths made whole.

    Raises `InputError` naming file, line and field of the first thing that is wrong, and how many more there are.
    """
    read = check_storyboard(path)
    if isinstance(read, Storyboard):
        return read
    first, *rest = read
    more = f" (and {len(rest)} more, in line {', '.join(str(one.line) for one in rest[:5])})" if rest else ""
    raise InputError(f"{first}{more}")


def check_storyboard(path: Path) -> Storyboard | Sequence[Problem]:
    """The storyboard at `path`, or all that is wrong with it. Raises `InputError` for a file that cannot be read."""
    return _checked(_text(path), path.parent, path)


def parse_storyboard(text: str, folder: Path, name: Path) -> Storyboard:
    """The storyboard that `text` is. `folder`: where the files lie that it names; `name`: how errors call it.

    Raises `InputError` for the first thing that is wrong.
    """
    read = _checked(text, folder, name)
    if isinstance(read, Storyboard):
        return read
    raise InputError(str(read[0]))


def check_document(document: Mapping[str, Any]) -> Storyboard | Sequence[Problem]:
    """The storyboard that `document` is, as JSON holds one, or all that is wrong with it; lines count for nothing.

    Files that it names are not looked for.
    """
    try:
        return Storyboard.model_validate(document, by_alias=True, by_name=False)
    except ValidationError:
        return _checked(json.dumps(document, ensure_ascii=False), None, Path("storyboard"))


def _checked(text: str, folder: Path | None, name: Path) -> Storyboard | Sequence[Problem]:
    try:
        document = _yaml().load(text)
    except MarkedYAMLError as error:
        return [_not_yaml(name, error)]
    except YAMLError as error:
        return [Problem(name, 1, "", f"this is not YAML ({str(error).splitlines()[0]}); write it again")]
    if not isinstance(document, CommentedMap):
        return [Problem(name, 1, "", f"got {shown(document)}, expected fields with values, at least shots")]
    try:
        return Storyboard.model_validate(document, context={"folder": folder}, by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False)
        # A list whose items are wrong is told to be too short as well.
        told = [one for one in details if one["type"] != "too_short" or not _inside(one["loc"], details)]
        found = [_problem(name, document, one) for one in told]
        return sorted(found, key=lambda problem: problem.line)


def load(path: Path) -> Any:
    """The YAML at `path` with its comments and the places of its values.

    Raises `InputError` for a file that is absent, not text, or too large; `YAMLError` for text that is not YAML.
    """
    return _yaml().load(_text(path))


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror}), expected a storyboard; check the name") from error
    if len(raw) > MAX_BYTES:
        raise InputError(f"{path}: got {len(raw)} bytes, expected a storyboard of at most {MAX_BYTES}; cut it in two")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: this is not text in UTF-8, expected YAML; save it as UTF-8") from error


def write_storyboard(storyboard: Storyboard, path: Path) -> None:
    """Write a storyboard; where `path` holds one already, its comments stay beside the fields that are kept.

    Raises `MediaError` where it cannot be written, `InputError` where what is there is not a storyboard.
    """
    if not path.exists():
        output.save({path: to_yaml(storyboard, path.name).encode()})
        return
    document = load(path)
    if not isinstance(document, CommentedMap):
        raise InputError(f"{path}: got {shown(document)}, expected a storyboard to rewrite; choose another name")
    _merge(document, _plain(storyboard))
    output.save({path: _dump(document).encode()})


def to_yaml(storyboard: Storyboard, name: str = "film.yaml") -> str:
    """The storyboard as people read it: what was said and no more, in the order of the fields, shots set apart.

    `name`: of the file that it is for, which the line on top says how to build.
    """
    head = (
        f"# yaml-language-server: $schema={SCHEMA_FILE.name}\n# Build it: aiprod film {name} -o {Path(name).stem}.mp4\n"
    )
    body = _dump({key: _short(value) for key, value in _plain(storyboard).items()})
    settings, shots, rest = body.partition("shots:\n")
    return head + settings + "\n" + shots + re.sub(r"(?<=.)\n  - ", "\n\n  - ", rest)


def json_schema() -> str:
    """The JSON schema of storyboards, for editors; what `storyboard.schema.json` holds."""
    schema = Storyboard.model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "AIPROD storyboard"}
    return json.dumps(head | schema | {"title": head["title"]}, indent=2, ensure_ascii=False) + "\n"


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.preserve_quotes = True
    yaml.allow_unicode = True
    return yaml


def _dump(document: Any) -> str:
    stream = io.StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()


def _plain(storyboard: Storyboard) -> dict[str, Any]:
    return storyboard.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _merge(old: Any, new: Any) -> None:
    """Make `old` say what `new` says, in place, so that comments stay with the values that are kept."""
    if isinstance(old, CommentedMap):
        for name in [name for name in old if name not in new]:
            del old[name]
        for name, value in new.items():
            if name in old and _same_kind(old[name], value):
                _merge(old[name], value)
            elif name not in old or old[name] != value:
                old[name] = value
    elif isinstance(old, CommentedSeq):
        del old[len(new) :]
        for index, value in enumerate(new):
            if index < len(old) and _same_kind(old[index], value):
                _merge(old[index], value)
            elif index == len(old):
                old.append(value)
            elif old[index] != value:
                old[index] = value


def _short(value: Any) -> Any:
    """A list of one word as that word, however deep."""
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return value[0] if len(value) == 1 and isinstance(value[0], str) else [_short(inner) for inner in value]
    return value


def _same_kind(old: Any, new: Any) -> bool:
    return (isinstance(old, dict) and isinstance(new, dict)) or (isinstance(old, list) and isinstance(new, list))


def _inside(place: Place, details: Sequence[ErrorDetails]) -> bool:
    """Whether something deeper than `place` is wrong."""
    return any(one["loc"][: len(place)] == place and len(one["loc"]) > len(place) for one in details)


def _not_yaml(path: Path, error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    reason = " ".join(part for part in (error.problem, error.context) if part).splitlines()[0]
    if error.problem_mark and error.context_mark and error.context_mark.line != error.problem_mark.line:
        reason += f" that begins in line {error.context_mark.line + 1}"
    return Problem(path, mark.line + 1 if mark else 1, "", f"this is not YAML ({reason}); mend that line")


def _problem(path: Path, document: CommentedMap, error: ErrorDetails) -> Problem:
    context = error.get("ctx", {})
    place = (*error["loc"], *context.get("at", ()))
    line, written = line_of(document, place)
    also = sorted(line_of(document, other)[0] for other in context.get("also", ()))
    message = _unknown(place) if error["type"] == "extra_forbidden" else _message(error)
    if also:
        message += f" (see also line {' and '.join(map(str, also))})"
    described = _field(written)
    if described is not None and described.description and error["type"] in EXPECTED:
        message += f"; {described.description}"
    return Problem(path, line, _words(written), message)


def _unknown(place: Place) -> str:
    known = [field.alias or "" for model in _models_at(place[:-1]) for field in model.model_fields.values()]
    return f"no such field; {near(str(place[-1]), known)}"


def _message(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        last = error["loc"][-1]
        return f"got {last} values, expected more" if isinstance(last, int) else f"got no {last}, expected one"
    if error["type"] not in EXPECTED:
        return error["msg"]
    return f"got {shown(error['input'])}, {EXPECTED[error['type']].format(**error.get('ctx', {}))}"


def line_of(document: Any, place: Place) -> tuple[int, Place]:
    """Where a field is written, from line 1, and its place as far as the document goes there.

    A place that is absent has the line of what should hold it.
    """
    line, node, written = 1, document, []
    for step in place:
        if isinstance(node, CommentedMap):
            if step in node:
                line = (node.lc.data or {}).get(step, (line - 1,))[0] + 1
            written.append(step)
            node = node.get(step)
        elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
            line = node.lc.item(step)[0] + 1
            written.append(step)
            node = node[step]
    return line, tuple(written)


def _words(place: Place) -> str:
    """`shots[2].duration`: shots are counted from 1, as people do."""
    words = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in place)
    return words.removeprefix(".")


def _field(place: Place) -> FieldInfo | None:
    """What the model says of the field at `place`."""
    names = [step for step in place if isinstance(step, str)]
    fields = [field for model in _models_at(tuple(names[:-1])) for field in model.model_fields.values()]
    return next((field for field in fields if field.alias == names[-1]), None) if names else None


def _models_at(place: Place) -> list[type[BaseModel]]:
    """The models that can stand at `place`."""
    models: list[type[BaseModel]] = [Storyboard]
    for step in place:
        if isinstance(step, str):
            fields = [field for model in models for field in model.model_fields.values() if field.alias == step]
            models = [inner for field in fields for inner in _models(field.annotation)]
    return models


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type can hold, however deep in unions and lists."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (tuple, dict, list, Annotated, Union, UnionType):
        for inner in get_args(annotation):
            yield from _models(inner)
