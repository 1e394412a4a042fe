"""The step `synthesised`: music, ambience or an effect, made from nothing but its name and a seed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import scipy.signal  # noqa: F401  # filters ask for it when they run; a worker that gets ready has it in time

from aiprod_pipelines.film.steps import Report
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.ambience import ambience
from aiprod_pipelines.sound.effects import effect
from aiprod_pipelines.sound.file import write_wav
from aiprod_pipelines.sound.music import music


def make(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path, report: Report) -> None:
    """Write a WAV file of what `params` name."""
    write_wav(out, _sound(params))


def _sound(params: Mapping[str, Any]) -> Sound:
    match params["what"]:
        case "music":
            return music(params["name"], params["duration_s"], params["tempo_bpm"], params["seed"])
        case "ambience":
            return ambience(params["name"], round(params["duration_s"] * SOUND_RATE_HZ), params["seed"])
        case _:
            return effect(params["name"], params["seed"])
