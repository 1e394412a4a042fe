"""The file of the orchestration: read whole, and refused with every mistake in it, before anything starts.

What its fields mean stands in `blocks`. Loads no model and no torch.
"""

import json
import re
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from aiprod_core.errors import InputError
from aiprod_pipelines.film.form import near, shown
from aiprod_server.orchestration.blocks import Orchestration
from aiprod_server.orchestration.soundness import contradictions, stuck

__all__ = ["Orchestration", "default_path", "load"]

NAME = "AIPROD_V34_SOVEREIGN.json"
PACKAGED = Path(__file__).parents[1] / NAME  # in an installed wheel
CHECKOUT = [up / "config" / NAME for up in Path(__file__).parents if (up / "packages" / "aiprod-server").is_dir()]


def default_path() -> Path:
    """Where the shipped file is: in the checkout, else in the package."""
    return next((path for path in CHECKOUT if path.is_file()), PACKAGED)


def load(path: Path) -> Orchestration:
    """The orchestration in the file at `path`.

    Raises:
        InputError: it cannot be read, is no JSON, or holds what it must not; all of that is listed, a line each.
    """
    try:
        read = Orchestration.model_validate(_document(path), by_alias=True, by_name=False)
    except ValidationError as error:
        wrong = [_sentence(detail) for detail in error.errors(include_url=False)]
    else:
        wrong = [*contradictions(read), *stuck(read.orchestrator)]
        if not wrong:
            return read
    raise InputError("\n".join([f"{path}: got {len(wrong)} wrong in it; mend every line below", *wrong]))


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror}), expected {NAME} or one like it") from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: got no JSON at line {error.lineno}, column {error.colno} ({error.msg}); mend it there"
        ) from error
    except RecursionError as error:
        raise InputError(f"{path}: got JSON nested too deep, expected {NAME} or one like it") from error
    except ValueError as error:
        raise InputError(f"{path}: got no JSON in UTF-8 ({error}), expected {NAME} or one like it") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands twice in one object")
        found[name] = value
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _sentence(detail: Any) -> str:
    """What is wrong with one field: where, what was got, and what is expected."""
    place = ".".join(str(step) for step in detail["loc"] if step != "[key]")
    message, got = detail["msg"], shown(detail["input"])
    match detail["type"]:
        case "missing":
            return f"{place}: got nothing, expected a value"
        case "extra_forbidden":
            return f"{place}: no such field; {near(str(detail['loc'][-1]), _fields_beside(detail['loc']))}"
    return f"{place or 'the file'}: got {got}, {re.sub('^[A-Z][a-z]+ should (be|have) ', 'expected ', message)}"


def _fields_beside(place: tuple[str | int, ...]) -> list[str]:
    """The names of the fields that may stand where `place` does."""
    block: type[BaseModel] = Orchestration
    for step in place[:-1]:
        field = next((one for one in block.model_fields.values() if one.alias == step), None)
        if field is not None:  # else a name in a mapping of blocks, whose own type was taken with the mapping
            inner = (field.annotation, *get_args(field.annotation))
            block = next(one for one in inner if isinstance(one, type) and issubclass(one, BaseModel))
    return [field.alias or "" for field in block.model_fields.values()]
