"""What is kept of a teacher's run is the run that the sampler makes, and runs of another teacher are refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.generation import draw_noise, generate
from aiprod_core.types import GenerationConfig
from aiprod_trainer.data.trajectories import (
    TrajectoriesDescription,
    TrajectorySet,
    make_trajectories,
    prompt_of,
    teacher_digest,
)


@pytest.fixture(name="about", scope="module")
def _about(models: SovereignModels) -> TrajectoriesDescription:
    return TrajectoriesDescription(teacher=teacher_digest(models), steps=4, kept_every=2, frames=5, size_px=32, shard=4)


def test_a_run_goes_from_its_noise_to_the_clip_that_generate_makes(
    tmp_path: Path, models: SovereignModels, about: TrajectoriesDescription
) -> None:
    make_trajectories(tmp_path, range(4), about, models, lambda done: None)
    kept, request = TrajectorySet(tmp_path), GenerationConfig(prompt="set below", width=32, height=32, num_frames=5)
    request = replace(request, prompt=prompt_of(3, 1), seed=3, num_inference_steps=4)
    assert kept.prompts[3] == request.prompt
    assert kept.video.shape[:2] == kept.audio.shape[:2] == (4, len(about.times))
    noise = draw_noise(models, [request])
    assert noise.video is not None
    torch.testing.assert_close(kept.video[3, 0].float(), noise.video[0], atol=1e-2, rtol=1e-2)
    frames, _ = generate(models, request)
    again = models.video.decode(kept.video[3, -1:].float())[0].clamp(-1, 1)
    torch.testing.assert_close(again, frames, atol=0.05, rtol=0.05)


def test_finished_shards_stay_and_the_work_can_be_shared(
    tmp_path: Path, models: SovereignModels, about: TrajectoriesDescription
) -> None:
    make_trajectories(tmp_path, range(4, 8), about, models, lambda done: None)
    before = (tmp_path / "runs-00000004.safetensors").stat().st_mtime_ns
    done: list[int] = []
    make_trajectories(tmp_path, range(8), about, models, done.append)
    assert done == [4, 8]
    assert (tmp_path / "runs-00000004.safetensors").stat().st_mtime_ns == before
    assert TrajectorySet(tmp_path, 6).prompts == [prompt_of(number, 1) for number in range(6)]


def test_runs_of_another_teacher_and_too_few_runs_are_refused(
    tmp_path: Path, models: SovereignModels, about: TrajectoriesDescription
) -> None:
    with pytest.raises(InputError, match="got none"):
        TrajectorySet(tmp_path / "nothing")
    make_trajectories(tmp_path, range(4), about, models, lambda done: None)
    with pytest.raises(InputError, match="got 4"):
        TrajectorySet(tmp_path, 5)
    with pytest.raises(InputError, match="another teacher"):
        make_trajectories(tmp_path, range(4), replace(about, teacher="other"), models, lambda done: None)
