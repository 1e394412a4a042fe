"""Text to video: batches, times and losses are what the recipe says; training resumes exactly."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from aiprod_core.errors import InputError
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.nac import NAC
from aiprod_core.types import LatentState
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.data.latents import LatentsDescription, make_latents
from aiprod_trainer.strategies import build
from aiprod_trainer.strategies.text_to_video import TextToVideo
from aiprod_trainer.trainer import Trainer, read_checkpoint
from aiprod_trainer.worlds.captions import known_words

pytestmark = pytest.mark.usefixtures("tiny")

CLIPS, HELD_BACK = 10, 2


@pytest.fixture(scope="module", name="latents")
def _latents(tmp_path_factory: pytest.TempPathFactory, video_codec: HWVAE, audio_codec: NAC) -> Path:
    folder = tmp_path_factory.mktemp("latents")
    about = LatentsDescription(level=1, frames=5, size_px=32, shard=5, video_codec="tiny", audio_codec="tiny")
    make_latents(folder, CLIPS, about, video_codec, audio_codec, lambda done: None)
    return folder


def _config(folder: Path, latents: Path, *, optimizer: str = "muon", **options: Any) -> TrainConfig:
    return TrainConfig(
        training_strategy={"name": "text_to_video", "latents": latents, "held_back": HELD_BACK} | options,
        optimization={  # type: ignore[arg-type]
            "steps": 4, "batch_size": 3, "learning_rate": 1e-3, "warmup_steps": 1, "optimizer_type": optimizer,
        },
        data={"num_dataloader_workers": 0},  # type: ignore[arg-type]
        tracking={"tensorboard": False},  # type: ignore[arg-type]
        output_dir=folder,
    )  # fmt: skip


@pytest.fixture(name="strategy")
def _strategy(tmp_path: Path, latents: Path) -> TextToVideo:
    torch.manual_seed(0)
    return TextToVideo(_config(tmp_path, latents))


def _awake(strategy: TextToVideo) -> TextToVideo:
    """With last layers that are not zero, so that every input can be seen in the output."""
    for readout in (strategy.shdt.video_out, strategy.shdt.audio_out):
        torch.nn.init.normal_(readout.out.weight, std=0.2, generator=torch.Generator().manual_seed(0))
    return strategy


def test_an_epoch_visits_every_clip_once_and_none_held_back(strategy: TextToVideo) -> None:
    trained_on = CLIPS - HELD_BACK
    assert strategy.trained_on == trained_on
    rows = torch.cat([strategy.batch(step)["video"] for step in range(8)])  # three epochs of eight
    visited = [next(row for row in range(CLIPS) if torch.equal(clip, strategy.latents.video[row])) for clip in rows]
    epochs = [visited[i : i + trained_on] for i in range(0, 24, trained_on)]
    assert all(sorted(epoch) == list(range(trained_on)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_a_batch_is_a_function_of_its_step_and_words_change_between_visits(strategy: TextToVideo) -> None:
    batch = strategy.batch(5)
    assert {name: tensor.shape[0] for name, tensor in batch.items()} == dict.fromkeys(batch, 3)
    assert batch.keys() == {"ids", "mask", "video", "subject", "audio"}
    again = strategy.batch(5)
    assert all(torch.equal(batch[name], again[name]) for name in batch)
    scene = strategy._scene(0)
    captions = [strategy._words(scene, place) for place in range(400)]
    assert 0.05 < captions.count("") / 400 < 0.16  # dropped for guidance
    assert len(set(captions)) > 20


def test_the_loss_draws_from_its_generator_alone_and_weighs_sound(strategy: TextToVideo) -> None:
    _awake(strategy)
    batch = strategy.batch(0)
    losses = [strategy.loss(batch, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert losses[0]["loss"] == losses[1]["loss"] != losses[2]["loss"]
    for loss in losses:
        torch.testing.assert_close(loss["loss"], loss["video"] + 0.5 * loss["audio"])


def test_a_model_that_predicts_nothing_loses_the_power_of_the_velocity(strategy: TextToVideo) -> None:
    batch = strategy.batch(0) | {"subject": torch.zeros(3, 2, 4, 4, dtype=torch.uint8)}
    t = torch.full((3,), 0.5)
    losses = strategy._losses(batch, t[:, None].repeat(1, 2), t[:, None], torch.Generator().manual_seed(0))
    noise = torch.randn(batch["video"].shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(losses["video"], (noise - batch["video"].float()).square().mean())


def test_a_given_first_frame_is_clean_and_not_counted(strategy: TextToVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[LatentState] = []
    strategy.shdt.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    batch = strategy.batch(0)
    t_video = torch.tensor([[0.0, 0.7]]).repeat(3, 1)
    one = strategy._losses(batch, t_video, torch.full((3, 1), 0.7), torch.Generator().manual_seed(0))
    assert seen[0].video is not None
    assert torch.equal(seen[0].video[:, :, 0], batch["video"].float()[:, :, 0])
    assert not torch.allclose(seen[0].video[:, :, 1], batch["video"].float()[:, :, 1], atol=0.1)
    changed = batch | {"video": batch["video"].clone()}
    changed["video"][:, :, 0] += 1
    other = strategy._losses(changed, t_video, torch.full((3, 1), 0.7), torch.Generator().manual_seed(0))
    torch.testing.assert_close(one["video"], other["video"])  # an untrained model predicts nothing, whatever it sees


def test_given_sound_is_clean_and_not_counted(strategy: TextToVideo) -> None:
    seen: list[LatentState] = []
    strategy.shdt.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    batch = strategy.batch(0)
    t_audio = torch.full((3, batch["audio"].shape[-1]), 0.7)
    t_audio[:, 4:] = 0.0
    losses = strategy._losses(batch, torch.full((3, 2), 0.7), t_audio, torch.Generator().manual_seed(0))
    assert seen[0].audio is not None
    assert torch.equal(seen[0].audio[..., 4:], batch["audio"].float()[..., 4:])
    assert not torch.allclose(seen[0].audio[..., :4], batch["audio"].float()[..., :4], atol=0.1)
    generator = torch.Generator().manual_seed(0)
    torch.randn(batch["video"].shape, generator=generator)
    hiss = torch.randn(batch["audio"].shape, generator=generator)
    counted = (hiss - batch["audio"].float())[..., :4]  # an untrained model predicts nothing
    torch.testing.assert_close(losses["audio"], counted.square().mean())


def test_errors_on_the_hero_weigh_more(strategy: TextToVideo) -> None:
    batch, t = strategy.batch(0), torch.full((3,), 0.5)

    def loss(subject: Tensor) -> float:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(batch["video"].shape, generator=torch.Generator().manual_seed(0)).half()
        quiet = batch["video"].clone()
        quiet[..., 2:] = noise[..., 2:]  # there the velocity is zero: no error on the right half
        given = batch | {"video": quiet, "subject": subject}
        return strategy._losses(given, t[:, None].repeat(1, 2), t[:, None], generator)["video"].item()

    nowhere = torch.zeros(3, 2, 4, 4, dtype=torch.uint8)
    left, right = nowhere.clone(), nowhere.clone()
    left[..., :2], right[..., 2:] = 255, 255
    assert loss(left) == pytest.approx(loss(nowhere) * 4 / 2.5, rel=0.01)  # weights 4 and 1, mean 2.5
    assert loss(right) == pytest.approx(loss(nowhere) / 2.5, rel=0.01)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_training_resumes_exactly(tmp_path: Path, latents: Path, optimizer: str) -> None:
    def trained(folder: Path, minutes: float | None = None) -> Trainer:
        torch.manual_seed(0)
        config = _config(folder, latents, optimizer=optimizer)
        trainer = Trainer(config, build(config))
        trainer.run(max_minutes=minutes, report=lambda line: None)
        return trainer

    whole = trained(tmp_path / "whole")
    assert trained(tmp_path / "parts", minutes=0).step == 1
    assert trained(tmp_path / "parts", minutes=0).step == 2
    parts = trained(tmp_path / "parts")
    one, other = (read_checkpoint(t.folder / "checkpoints" / "step-00000004.pt") for t in (whole, parts))
    for part in ("model", "average"):
        assert all(torch.equal(one[part][name], other[part][name]) for name in one[part])
    start = TextToVideo(_config(tmp_path, latents)).model.state_dict()
    moved = [name for name in start if not torch.equal(start[name], one["model"][name])]
    assert len(moved) > 0.5 * len(start)


def test_validation_is_the_same_figure_each_time_on_clips_held_back(strategy: TextToVideo, tmp_path: Path) -> None:
    with torch.no_grad():
        figures, again = (_awake(strategy).validate(tmp_path, step) for step in (1, 2))
    assert figures == again
    assert figures["loss"] == pytest.approx(figures["video"] + 0.5 * figures["audio"], rel=1e-5)


def test_what_ships_beside_the_weights(strategy: TextToVideo) -> None:
    assert strategy.parts.keys() == {"shdt", "text_encoder"}
    assert strategy.files["tokenizer.json"] == strategy.tokenizer.json
    assert set(strategy.files["words.json"].strip('[]"').split('", "')) == known_words(1)


def test_missing_latents_say_how_to_make_them_when_a_run_begins(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make them with 'aiprod data latents'"):
        TextToVideo(_config(tmp_path, tmp_path / "absent")).begin()
