"""The scenarist that is a language model: any causal one in a local folder. Its JSON is mended, checked, asked again.

Decodes greedily, so that the same words give the same storyboard. Whatever the model says goes through the same checks
as a storyboard that a person wrote. Loads nothing from elsewhere and imports `transformers` only when it is used.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from aiprod_core.errors import InputError
from aiprod_pipelines.film.form import Form
from aiprod_pipelines.film.loose_json import first_object
from aiprod_pipelines.film.scenarist import Wishes
from aiprod_pipelines.film.shot import Line, Shot
from aiprod_pipelines.film.storyboard import Storyboard

Messages: TypeAlias = Sequence[Mapping[str, str]]
Answer: TypeAlias = Callable[[Messages], str]

ATTEMPTS = 3
MAX_NEW_TOKENS = 2048
MAX_LETTERS = 24_000
FILM_FIELDS = ("title", "style", "light", "characters", "pacing", "music")
SHOT_FIELDS = ("id", "prompt", "duration", "camera", "transition", "dialogue")
TASK = """You are a storyboard artist. Turn the text below into a storyboard, as one JSON object and nothing else.

Fields of the film, all but "shots" may be left out:
{film}
"shots": a list of {shots}; each has
{shot}
Every prompt says who does what, where, when and in what weather, in one sentence, as in
"a red cat walking to the right on a beach by day under a clear sky". It repeats the place, the time and the weather in
every shot, names people as in "characters", and says nothing of the camera. Lines are those of the text, word for word.

Example:
{{"title": "The red cat", "music": "playful", "shots": [{{"id": "walk", "duration": 3, "camera": "static",
"prompt": "a red cat walking to the right on a beach by day under a clear sky",
"dialogue": [{{"who": "Mia", "line": "Where is the sea?"}}]}}]}}

Text:
{text}
"""
AGAIN = "That cannot be used: {error}. Write the whole JSON object again, with this put right, and nothing else."


def local_storyboard_of(text: str, folder: Path, wishes: Wishes) -> Storyboard:
    """The storyboard that the model in `folder` makes of a prompt or a screenplay.

    Raises `InputError` where there is no such model, or where it gives no storyboard in three attempts.
    """
    return ask(load(folder), text, wishes, name=str(folder))


def ask(answer: Answer, text: str, wishes: Wishes, *, name: str) -> Storyboard:
    """Ask for a storyboard, and again with what was wrong, up to three times. Raises `InputError`."""
    if len(text) > MAX_LETTERS:
        raise InputError(
            f"scenarist: got {len(text)} letters, expected at most {MAX_LETTERS}; give it a scene at a time"
        )
    asked = {"role": "user", "content": task(text, wishes)}
    messages = [asked]
    error = ""
    for _ in range(ATTEMPTS):
        said = answer(messages)
        try:
            return read_answer(said, wishes)
        except InputError as wrong:
            error = str(wrong)
        messages = [
            asked,
            {"role": "assistant", "content": said},
            {"role": "user", "content": AGAIN.format(error=error)},
        ]
    raise InputError(
        f"scenarist {name}: got no storyboard in {ATTEMPTS} attempts ({error}), expected one; choose a larger instruct "
        "model, or --fallback rules"
    )


def task(text: str, wishes: Wishes) -> str:
    """What the model is asked."""
    film = "\n".join(_described(Storyboard, FILM_FIELDS))
    shot = "\n".join(_described(Shot, SHOT_FIELDS))
    shots = "3 to 12" if wishes.shots is None else str(wishes.shots)
    return TASK.format(film=film, shots=shots, shot=shot, text=text.strip())


def read_answer(said: str, wishes: Wishes) -> Storyboard:
    """The storyboard in what a model said. Raises `InputError` in the words that the model is told."""
    found = first_object(said)
    if found is None:
        raise InputError(f"got {said.strip()[:60]!r}, expected one JSON object")
    film = _kept(found, FILM_FIELDS)
    shots = found.get("shots")
    if not isinstance(shots, list) or not shots:
        raise InputError('got no "shots", expected a list of them')
    film["shots"] = [_shot(shot) for shot in shots]
    if wishes.shots is not None and len(shots) != wishes.shots:
        raise InputError(f"got {len(shots)} shots, expected {wishes.shots}")
    if wishes.seed is not None:
        film["seed"] = wishes.seed
    if any(isinstance(shot, dict) and shot.get("dialogue") for shot in film["shots"]):
        film["subtitles"] = ["soft"]
    try:
        board = Storyboard.model_validate(film, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step + 1) if isinstance(step, int) else step for step in first["loc"])
        raise InputError(f"{place or 'the film'}: {first['msg']}") from error
    return board if wishes.duration_s is None else _timed(board, wishes.duration_s)


def _shot(shot: Any) -> Any:
    if not isinstance(shot, dict):
        return shot
    kept = _kept(shot, SHOT_FIELDS)
    length = kept.get("duration")
    if isinstance(length, str) and (number := re.match(r"\s*(\d+(?:[.,]\d+)?)", length)):
        kept["duration"] = float(number.group(1).replace(",", "."))
    if isinstance(kept.get("id"), str):
        kept["id"] = re.sub(r"[^A-Za-z0-9_-]+", "-", kept["id"]).strip("-_") or "shot"
    lines = kept.get("dialogue")
    if isinstance(lines, list):
        names = [field.alias or name for name, field in Line.model_fields.items() if name != "file"]
        kept["dialogue"] = [_kept(line, names) if isinstance(line, dict) else line for line in lines]
    return kept


def _kept(given: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """What was asked for: no other fields, so that a model cannot name files, and none that says nothing."""
    return {name: given[name] for name in names if given.get(name) not in (None, "", [], {})}


def _timed(board: Storyboard, duration_s: float) -> Storyboard:
    lengths_s = [shot.duration_s or 3.0 for shot in board.shots]
    shots = [
        shot.model_copy(update={"duration_s": max(round(length * duration_s / sum(lengths_s), 1), 0.1)})
        for shot, length in zip(board.shots, lengths_s, strict=True)
    ]
    return board.model_copy(update={"shots": tuple(shots)})


def _described(form: type[Form], names: Sequence[str]) -> list[str]:
    fields = {field.alias or name: field for name, field in form.model_fields.items()}
    return [f'"{name}": {fields[name].description}' for name in names]


def load(folder: Path) -> Answer:
    """The model in `folder` as a function of messages. Raises `InputError` where it is not there or cannot be read."""
    if not (folder / "config.json").is_file():
        raise InputError(
            f"scenarist {folder}: got no config.json there, expected a folder with an instruct model; check the path"
        )
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
    except ImportError as error:
        raise InputError(
            "scenarist: transformers is not installed, expected it for a local model; "
            "pip install 'aiprod-core[language]', or use --scenarist rules"
        ) from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype="auto").eval()
    except Exception as error:  # every architecture has errors of its own
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"scenarist {folder}: cannot read it ({reason}), expected a causal language model and its tokenizer"
        ) from error
    longest = int(getattr(model.config, "max_position_embeddings", None) or 1_000_000)
    ends = model.generation_config.eos_token_id or tokenizer.eos_token_id
    greedy = GenerationConfig(
        do_sample=False,
        eos_token_id=ends,
        pad_token_id=tokenizer.pad_token_id or (ends[0] if isinstance(ends, list) else ends),
    )

    def answer(messages: Messages) -> str:
        given = tokenizer(
            _worded(tokenizer, messages), return_tensors="pt", add_special_tokens=not tokenizer.chat_template
        )
        count = given["input_ids"].shape[1]
        greedy.max_new_tokens = min(MAX_NEW_TOKENS, longest - count)
        if greedy.max_new_tokens < 16:
            raise InputError(
                f"scenarist {folder}: got a text of {count} tokens for a model that holds {longest}, expected less; "
                "shorten the text, or choose a model with a longer context"
            )
        inputs = {name: given[name] for name in ("input_ids", "attention_mask")}
        tokens = model.generate(**inputs, generation_config=greedy)[0, count:]
        return str(tokenizer.decode(tokens, skip_special_tokens=True))

    return answer


def _worded(tokenizer: Any, messages: Messages) -> str:
    """Messages in the model's own chat template; without one, one after another."""
    if tokenizer.chat_template:
        return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))
    return "\n\n".join(message["content"] for message in messages) + "\n\n"
