"""The agents fastTrackAgent and creativeDirector: who needs a storyboard, and the storyboard of words.

A language model writes it where the operator has one on this machine, else rules do; both are those of
`aiprod storyboard`. Loads the model once, and nothing heavier than text before.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiprod_core.errors import InputError
from aiprod_pipelines.film import local_scenarist
from aiprod_pipelines.film.fountain import HEADING, parse_fountain
from aiprod_pipelines.film.scenarist import Wishes, storyboard_of
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_server.orchestration.blocks import CreativeDirector, FastTrackAgent

MODEL_FILE = "config.json"
read_model = lru_cache(maxsize=1)(local_scenarist.load)


def is_fast(request: Mapping[str, Any], rules: FastTrackAgent) -> bool:
    """Whether a request is carried out as it is written: a storyboard always, words of a film never.

    A clip is where the fast track is open and it is short, in seconds and in words.
    """
    if request["kind"] == "film":
        return request.get("storyboard") is not None
    duration_s = request["num_frames"] / request["frame_rate"]
    return rules.enabled and duration_s <= rules.max_duration_s and len(request["prompt"]) <= rules.max_prompt_chars


def directed(text: str, wishes: Wishes, rules: CreativeDirector) -> Storyboard:
    """The storyboard of a sentence or a screenplay.

    Raises:
        InputError: it shows nothing; or there is no model, or it gives no storyboard, and nobody else may write one.
    """
    if rules.llm_provider == "rules" or rules.llm_model is None:
        return by_rules(text, wishes)
    folder = Path(rules.llm_model).expanduser()
    if rules.fallback == "rules" and not (folder / MODEL_FILE).is_file():
        return by_rules(text, wishes)
    try:
        return local_scenarist.ask(read_model(folder), text, wishes, name=folder.name)
    except InputError:
        if rules.fallback == "none":
            raise
        return by_rules(text, wishes)


def by_rules(text: str, wishes: Wishes) -> Storyboard:
    """The storyboard that rules make of a sentence or a screenplay. Raises `InputError` for one that shows nothing."""
    return storyboard_of(parse_fountain(text) if is_screenplay(text) else text, wishes)


def is_screenplay(text: str) -> bool:
    """Whether a text has a scene heading, such as "INT. KITCHEN - NIGHT", on a line of its own."""
    lines = [line.strip() for line in text.splitlines()]
    return any(HEADING.fullmatch(line) and line[:3].isupper() for line in lines)
