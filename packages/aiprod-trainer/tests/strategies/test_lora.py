"""A LoRA is trained alone, looks at its reference if it has one, and ships as a file that pipelines read."""

from pathlib import Path

import pytest
import torch
from tiny_family import write_tiny_family

from aiprod_core.errors import InputError
from aiprod_core.family import VIDEO_FILE, SovereignModels, load_model
from aiprod_core.lora import read_lora
from aiprod_core.models.hwvae import HWVAE
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.data.latents import LatentsDescription, View, make_latents
from aiprod_trainer.release import export_run
from aiprod_trainer.strategies.lora import LoraTraining
from aiprod_trainer.trainer import Trainer


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lora")
    write_tiny_family(folder / "base")
    codec = load_model(HWVAE, folder / "base" / VIDEO_FILE)
    views: dict[str, tuple[View, int]] = {"clips": ("clips", 32), "edges": ("edges", 32), "large": ("edges", 64)}
    for name, (view, size_px) in views.items():
        about = LatentsDescription(
            level=1, frames=5, size_px=size_px, shard=4, video_codec="tiny", audio_codec=None, view=view
        )
        make_latents(folder / name, 8, about, codec, None, lambda done: None)
    return folder


def _config(folder: Path, output: Path, **options: object) -> TrainConfig:
    return TrainConfig(
        training_strategy={
            "name": "lora",
            "base": folder / "base",
            "latents": folder / "clips",
            "rank": 4,
            "held_back": 2,
        }
        | options,
        optimization={"steps": 8, "batch_size": 4, "learning_rate": 1e-2, "warmup_steps": 1},  # type: ignore[arg-type]
        data={"num_dataloader_workers": 0},  # type: ignore[arg-type]
        validation={"interval": None},  # type: ignore[arg-type]
        tracking={"tensorboard": False},  # type: ignore[arg-type]
        output_dir=output / "run",
    )


def test_only_the_lora_is_trained_and_its_file_fits_the_base(folder: Path, tmp_path: Path) -> None:
    strategy = LoraTraining(_config(folder, tmp_path))
    before = {name: tensor.clone() for name, tensor in strategy.base.shdt.state_dict().items()}
    Trainer(strategy.config, strategy).run(report=lambda line: None)
    assert all(torch.equal(before[name], tensor) for name, tensor in strategy.base.shdt.state_dict().items())
    (path,) = export_run(tmp_path / "run", tmp_path / "weights")
    lora = read_lora(path, SovereignModels.load(folder / "base").shdt)
    assert lora.reference is None
    assert any(layer.up.any() for layer in lora.layers.values())


def test_an_in_context_lora_sees_its_reference_and_says_what_it_is(folder: Path, tmp_path: Path) -> None:
    strategy = LoraTraining(_config(folder, tmp_path, references=folder / "edges", part="ic_lora_relight"))
    strategy.begin()
    assert strategy.model.config.reference == "edges"
    with torch.no_grad():
        figures = strategy.validate(tmp_path, 0)
    assert figures["loss"] != figures["loss_other_reference"]
    Trainer(strategy.config, strategy).run(report=lambda line: None)
    (path,) = export_run(tmp_path / "run", tmp_path / "weights")
    assert path.name == "ic_lora_relight.safetensors"
    assert read_lora(path, strategy.base.shdt).reference == "edges"


def test_references_of_other_clips_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="references: got"):
        LoraTraining(_config(folder, tmp_path, references=folder / "large")).begin()
