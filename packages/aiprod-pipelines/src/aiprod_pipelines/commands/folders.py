"""Options that name folders; the environment is read here and in `options`, nowhere else. Imports nothing heavy."""

from pathlib import Path
from typing import Annotated

import typer

ModelsRoot = Annotated[
    str | None,
    typer.Option(
        "--models-root", envvar="AIPROD_MODELS", help="A folder of folders of weights, asked before the usual places."
    ),
]
TextModel = Annotated[
    Path | None,
    typer.Option(
        "--text-model", help="The folder of the language model that the weights read through, for those that do."
    ),
]
CacheRoot = Annotated[
    Path,
    typer.Option(envvar="XDG_CACHE_HOME", help="Folder of caches; what was measured here lies in its aiprod/."),
]
CACHE_ROOT = Path("~/.cache")


def calibrations_folder(cache_root: Path) -> Path:
    """Where measurements of this machine are kept."""
    return cache_root.expanduser() / "aiprod" / "calibrations"


def artifacts_folder(cache_root: Path) -> Path:
    """Where the artifacts of films are kept."""
    return cache_root.expanduser() / "aiprod" / "artifacts"
