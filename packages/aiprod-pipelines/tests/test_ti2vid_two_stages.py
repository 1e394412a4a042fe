"""Two stages: half the size first, then twice that; the sound and the seed of the first stage are kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aiprod_core.errors import InputError
from aiprod_core.generation import generate_latents
from aiprod_core.types import GenerationConfig, ImageCondition
from aiprod_pipelines.contact_sheet import encode_contact_sheet
from aiprod_pipelines.media import read_clip
from aiprod_pipelines.ti2vid_two_stages import TI2VidTwoStagesPipeline

REQUEST = GenerationConfig(prompt="a red cat", width=64, height=32, num_frames=9, num_inference_steps=2, refine_steps=2)


@pytest.fixture(scope="module", name="pipeline")
def _pipeline(family: Path) -> TI2VidTwoStagesPipeline:
    return TI2VidTwoStagesPipeline.from_pretrained(family)


def test_each_stage_is_told_and_the_clip_has_the_full_size(pipeline: TI2VidTwoStagesPipeline) -> None:
    told: list[tuple[str, int, int]] = []
    clip = pipeline(REQUEST, on_progress=lambda *step: told.append(step))
    assert clip.frames.shape == (9, 32, 64, 3)
    stages = dict.fromkeys(stage for stage, done, total in told if done == total)
    assert list(stages) == ["text", "denoise", "upsample", "refine", "decode video", "decode sound"]


def test_without_refinement_it_is_the_upsampled_first_stage(pipeline: TI2VidTwoStagesPipeline) -> None:
    small = generate_latents(pipeline.models, [replace(REQUEST, width=32, height=16)])
    assert small.video is not None
    for request in (replace(REQUEST, refine_steps=0), replace(REQUEST, refine_start=0.0)):
        latents = pipeline.latents([request], lambda *step: None)
        assert latents.video is not None
        assert latents.audio is not None
        assert small.audio is not None
        assert torch.equal(latents.video, pipeline.upsampler(small.video))
        assert torch.equal(latents.audio, small.audio)


def test_refinement_keeps_the_sound_and_changes_more_the_earlier_it_begins(pipeline: TI2VidTwoStagesPipeline) -> None:
    def latents(start: float) -> tuple[torch.Tensor, torch.Tensor]:
        found = pipeline.latents([replace(REQUEST, refine_start=start)], lambda *step: None)
        assert found.video is not None
        assert found.audio is not None
        return found.video, found.audio

    (plain, sound), (a_little, kept), (much, kept_too) = latents(0.0), latents(0.2), latents(0.9)
    assert torch.equal(sound, kept)
    assert torch.equal(sound, kept_too)
    assert 0 < (a_little - plain).norm() < (much - plain).norm()


def test_a_picture_is_pinned_in_both_stages(pipeline: TI2VidTwoStagesPipeline, film: Path, tmp_path: Path) -> None:
    picture = tmp_path / "first.png"
    picture.write_bytes(encode_contact_sheet(read_clip(film)))
    request = replace(REQUEST, images=(ImageCondition(path=picture),))
    assert not np.array_equal(pipeline(request).frames[0], pipeline(REQUEST).frames[0])


def test_a_size_whose_half_is_not_legal_names_one_that_is(pipeline: TI2VidTwoStagesPipeline) -> None:
    with pytest.raises(InputError, match="width: got 48, expected a multiple of 32 for two stages; use 32 or 64"):
        pipeline(replace(REQUEST, width=48))
