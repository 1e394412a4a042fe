"""What receipts are written on: strict parts, digests, a name beside the film, and what is said of a wrong one."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aiprod_core.errors import InputError

SUFFIX = ".receipt.json"
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A part of a receipt: what is read is all there is, and does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def receipt_path(film: Path) -> Path:
    """Where the receipt of `film` stands: `out.mp4` → `out.mp4.receipt.json`."""
    return film.with_name(film.name + SUFFIX)


def film_path(receipt: Path) -> Path:
    """Where the film of a receipt stands: in the same folder, under the name the receipt's own name tells."""
    return receipt.with_name(receipt.name.removesuffix(SUFFIX))


def invalid(path: Path, error: ValidationError, schema: str) -> InputError:
    """What is said of a receipt at `path` that is not of `schema`: the first thing that is wrong with it."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "file"
    return InputError(
        f"{path}: got a receipt whose {field} is wrong ({first['msg']}), expected {schema}; "
        "use the file as it was written"
    )
