"""What is redrawn stays near its clip as its noise lets it, is made once, and is refused where it does not belong."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aiprod_core.checkpoint import weights_digest
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_trainer.data.latents import LatentsDescription, LatentSet, make_latents
from aiprod_trainer.data.redrawn import RedrawnDescription, RedrawnSet, make_redrawn
from aiprod_trainer.data.trajectories import teacher_digest

CLIPS = 8


@pytest.fixture(name="latents", scope="module")
def _latents(models: SovereignModels, tmp_path_factory: pytest.TempPathFactory) -> LatentSet:
    assert models.audio is not None
    folder = tmp_path_factory.mktemp("latents")
    about = LatentsDescription(
        level=1,
        frames=5,
        size_px=32,
        shard=CLIPS,
        video_codec=weights_digest(models.video, without="decoder."),
        audio_codec=weights_digest(models.audio, without="decoder."),
    )
    make_latents(folder, CLIPS, about, models.video, models.audio, lambda done: None)
    return LatentSet(folder)


@pytest.fixture(name="about", scope="module")
def _about(models: SovereignModels) -> RedrawnDescription:
    codec = weights_digest(models.video, without="decoder.")
    return RedrawnDescription(
        transformer=teacher_digest(models), video_codec=codec, steps=2, frames=5, size_px=32, shard=4
    )


def test_more_noise_takes_a_clip_further_from_itself(
    tmp_path: Path, models: SovereignModels, latents: LatentSet, about: RedrawnDescription
) -> None:
    far = {}
    for level in (1e-4, 0.3, 0.6):
        own = replace(about, lowest=level, highest=level)
        make_redrawn(tmp_path / str(level), range(4), own, latents, models, lambda done: None)
        drawn = RedrawnSet(tmp_path / str(level))
        assert drawn.video.shape == latents.video[:4].shape
        far[level] = (drawn.video.float() - latents.video[:4].float()).square().mean().item()
    assert far[1e-4] < 1e-3 < far[0.3] < far[0.6]


def test_finished_shards_stay_and_the_work_can_be_shared(
    tmp_path: Path, models: SovereignModels, latents: LatentSet, about: RedrawnDescription
) -> None:
    make_redrawn(tmp_path, range(4, 8), about, latents, models, lambda done: None)
    before = (tmp_path / "redrawn-00000004.safetensors").stat().st_mtime_ns
    done: list[int] = []
    make_redrawn(tmp_path, range(8), about, latents, models, done.append)
    assert done == [4, 8]
    assert (tmp_path / "redrawn-00000004.safetensors").stat().st_mtime_ns == before
    drawn, alone = RedrawnSet(tmp_path), tmp_path / "alone"
    assert drawn.numbers == [*range(8)]
    make_redrawn(alone, range(4, 8), about, latents, models, lambda done: None)
    assert torch.equal(RedrawnSet(alone).video, drawn.video[4:])


def test_what_does_not_belong_is_refused(
    tmp_path: Path, models: SovereignModels, latents: LatentSet, about: RedrawnDescription
) -> None:
    def make(about: RedrawnDescription, count: int = 4) -> None:
        make_redrawn(tmp_path, range(count), about, latents, models, lambda done: None)

    with pytest.raises(InputError, match="got none"):
        RedrawnSet(tmp_path)
    with pytest.raises(InputError, match="another codec"):
        make(replace(about, video_codec="other"))
    with pytest.raises(InputError, match="got 8, expected 12"):
        make(about, 12)
    assert not [*tmp_path.iterdir()]
    make(about)
    with pytest.raises(InputError, match="another transformer"):
        make(replace(about, guidance_scale=3.0))
