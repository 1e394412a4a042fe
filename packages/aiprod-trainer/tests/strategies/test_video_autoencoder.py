"""The video autoencoder starts at the principal components and trains the same way each time."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from aiprod_core.checkpoint import weights_digest
from aiprod_core.errors import InputError
from aiprod_core.models.hwvae import HWVAE
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.data import redrawn
from aiprod_trainer.data.redrawn import RedrawnDescription
from aiprod_trainer.data.shards import write_shard
from aiprod_trainer.evaluation.metrics import PrincipalCodec
from aiprod_trainer.strategies import build
from aiprod_trainer.strategies.video_autoencoder import VideoAutoencoder, start_from_principal_components
from aiprod_trainer.trainer import Trainer, read_checkpoint
from aiprod_trainer.worlds.pixels import scene_video
from aiprod_trainer.worlds.scene import sample_scene

pytestmark = pytest.mark.usefixtures("tiny")


def _config(folder: Path, **options: Any) -> TrainConfig:
    small = {"size_px": 32, "crop_px": 16, "frames": 5, "fitted_on": 8, "validated_on": 2}
    return TrainConfig(
        training_strategy={"name": "video_autoencoder"} | small | options,
        optimization={"steps": 4, "batch_size": 2, "learning_rate": 2e-3, "warmup_steps": 1},  # type: ignore[arg-type]
        data={"num_dataloader_workers": 0},  # type: ignore[arg-type]
        tracking={"tensorboard": False},  # type: ignore[arg-type]
        output_dir=folder,
    )


@pytest.fixture(name="strategy")
def _strategy(tmp_path: Path) -> VideoAutoencoder:
    torch.manual_seed(0)
    return VideoAutoencoder(_config(tmp_path))


def test_the_principal_start_is_the_closed_form_codec(strategy: VideoAutoencoder) -> None:
    strategy.begin()
    model: HWVAE = strategy.model
    for head in (model.encoder.head, model.decoder.head):
        assert head.weight.count_nonzero() == 0
    clip = scene_video(sample_scene(3, level=1, split="test"), size_px=32, frames=range(9))
    with torch.no_grad():
        rebuilt = model.decode(model.encode(clip[None]))[0]
    torch.testing.assert_close(rebuilt, strategy.principal_codec.round_trip(clip), atol=1e-4, rtol=0)


def test_the_closed_form_codec_loses_nothing_with_all_its_components() -> None:
    clip = torch.rand(3, 5, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    codec = PrincipalCodec([clip], time=2, space=2, values=24)
    torch.testing.assert_close(codec.round_trip(clip), clip, atol=1e-5, rtol=0)
    fewer = PrincipalCodec([clip], time=2, space=2, values=6)
    assert (fewer.round_trip(clip) - clip).abs().max() > 0.05
    torch.testing.assert_close(codec.basis @ codec.basis.T, torch.eye(24, dtype=torch.float64))


def test_components_of_another_block_do_not_fit(strategy: VideoAutoencoder) -> None:
    clip = torch.rand(3, 5, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.raises((AssertionError, RuntimeError)):
        start_from_principal_components(strategy.model, PrincipalCodec([clip], time=2, space=2, values=8))


def test_a_batch_is_a_function_of_its_step_and_in_range(strategy: VideoAutoencoder) -> None:
    video = strategy.batch(3)["video"]
    assert video.shape == (2, 3, 5, 16, 16)
    assert video.abs().max() <= 1
    assert torch.equal(video, strategy.batch(3)["video"])
    assert not torch.equal(video, strategy.batch(4)["video"])


def test_the_loss_draws_from_its_generator_alone(strategy: VideoAutoencoder) -> None:
    strategy.begin()
    batch = strategy.batch(0)
    losses = [strategy.loss(batch, torch.Generator().manual_seed(seed))["loss"] for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_validation_fits_the_statistics_and_compares_with_the_floor(strategy: VideoAutoencoder, tmp_path: Path) -> None:
    strategy.begin()
    with torch.no_grad():
        figures = strategy.validate(tmp_path / "validation", 7)
    assert figures["psnr_db"] == pytest.approx(figures["pca_psnr_db"], abs=0.01)  # nothing learned yet
    assert figures["moving_psnr_db"] < figures["psnr_db"]
    assert (tmp_path / "validation" / "step-00000007.png").stat().st_size > 1000
    assert strategy.model.latent_mean.any()


def test_training_resumes_exactly_and_leaves_the_linear_path(tmp_path: Path) -> None:
    def trained(folder: Path, minutes: float | None = None) -> Trainer:
        torch.manual_seed(0)
        config = _config(folder)
        trainer = Trainer(config, build(config))
        trainer.run(max_minutes=minutes, report=lambda line: None)
        return trainer

    whole = trained(tmp_path / "whole")
    assert trained(tmp_path / "parts", minutes=0).step == 1
    parts = trained(tmp_path / "parts")
    states = [read_checkpoint(t.folder / "checkpoints" / "step-00000004.pt") for t in (whole, parts)]
    for part in ("model", "average"):
        assert all(torch.equal(states[0][part][name], states[1][part][name]) for name in states[0][part])
    start = VideoAutoencoder(_config(tmp_path))
    start.begin()
    assert torch.equal(states[0]["model"]["encoder.linear.weight"], start.model.encoder.linear.weight)
    assert states[0]["model"]["decoder.head.weight"].any()


def test_recoloured_crops_are_the_same_pictures_in_other_colours(tmp_path: Path) -> None:
    plain = VideoAutoencoder(_config(tmp_path)).batch(5)["video"]
    other = VideoAutoencoder(_config(tmp_path, recoloured_share=1.0)).batch(5)["video"]
    assert other.abs().max() <= 1
    for channel, was in zip(other.flatten(0, 1), plain.flatten(0, 1), strict=True):
        together = torch.corrcoef(torch.stack([channel.flatten(), was.flatten()]))[0, 1]
        assert abs(together) == pytest.approx(1, abs=1e-3)
        assert not torch.allclose(channel, was, atol=0.01)


@pytest.fixture(name="redrawn")
def _redrawn(tmp_path: Path) -> Path:
    """What the encoder says of eight clips, one off in each value: as if a transformer had drawn them so."""
    torch.manual_seed(0)
    strategy = VideoAutoencoder(_config(tmp_path))
    folder, codec = tmp_path / "redrawn", weights_digest(strategy.model, without="decoder.")
    about = RedrawnDescription(transformer="none", video_codec=codec, size_px=32, shard=8)
    folder.mkdir()
    (folder / redrawn.DESCRIPTION).write_text(json.dumps(asdict(about)))
    clips = [scene_video(sample_scene(n, level=1), size_px=32) for n in range(8)]
    with torch.no_grad():
        rows = [{"video": strategy.model.encode(clip[None])[0] + 1} for clip in clips]
    write_shard(folder / "redrawn-00000000.safetensors", iter(rows))
    return folder


def _frozen(folder: Path, redrawn: Path, **options: Any) -> VideoAutoencoder:
    torch.manual_seed(0)
    return VideoAutoencoder(_config(folder, frozen_encoder=True, noise=0.0, redrawn=redrawn, **options))


def test_a_decoder_gets_what_was_drawn_in_place_of_what_is_encoded(tmp_path: Path, redrawn: Path) -> None:
    frozen = _frozen(tmp_path, redrawn)
    batch = frozen.batch(3)
    assert batch["video"].shape == (2, 3, 5, 16, 16)
    assert batch["redrawn"].shape == (1, 8, 2, 2, 2)
    assert torch.equal(batch["redrawn"], frozen.batch(3)["redrawn"])
    clip = batch["video"][:1]
    matches = [
        torch.equal(scene_video(sample_scene(n, level=1), size_px=32, frames=range(5))[:, :, y : y + 16, x : x + 16], c)
        for n in range(6)
        for c in clip
        for y in (0, 8, 16)
        for x in (0, 8, 16)
    ]
    assert any(matches)  # from its first frame, where a latent begins
    generator = torch.Generator()
    with torch.no_grad():
        encoded = frozen.model.encode(batch["video"][:1])
    plain = frozen.loss({"video": batch["video"]}, generator)["loss"]
    torch.testing.assert_close(frozen.loss(batch | {"redrawn": encoded}, generator)["loss"], plain)
    assert frozen.loss(batch, generator)["loss"] > plain


def test_validation_says_how_redrawn_clips_come_out(tmp_path: Path, redrawn: Path) -> None:
    with torch.no_grad():
        figures = _frozen(tmp_path, redrawn).validate(tmp_path / "validation", 1)
    assert figures["redrawn_psnr_db"] < 30
    assert figures["redrawn_motion"] > 0


def test_redrawn_clips_need_a_frozen_encoder_of_their_own(tmp_path: Path, redrawn: Path) -> None:
    with pytest.raises(InputError, match="without frozen_encoder"):
        VideoAutoencoder(_config(tmp_path, redrawn=redrawn))
    other = _frozen(tmp_path, redrawn)
    other.model.latent_mean += 1
    with pytest.raises(InputError, match="another codec"):
        other.batch(0)


def test_an_unknown_option_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training_strategy: crop: unknown key; did you mean 'crop_px'"):
        VideoAutoencoder(_config(tmp_path, crop=3))
