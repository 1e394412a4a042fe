"""The receipt of a film: what it was asked to be, every step that made it with its key, and the digests of the files.

The same storyboard, files, weights and version give the same keys, and the same bytes: `replay_film` proves it.
"""

import os
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from aiprod_core.errors import WeightsError
from aiprod_pipelines.film.artifacts import Artifacts, Record
from aiprod_pipelines.film.build import OnNews, build
from aiprod_pipelines.film.compile import Device, Film, compile_film
from aiprod_pipelines.film.crew import Crew
from aiprod_pipelines.film.plan import Plan
from aiprod_pipelines.film.storyboard_file import parse_storyboard
from aiprod_pipelines.proof.paper import Part, Sha256, invalid

SCHEMA: Literal["aiprod.film/1"] = "aiprod.film/1"
WEIGHTS = "weights/"


class MadeStep(Part):
    """A step: its name in the film, what it is, and what came out."""

    name: str
    kind: str
    version: int
    key: Sha256
    sha256: Sha256
    elapsed_s: float


class FilmReceipt(Part):
    """What a film is made of. `storyboard`: its text; `folder`: where it lay, from the film's own folder."""

    schema_: Literal["aiprod.film/1"] = Field(default=SCHEMA, alias="schema")
    aiprod: str
    files: dict[str, Sha256]
    storyboard: str
    folder: str
    device: Device = "cpu"  # receipts from before films knew others have none
    weights: dict[str, Sha256]
    steps: tuple[MadeStep, ...]

    def to_json(self) -> bytes:
        return self.model_dump_json(indent=1, by_alias=True).encode() + b"\n"


def receipt_of(film: Film, made: Mapping[str, Record], files: Mapping[Path, Record], storyboard: Path) -> FilmReceipt:
    """The receipt of a film that was built. `made`: task → artifact; `files`: what was written → its artifact."""
    steps = (
        MadeStep(
            name=task.name,
            kind=task.step.kind,
            version=task.step.version,
            key=task.step.key,
            sha256=made[task.name].sha256,
            elapsed_s=made[task.name].elapsed_s,
        )
        for task in film.plan
    )
    return FilmReceipt(
        aiprod=metadata.version("aiprod-pipelines"),
        files={path.name: record.sha256 for path, record in files.items()},
        storyboard=storyboard.read_text(encoding="utf-8-sig"),
        folder=os.path.relpath(storyboard.resolve().parent, next(iter(files)).resolve().parent),
        device=film.device,
        weights=_weights(film.plan),
        steps=tuple(steps),
    )


def read_film_receipt(path: Path) -> FilmReceipt | None:
    """The receipt at `path`; None where it is that of a clip, or none at all. Raises `InputError` for a damaged one."""
    try:
        written = path.read_bytes()
    except OSError:
        return None
    if SCHEMA.encode() not in written:
        return None
    try:
        return FilmReceipt.model_validate_json(written)
    except ValidationError as error:
        raise invalid(path, error, SCHEMA) from error


def replay_film(
    receipt: FilmReceipt, path: Path, crew: Crew, *, models_root: str | None, memory_bytes: int, on_news: OnNews
) -> dict[str, str]:
    """Make the film of the receipt at `path` again, every step of it; returns the steps whose bytes are others now.

    Raises what building raises, and `WeightsError` where the weights are not those of the receipt.
    """
    storyboard = parse_storyboard(receipt.storyboard, path.resolve().parent / receipt.folder, path)
    checked = any(step.kind == "checked" for step in receipt.steps)
    film = compile_film(storyboard, models_root=models_root, check=checked, device=receipt.device)
    for name, hashed in _weights(film.plan).items():
        was = receipt.weights.get(name, "none")
        if was != hashed:
            raise WeightsError(
                f"weights {name}: got {hashed[:12]}…, expected {was[:12]}… as the receipt says; put the first ones back"
            )
    with tempfile.TemporaryDirectory() as folder:
        made = build(film.plan, Artifacts(Path(folder)), crew, memory_bytes=memory_bytes, on_news=on_news)
        now = {name: record.sha256 for name, record in made.items()}
    return {
        step.name: f"was {step.sha256[:12]}…, is {now.get(step.name, 'gone')[:12]}…"
        for step in receipt.steps
        if now.get(step.name) != step.sha256
    }


def _weights(plan: Plan) -> dict[str, str]:
    return {
        role.removeprefix(WEIGHTS): hashed
        for task in plan
        for role, hashed in task.step.inputs.items()
        if role.startswith(WEIGHTS)
    }
