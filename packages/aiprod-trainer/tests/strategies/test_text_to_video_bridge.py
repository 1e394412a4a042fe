"""Text to video over a language model: the bridge and the LoRA learn, the language model does not, and they ship."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_family import write_tiny_family
from tiny_language_model import write_language_model
from torch import Tensor

from aiprod_core.errors import InputError, WeightsError
from aiprod_core.family import SovereignModels
from aiprod_core.language_model import BridgedEncoder, folder_digest
from aiprod_core.models.hwvae import HWVAE
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.data.latents import LatentsDescription, make_latents
from aiprod_trainer.release import export_run
from aiprod_trainer.strategies import build
from aiprod_trainer.strategies.text_to_video import TextToVideo
from aiprod_trainer.trainer import Trainer, last_checkpoint, read_checkpoint

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture(scope="module", name="latents")
def _latents(tmp_path_factory: pytest.TempPathFactory, video_codec: HWVAE) -> Path:
    folder = tmp_path_factory.mktemp("latents")
    about = LatentsDescription(level=1, frames=1, size_px=32, shard=4, video_codec="tiny", audio_codec=None)
    make_latents(folder, 4, about, video_codec, None, lambda done: None)
    return folder


@pytest.fixture(scope="module", name="language")
def _language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language") / "tiny-gemma"
    write_language_model(folder)
    return folder


def _config(folder: Path, latents: Path, language: Path) -> TrainConfig:
    own = {"language_model": str(language), "language_model_rank": 2}
    return TrainConfig(
        training_strategy={"name": "text_to_video", "latents": str(latents), "held_back": 1} | own,
        optimization={"steps": 4, "batch_size": 2, "learning_rate": 1e-2, "warmup_steps": 1},  # type: ignore[arg-type]
        data={"num_dataloader_workers": 0},  # type: ignore[arg-type]
        tracking={"tensorboard": False},  # type: ignore[arg-type]
        output_dir=folder,
    )


def _trained(config: TrainConfig, *, until: int = 4) -> tuple[TextToVideo, dict[str, Tensor]]:
    """The strategy after a run to step `until`, and the state it has then, of the language model too."""
    torch.manual_seed(0)
    strategy = build(config)
    assert isinstance(strategy, TextToVideo)
    trainer = Trainer(config, strategy)
    whole_step = trainer._step

    def step(batches: list[Any]) -> dict[str, Tensor]:
        losses = whole_step(batches)
        trainer.stopping = trainer.step == until
        return losses

    trainer._step = step  # type: ignore[method-assign]
    trainer.run(report=lambda line: None)
    return strategy, _state(strategy)


def _state(strategy: TextToVideo) -> dict[str, Tensor]:
    encoder = strategy.text_encoder
    assert isinstance(encoder, BridgedEncoder)
    tensors = {f"trained {name}": tensor for name, tensor in strategy.model.state_dict().items()}
    tensors |= {f"frozen {name}": tensor for name, tensor in encoder.language.model.state_dict().items()}
    return {name: tensor.clone() for name, tensor in tensors.items()}


def test_a_run_resumes_exactly_and_moves_all_but_the_language_model(
    tmp_path: Path, latents: Path, language: Path
) -> None:
    before = folder_digest(language)
    torch.manual_seed(0)
    fresh = build(_config(tmp_path / "fresh", latents, language))
    assert isinstance(fresh, TextToVideo)
    start = _state(fresh)
    _, whole = _trained(_config(tmp_path / "whole", latents, language))
    _trained(_config(tmp_path / "halves", latents, language), until=2)
    _, halves = _trained(_config(tmp_path / "halves", latents, language))
    assert all(torch.equal(whole[name], halves[name]) for name in whole)
    moved = {name for name in whole if not torch.equal(whole[name], start[name])}
    text = {name for name in whole if name.startswith("trained text_encoder")}
    assert text - moved == {"trained text_encoder.trained_on"}
    assert not any(name.startswith("frozen") for name in moved)
    assert any("lora.language_model.layers.0.self_attn.q_proj" in name for name in moved)
    path = last_checkpoint(tmp_path / "whole")
    assert path is not None
    held = read_checkpoint(path)["model"]
    assert {f"trained {name}" for name in held} == {name for name in whole if name.startswith("trained")}
    assert folder_digest(language) == before


def test_a_run_is_exported_and_reads_as_it_did(tmp_path: Path, latents: Path, language: Path) -> None:
    strategy, _ = _trained(_config(tmp_path / "run", latents, language))
    write_tiny_family(tmp_path / "family")
    (tmp_path / "family" / "tokenizer.json").unlink()
    written = export_run(tmp_path / "run", tmp_path / "family")
    assert [path.name for path in written] == ["shdt.safetensors", "text_encoder.safetensors", "words.json"]
    assert (tmp_path / "family" / "text_encoder.safetensors").stat().st_size < 100_000  # nothing of the language model
    models = SovereignModels.load(tmp_path / "family", language_model=language)
    averaged = read_checkpoint(tmp_path / "run" / "checkpoints" / "step-00000004.pt")["average"]
    strategy.model.load_state_dict(averaged, strict=False)
    given = strategy.tokenizer(["a red cat walks on a beach."])
    torch.testing.assert_close(
        models.text_encoder(*given), strategy.text_encoder(*given).detach(), rtol=0.05, atol=0.05
    )  # bf16 in between
    assert torch.equal(models.tokenizer(["a red cat walks on a beach."])[0], given[0])


def test_a_lora_on_no_language_model_is_refused(tmp_path: Path, latents: Path, language: Path) -> None:
    config = _config(tmp_path, latents, language)
    del config.training_strategy["language_model"]
    with pytest.raises(InputError, match="language_model_rank: got 2 and no language_model"):
        build(config)


def test_a_run_does_not_go_on_with_another_language_model(tmp_path: Path, latents: Path, language: Path) -> None:
    mine = tmp_path / "tiny-gemma"
    shutil.copytree(language, mine)
    _trained(_config(tmp_path / "run", latents, mine), until=1)
    shutil.rmtree(mine)
    write_language_model(mine, seed=1)
    with pytest.raises(WeightsError, match="expected the one that these weights were trained on"):
        _trained(_config(tmp_path / "run", latents, mine))
