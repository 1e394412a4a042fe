import json
from pathlib import Path
from typing import Any

import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.film.local_scenarist import Messages
from aiprod_pipelines.film.scenarist import Wishes, storyboard_of
from aiprod_server.orchestration import director
from aiprod_server.orchestration.blocks import CreativeDirector, FastTrackAgent
from aiprod_server.orchestration.director import directed, is_fast, is_screenplay

SENTENCE = "a red cat walks on a beach, then it jumps"
SCREENPLAY = "INT. KITCHEN - NIGHT\n\nA red cat sleeps on a table.\n\nMIA\nGood night.\n"
RULES = CreativeDirector(llm_provider="rules", llm_model=None, fallback="none", max_shots=20)
FAST = FastTrackAgent(enabled=True, max_duration_s=5, max_prompt_chars=50)
CLIP = {"kind": "clip", "prompt": SENTENCE, "num_frames": 25, "frame_rate": 10.0}


def local(folder: Path, fallback: str) -> CreativeDirector:
    return RULES.model_copy(update={"llm_provider": "local", "llm_model": str(folder), "fallback": fallback})


def test_sentences_are_told_by_the_rules_of_the_storyboard_command() -> None:
    assert directed(SENTENCE, Wishes(seed=7), RULES) == storyboard_of(SENTENCE, Wishes(seed=7))


def test_screenplays_are_known_by_their_headings() -> None:
    board = directed(SCREENPLAY, Wishes(), RULES)
    assert [line.line for shot in board.shots for line in shot.dialogue] == ["Good night."]
    assert is_screenplay("\n  EXT. BEACH - DAY\nA cat")
    assert not is_screenplay("In a kitchen, a cat.\nExt in the morning.")
    assert not is_screenplay("est belle la mer")


def test_without_the_model_rules_write_where_the_operator_lets_them(tmp_path: Path) -> None:
    assert directed(SENTENCE, Wishes(), local(tmp_path, "rules")) == storyboard_of(SENTENCE)
    with pytest.raises(InputError, match=r"got no config\.json there"):
        directed(SENTENCE, Wishes(), local(tmp_path, "none"))


@pytest.mark.parametrize("fallback", ["rules", "none"])
def test_the_model_writes_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fallback: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    board = {"shots": [{"prompt": "a red cat walking on a beach", "duration": 2}]}
    answers = iter([json.dumps(board), "no", "no", "no"])

    def model(folder: Path) -> Any:
        assert folder == tmp_path

        def answer(messages: Messages) -> str:
            return next(answers)

        return answer

    monkeypatch.setattr(director, "read_model", model)
    told = directed(SENTENCE, Wishes(seed=3), local(tmp_path, fallback))
    assert (told.seed, [shot.prompt for shot in told.shots]) == (3, ["a red cat walking on a beach"])
    if fallback == "rules":
        assert directed(SENTENCE, Wishes(), local(tmp_path, fallback)) == storyboard_of(SENTENCE)
    else:
        with pytest.raises(InputError, match="got no storyboard in 3 attempts"):
            directed(SENTENCE, Wishes(), local(tmp_path, fallback))


@pytest.mark.parametrize(
    ("changed", "rules", "fast"),
    [
        ({}, {}, True),
        ({"num_frames": 57}, {}, False),
        ({"num_frames": 57}, {"max_duration_s": 6}, True),
        ({"prompt": SENTENCE + " again and again"}, {}, False),
        ({"prompt": SENTENCE + " again and again"}, {"max_prompt_chars": 60}, True),
        ({}, {"enabled": False}, False),
        ({"kind": "film"}, {}, False),
        ({"kind": "film", "prompt": None, "storyboard": {"shots": ["a cat"]}}, {"enabled": False}, True),
    ],
)
def test_who_needs_no_director(changed: dict[str, Any], rules: dict[str, Any], fast: bool) -> None:
    assert is_fast(CLIP | changed, FAST.model_copy(update=rules)) is fast
