"""Names of what the studio ships that a storyboard may use: looks, effects, ambiences.

They are written here again because a storyboard is read at once, and the packages that hold them take time to import; a
test holds both equal.
"""

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from aiprod_pipelines.film.form import near

LOOKS = (
    "noir", "silver", "sepia", "cyanotype", "golden_hour", "blue_hour", "day_for_night", "teal_orange", "bleach_bypass",
    "summer_slide", "cinema_print", "pastel", "winter", "desert", "neon", "faded", "cross_process", "autumn",
    "verdigris", "vivid",
)  # fmt: skip
EFFECTS = (
    "footstep", "footstep_wood", "footstep_gravel", "footstep_grass", "footstep_snow", "door", "knock", "glass",
    "click", "typing", "clap", "applause", "heartbeat", "clock", "phone", "thunder", "fire", "drop", "splash", "bird",
    "dog", "cricket", "owl", "gust", "bell", "horn", "siren", "alarm", "car", "motor", "train", "plane", "explosion",
    "shot", "whoosh", "impact", "riser", "downer", "boom", "shimmer",
)  # fmt: skip
AMBIENCES = (
    "wind", "rain", "storm", "sea", "stream", "fire", "city", "forest", "night", "room", "space", "crowd",
)  # fmt: skip


def _one_of(kind: str, names: tuple[str, ...]) -> tuple[AfterValidator, WithJsonSchema]:
    def check(name: str) -> str:
        if name not in names:
            raise PydanticCustomError(
                "name", "got '{got}', no such {kind}; {near}", {"got": name, "kind": kind, "near": near(name, [*names])}
            )
        return name

    return AfterValidator(check), WithJsonSchema({"enum": [*names]})


LookName = Annotated[str, *_one_of("look", LOOKS)]
EffectName = Annotated[str, *_one_of("effect", EFFECTS)]
AmbienceName = Annotated[str, *_one_of("ambience", AMBIENCES)]
