"""The receipt of a film: what it was asked to be, every step that made it with its key, and the digests of the files.

The same storyboard, weights and version give the same keys; `aiprod film` on them gives the same bytes.
"""

import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from aiprod_pipelines.film.artifacts import Record
from aiprod_pipelines.film.compile import Film
from aiprod_pipelines.film.storyboard_file import to_yaml

SCHEMA = "aiprod.film/1"


def film_receipt(film: Film, made: Mapping[str, Record], files: Mapping[Path, Record]) -> bytes:
    """JSON of the receipt. `made`: task → artifact; `files`: what was written, and the artifact that it holds."""
    steps = [
        {
            "name": task.name,
            "kind": task.step.kind,
            "version": task.step.version,
            "key": task.step.key,
            "sha256": made[task.name].sha256,
            "elapsed_s": made[task.name].elapsed_s,
        }
        for task in film.plan
    ]
    weights = {
        role.removeprefix("weights/"): hashed
        for task in film.plan
        for role, hashed in task.step.inputs.items()
        if role.startswith("weights/")
    }
    facts = {
        "schema": SCHEMA,
        "aiprod": metadata.version("aiprod-pipelines"),
        "files": {path.name: record.sha256 for path, record in files.items()},
        "storyboard": to_yaml(film.storyboard),
        "weights": weights,
        "steps": steps,
    }
    return json.dumps(facts, indent=1, ensure_ascii=False).encode() + b"\n"


def receipt_path(film: Path) -> Path:
    """Where the receipt of `film` stands: `film.mp4` → `film.mp4.receipt.json`."""
    return film.with_name(f"{film.name}.receipt.json")
