"""Puts the nano weights inside the wheel, so that an installed `aiprod` renders with nothing else to fetch.

Knows only where the weights stand in a checkout. An editable install needs no copy: it reads them in place.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "aiprod-sovereign"


class WeightsHook(BuildHookInterface[Any]):
    """Adds `models/aiprod-sovereign` of the checkout to a standard wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        weights = Path(self.root).parents[1] / "models" / NAME
        if not (weights / "MANIFEST.json").is_file():
            raise FileNotFoundError(
                f"{weights}: got no MANIFEST.json, expected the nano weights; build the wheel from a whole checkout"
            )
        build_data["force_include"][str(weights)] = f"aiprod_pipelines/models/{NAME}"
