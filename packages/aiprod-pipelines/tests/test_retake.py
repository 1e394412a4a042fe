"""A retake changes its span and nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import InputError, MediaError
from aiprod_core.types import GenerationConfig, SourceCondition
from aiprod_pipelines.media import read_clip
from aiprod_pipelines.retake import RetakePipeline


@pytest.fixture(scope="module", name="pipeline")
def _pipeline(family: Path) -> RetakePipeline:
    return RetakePipeline.from_pretrained(family)


def _request(film: Path, start_s: float, end_s: float | None) -> GenerationConfig:
    source = SourceCondition(path=film, start_s=start_s, end_s=end_s)
    return GenerationConfig(prompt="a red cat", num_inference_steps=2, source=source)


def test_only_the_span_is_new_in_pictures_and_in_sound(pipeline: RetakePipeline, film: Path) -> None:
    """0.5 to 0.9 s are frames 5 to 8: exactly the third latent frame, which shows them."""
    old, new = read_clip(film), pipeline(_request(film, 0.5, 0.9))
    assert new.frames.shape == old.frames.shape
    changed = (new.frames != old.frames).any(axis=(1, 2, 3))
    assert changed.nonzero()[0].tolist() == [5, 6, 7, 8]
    assert new.audio is not None
    assert old.audio is not None
    moved = np.abs(new.audio - old.audio[:, : new.audio.shape[1]])[0] > 1e-4
    first_s, last_s = moved.nonzero()[0][[0, -1]] / 24_000
    assert 0.46 <= first_s <= 0.5  # whole tokens of 40 ms, and a seam of 10 ms
    assert 0.9 <= last_s <= 0.94


def test_the_kept_latents_stay_bit_for_bit(pipeline: RetakePipeline, film: Path) -> None:
    given = pipeline.given(pipeline.fitted(_request(film, 0.5, 0.9)))
    assert given.video is not None
    assert given.audio is not None
    assert given.video.strength.tolist() == [1, 1, 0, 1, 1]
    assert given.audio.strength[12:23].tolist() == [0] * 11  # 0.48 to 0.92 s
    assert given.audio.strength.sum() == len(given.audio.strength) - 11


def test_the_same_seed_gives_the_same_retake_and_another_another(pipeline: RetakePipeline, film: Path) -> None:
    request = _request(film, 1.0, None)
    one, again, other = (pipeline(replace(request, seed=seed)).frames for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("start_s", "end_s"), [(0.5, 9.0), (2.0, None)])
def test_a_span_beyond_the_film_is_refused(
    pipeline: RetakePipeline, film: Path, start_s: float, end_s: float | None
) -> None:
    with pytest.raises(InputError, match=r"expected a span of the 1\.70 s"):
        pipeline(_request(film, start_s, end_s))


def test_no_source_and_a_missing_one_are_told(pipeline: RetakePipeline, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="source: got none"):
        pipeline(GenerationConfig(prompt="a red cat"))
    with pytest.raises(MediaError, match="got no such file"):
        pipeline(_request(tmp_path / "absent.mp4", 0.0, None))
