"""The distilled model makes a clip in few steps, and refuses what it cannot do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import InputError
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.distilled import DistilledPipeline
from aiprod_pipelines.ti2vid_one_stage import TI2VidOneStagePipeline

REQUEST = GenerationConfig(
    prompt="a red cat", width=32, height=32, num_frames=9, num_inference_steps=4, guidance_scale=1.0
)


@pytest.fixture(scope="module", name="pipeline")
def _pipeline(family: Path) -> DistilledPipeline:
    return DistilledPipeline.from_pretrained(family)


def test_a_clip_in_four_steps_of_a_model_of_its_own(pipeline: DistilledPipeline, family: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    clip = pipeline(REQUEST, on_progress=lambda *told: steps.append(told))
    assert clip.frames.shape == (9, 32, 32, 3)
    assert ("denoise", 4, 4) in steps
    assert pipeline.models.shdt.config.spans
    other = TI2VidOneStagePipeline.from_pretrained(family)(REQUEST)
    assert not np.array_equal(clip.frames, other.frames)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"negative_prompt": "rain"}, "negative-prompt"),
        ({"guidance_scale": 4.0}, "guidance-scale: got 4.0, expected 1.0"),
        ({"stg_scale": 1.0}, "stg-scale"),
        ({"audio_modality_scale": 2.0}, "audio-modality-scale"),
        ({"num_inference_steps": 20}, "at most 8"),
    ],
)
def test_guidance_and_many_steps_are_refused(pipeline: DistilledPipeline, asked: dict[str, float], named: str) -> None:
    with pytest.raises(InputError, match=named):
        pipeline(replace(REQUEST, **asked))  # type: ignore[arg-type]
