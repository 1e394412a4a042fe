"""The step `delivered`: picture, sound and subtitles in the file that leaves the studio."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiprod_pipelines.delivery.encode import join
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.film.steps import Report
from aiprod_pipelines.sound.file import read_sound_file
from aiprod_pipelines.subtitles import Cue

PICTURE, SOUND = "picture {}", "sound"  # the parts of the picture by number


def make(params: Mapping[str, Any], inputs: Mapping[str, Path], out: Path, report: Report) -> None:
    """Join the picture's packets with the sound, encoded once, and the cues of `params`."""
    join(
        out,
        [inputs[PICTURE.format(number)] for number in range(len(inputs) - 1)],
        Profile(params["profile"]),
        sound=read_sound_file(inputs[SOUND]),
        cues=[Cue(**cue) for cue in params["cues"]],
        language=params["language"],
        metadata=params["metadata"],
    )
