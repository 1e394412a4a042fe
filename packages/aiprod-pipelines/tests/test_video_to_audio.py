"""Sound for a film: the pictures stay, and the sound depends on them."""

from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_core.types import GenerationConfig, SourceCondition
from aiprod_pipelines.media import read_clip
from aiprod_pipelines.video_to_audio import VideoToAudioPipeline


@pytest.fixture(scope="module", name="pipeline")
def _pipeline(family: Path) -> VideoToAudioPipeline:
    return VideoToAudioPipeline.from_pretrained(family)


def test_the_pictures_stay_and_a_sound_is_made(pipeline: VideoToAudioPipeline, film: Path) -> None:
    request = GenerationConfig(prompt="a red cat", num_inference_steps=2, source=SourceCondition(path=film))
    old, new = read_clip(film), pipeline(request)
    assert np.array_equal(new.frames, old.frames)
    assert new.frame_rate_hz == old.frame_rate_hz
    assert new.audio is not None
    assert old.audio is not None
    assert new.audio.shape == (1, 17 * 2400)
    assert not np.allclose(new.audio, old.audio[:, : 17 * 2400], atol=0.05)


def test_a_film_of_an_illegal_size_names_the_nearest(pipeline: VideoToAudioPipeline, media: Path) -> None:
    path = next(path for path in sorted((media / "video").glob("*.mp4")) if read_clip(path).frames.shape[1] % 16)
    with pytest.raises(InputError, match="expected a multiple of 16"):
        pipeline(GenerationConfig(prompt="a red cat", source=SourceCondition(path=path)))
