"""What a model is told of a shot: its words with the camera's after them, and then what holds for the whole film.

The head is in the form that captions have, "subject action setting time weather, camera", which the nano model was
trained on; style, light and mood follow it. Knows no model.
"""

import re

from aiprod_core.camera import STATIC, TAGS, prompt_with, said_in
from aiprod_pipelines.film.shot import SCENE_FIELDS, Shot
from aiprod_pipelines.film.storyboard import Storyboard


def shot_prompt(storyboard: Storyboard, shot: Shot) -> str:
    """The prompt of a rendered shot, with its characters described and the film's markers; "" for a clip."""
    if not shot.described:
        return ""
    words = shot.prompt or " ".join(filter(None, (getattr(shot, name) for name in SCENE_FIELDS)))
    words = described(words.strip().rstrip(".,;"), storyboard.characters)
    if said_in(words) is None:
        words = prompt_with(words, TAGS[(shot.camera or STATIC.name).partition(":")[0]])
    for marker in markers(storyboard, shot):
        if marker.lower() not in words.lower():
            words = f"{words}, {marker}"
    return words


def markers(storyboard: Storyboard, shot: Shot) -> list[str]:
    """What keeps the shots alike: the film's style and light, and the shot's mood."""
    light = storyboard.light
    if light is not None and "light" not in light.lower():
        light = f"{light} light"
    return [marker for marker in (storyboard.style, light, shot.mood and f"{shot.mood} mood") if marker is not None]


def described(words: str, characters: dict[str, str]) -> str:
    """`words` with every character's name replaced: by the description at first, then by it with `the`."""
    if not characters:
        return words
    names = sorted(characters, key=len, reverse=True)
    met: set[str] = set()

    def describe(match: re.Match[str]) -> str:
        name = match.group()
        description = characters[name]
        known = name in met
        met.add(name)
        return re.sub(r"^an? ", "the ", description) if known else description

    return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", describe, words)
