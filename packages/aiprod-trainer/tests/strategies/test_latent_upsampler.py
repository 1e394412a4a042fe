"""The upsampler's training starts at a linear map, learns, and takes only pairs that belong together."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.errors import InputError
from aiprod_core.models import upsampler
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.upsampler import interpolated
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.data.latents import LatentsDescription, make_latents
from aiprod_trainer.strategies import latent_upsampler
from aiprod_trainer.strategies.latent_upsampler import LatentUpsampling
from aiprod_trainer.trainer import Trainer


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, video_codec: HWVAE, monkeypatch: pytest.MonkeyPatch) -> Path:
    of = video_codec.config
    depths = (*of.decoder_depths[::-1], 1)
    tiny = upsampler.UpsamplerConfig(
        channels=of.latent_channels, widths=of.widths[::-1], depths=depths, kernel=of.kernel
    )
    monkeypatch.setitem(latent_upsampler.PRESETS, "nano", tiny)
    lineage = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)
    save_checkpoint(tmp_path / "codec.safetensors", "hwvae", video_codec.config, video_codec.state_dict(), lineage)
    for name, size_px, frames in (("small", 32, 9), ("large", 64, 5), ("larger", 96, 5)):
        about = LatentsDescription(
            level=1, frames=frames, size_px=size_px, shard=4, video_codec="tiny", audio_codec=None
        )
        make_latents(tmp_path / name, 4, about, video_codec, None, lambda done: None)
    return tmp_path


def _config(folder: Path, large: str = "large") -> TrainConfig:
    return TrainConfig(
        training_strategy={
            "name": "latent_upsampler",
            "small": folder / "small",
            "large": folder / large,
            "codec": folder / "codec.safetensors",
            "validated_on": 1,
        },
        optimization={"steps": 30, "batch_size": 4, "learning_rate": 1e-3, "warmup_steps": 1},  # type: ignore[arg-type]
        data={"num_dataloader_workers": 0},  # type: ignore[arg-type]
        validation={"interval": None},  # type: ignore[arg-type]
        tracking={"tensorboard": False},  # type: ignore[arg-type]
        output_dir=folder / "run",
    )


def test_it_starts_better_than_interpolation_and_gets_better(folder: Path) -> None:
    strategy = LatentUpsampling(_config(folder))
    strategy.begin()
    batch, generator = strategy.batch(0), torch.Generator()
    assert batch["large"].shape[2:] == (batch["small"].shape[2], 8, 8)  # the longer clips are cut
    begun = {name: value.item() for name, value in strategy.loss(batch, generator).items()}
    assert begun["latents"] < F.mse_loss(interpolated(batch["small"]), batch["large"]).item()
    Trainer(strategy.config, strategy).run(report=lambda line: None)
    assert strategy.loss(batch, generator)["loss"].item() < begun["loss"]


def test_validation_sets_it_beside_both_interpolations(folder: Path) -> None:
    strategy = LatentUpsampling(_config(folder))
    strategy.begin()
    with torch.no_grad():
        figures = strategy.validate(folder / "sheets", 1)
    assert figures.keys() == {"learned_db", "bicubic_latent_db", "bicubic_pixel_db"}
    assert len(set(figures.values())) == 3
    assert (folder / "sheets" / "step-00000001.png").exists()


def test_sets_that_are_not_of_twice_the_size_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="96 px, expected the same at twice the size"):
        LatentUpsampling(_config(folder, "larger")).begin()
