"""A film made longer holds the old one unchanged, wherever it stands."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_core.types import GenerationConfig, SourceCondition
from aiprod_pipelines.extend import ExtendPipeline
from aiprod_pipelines.media import read_clip


@pytest.fixture(scope="module", name="pipeline")
def _pipeline(family: Path) -> ExtendPipeline:
    return ExtendPipeline.from_pretrained(family)


def _request(film: Path, num_frames: int, start_s: float = 0.0) -> GenerationConfig:
    source = SourceCondition(path=film, start_s=start_s)
    return GenerationConfig(prompt="a red cat", num_frames=num_frames, num_inference_steps=2, source=source)


@pytest.mark.parametrize(("start_s", "first"), [(0.0, 0), (0.4, 4), (0.8, 8)])
def test_the_old_film_stands_in_the_new_one(pipeline: ExtendPipeline, film: Path, start_s: float, first: int) -> None:
    old, new = read_clip(film), pipeline(_request(film, 25, start_s))
    assert len(new.frames) == 25
    assert np.array_equal(new.frames[first : first + 17], old.frames)
    assert new.audio is not None
    assert old.audio is not None
    begins = round(start_s * 24_000)
    kept = new.audio[:, begins : begins + 17 * 2400]
    assert np.allclose(kept, old.audio[:, : kept.shape[1]], atol=1e-6)
    others = np.delete(new.audio, slice(begins, begins + 17 * 2400), axis=1)
    assert np.abs(others).max() > 0


def test_latents_of_the_old_film_are_pinned_and_others_free(pipeline: ExtendPipeline, film: Path) -> None:
    after = pipeline.given(pipeline.fitted(_request(film, 25))).video
    before = pipeline.given(pipeline.fitted(_request(film, 25, 0.8))).video
    assert after is not None
    assert before is not None
    assert after.strength.tolist() == [1, 1, 1, 1, 1, 0, 0]
    assert before.strength.tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_a_silent_extension_is_silent(pipeline: ExtendPipeline, film: Path) -> None:
    assert pipeline(replace(_request(film, 21), audio=False)).audio is None


def test_places_and_lengths_that_cannot_be_name_ones_that_can(pipeline: ExtendPipeline, film: Path) -> None:
    with pytest.raises(InputError, match=r"multiple of 4 frames; use 0\.4 or 0\.8"):
        pipeline(_request(film, 33, 0.5))
    with pytest.raises(InputError, match="at least 21"):
        pipeline(_request(film, 17))
    with pytest.raises(InputError, match="at least 25"):
        pipeline(_request(film, 21, 0.8))
