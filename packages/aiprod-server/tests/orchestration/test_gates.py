from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aiprod_core.errors import WeightsError
from aiprod_pipelines.media import Clip, write_clip
from aiprod_pipelines.quality.finding import Code, Expected, Finding, Report, Severity
from aiprod_pipelines.quality.technical import inspect
from aiprod_pipelines.sovereignty import provision
from aiprod_server.orchestration.blocks import SemanticQA, TechnicalQAGate
from aiprod_server.orchestration.config import default_path, load
from aiprod_server.orchestration.gates import SemanticJudge, blocking, told
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.render import render_clip
from aiprod_trainer.worlds.scene import Scene, sample_scene

RULES = load(default_path()).semantic_qa
SCENE = sample_scene(3, level=1)
RATE_HZ = SCENE.frame_rate_hz


@pytest.fixture(scope="session")
def judge_file() -> Path:
    path = provision.locate() / RULES.model
    if not path.is_file():
        pytest.skip("the shipped judge is not here")
    return path


@pytest.fixture(scope="session")
def clip() -> NDArray[np.uint8]:
    """A real scene of the world."""
    return render_clip(SCENE)


def test_a_true_caption_is_seen_and_a_false_one_is_not(judge_file: Path, clip: NDArray[np.uint8]) -> None:
    judge = SemanticJudge(judge_file, RULES)
    true = judge.look(clip, RATE_HZ, caption(SCENE))
    assert set(true.attributes) == set(SCENE.attributes)
    assert true.score is not None
    assert true.score >= 6 / 7
    false = judge.look(clip, RATE_HZ, caption(other(SCENE)))
    assert false.score is not None
    assert false.score <= 3 / 7
    assert false.attributes["subject"].said == SCENE.subject
    facts = told(false)
    assert facts["score"] == false.score
    assert facts["attributes"]["subject"]["right"] is False


def test_clips_of_another_rate_are_seen_as_fast_as_they_are(judge_file: Path, clip: NDArray[np.uint8]) -> None:
    judge = SemanticJudge(judge_file, RULES)
    assert judge.look(clip.repeat(3, axis=0), 3 * RATE_HZ, caption(SCENE)) == judge.look(clip, RATE_HZ, caption(SCENE))


def other(scene: Scene) -> Scene:
    """A scene that shares nothing with `scene` that a caption says."""
    return next(
        found
        for found in (sample_scene(index, level=1) for index in range(10_000))
        if sum(found.attributes[name] == value for name, value in scene.attributes.items()) == 0
    )


def test_the_threshold_is_the_operators(judge_file: Path, clip: NDArray[np.uint8]) -> None:
    strict = SemanticJudge(judge_file, RULES.model_copy(update={"threshold": 1.0})).look(clip, RATE_HZ, caption(SCENE))
    lax = SemanticJudge(judge_file, RULES.model_copy(update={"threshold": 0.0})).look(clip, RATE_HZ, caption(SCENE))
    assert strict.score is not None
    assert strict.score < 1.0
    assert lax.score == 1.0


@pytest.mark.parametrize("prompt", ["a dragon over a castle", "a cat and a dog on a beach"])
def test_what_the_judge_does_not_know_is_not_judged(judge_file: Path, clip: NDArray[np.uint8], prompt: str) -> None:
    judged = SemanticJudge(judge_file, RULES).look(clip, RATE_HZ, prompt)
    assert judged.score is None
    assert told(judged) == {"score": None, "not_judged": "the prompt names no one subject that the judge knows"}


def test_short_clips_are_not_judged(judge_file: Path) -> None:
    short = np.zeros((4, 32, 32, 3), np.uint8)
    assert SemanticJudge(judge_file, RULES).look(short, 10.0, "a red cat").why_not == "the clip is shorter than 0.5 s"


def test_no_judge_says_so(tmp_path: Path, clip: NDArray[np.uint8]) -> None:
    absent = SemanticJudge(tmp_path / RULES.model, RULES).look(clip, RATE_HZ, caption(SCENE))
    assert absent.why_not == "these weights come without judge.safetensors"
    off = SemanticQA(provider="none", model=RULES.model, threshold=0.5)
    assert (
        SemanticJudge(tmp_path / RULES.model, off).look(clip, RATE_HZ, caption(SCENE)).why_not
        == "semanticQA is turned off"
    )
    (tmp_path / RULES.model).write_bytes(b"damaged")
    with pytest.raises(WeightsError):
        SemanticJudge(tmp_path / RULES.model, RULES).look(clip, RATE_HZ, caption(SCENE))


def test_only_what_the_operator_names_blocks(clip: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(Clip(clip, RATE_HZ, None, 24_000), path)
    report = inspect(path, expected=Expected(size_px=(64, 64), sound=True))
    rules = load(default_path()).technical_qa_gate
    assert {finding.code for finding in blocking(report, rules)} == {Code.UNEXPECTED, Code.NO_SOUND}
    fewer = TechnicalQAGate(enabled=True, blocking=(Code.NO_SOUND,))
    assert {finding.code for finding in blocking(report, fewer)} == {Code.NO_SOUND}


def test_a_note_never_blocks() -> None:
    note = Finding(code=Code.NO_SOUND, severity=Severity.NOTE, sentence="There is no sound.")
    report = Report(path=Path("clip.mp4"), facts={}, findings=(note,))
    assert blocking(report, TechnicalQAGate(enabled=True, blocking=(Code.NO_SOUND,))) == ()
