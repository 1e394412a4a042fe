"""The student starts as its teacher, its target is the identity of mean velocities, and one file serves any steps."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.generation import AUDIO_FILE, TOKENIZER_FILE, VIDEO_FILE, WORDS_FILE
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.nac import NAC
from aiprod_core.types import LatentState
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.data.latents import LatentsDescription, make_latents
from aiprod_trainer.strategies.few_steps import FewSteps
from aiprod_trainer.strategies.text_to_video import TextToVideo
from aiprod_trainer.trainer import Trainer, read_checkpoint

pytestmark = pytest.mark.usefixtures("tiny")

LINEAGE = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)


def _config(folder: Path, name: str, **options: object) -> TrainConfig:
    return TrainConfig(
        training_strategy={"name": name, "latents": folder / "latents", "held_back": 2} | options,
        optimization={"steps": 2, "batch_size": 4, "learning_rate": 1e-3},  # type: ignore[arg-type]
        data={"num_dataloader_workers": 0},  # type: ignore[arg-type]
        validation={"interval": None},  # type: ignore[arg-type]
        tracking={"tensorboard": False},  # type: ignore[arg-type]
        output_dir=folder / "run",
    )


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, video_codec: HWVAE, audio_codec: NAC) -> Path:
    """Latents, and a released family whose transformer has learned something, if only noise."""
    about = LatentsDescription(level=1, frames=5, size_px=32, shard=5, video_codec="tiny", audio_codec="tiny")
    make_latents(tmp_path / "latents", 10, about, video_codec, audio_codec, lambda done: None)
    torch.manual_seed(0)
    teacher, family = TextToVideo(_config(tmp_path, "text_to_video")), tmp_path / "teacher"
    for readout in (teacher.shdt.video_out, teacher.shdt.audio_out):
        torch.nn.init.normal_(readout.out.weight, std=0.2)
    family.mkdir()
    parts = teacher.parts | {Path(VIDEO_FILE).stem: video_codec, Path(AUDIO_FILE).stem: audio_codec}
    for name, part in parts.items():
        save_checkpoint(family / f"{name}.safetensors", name, part.config, part.state_dict(), LINEAGE)
    for name, text in teacher.files.items():
        (family / name).write_text(text)
    assert {TOKENIZER_FILE, WORDS_FILE} <= teacher.files.keys()
    return tmp_path


@pytest.fixture(name="strategy")
def _strategy(folder: Path) -> FewSteps:
    strategy = FewSteps(_config(folder, "few_steps", teacher=str(folder / "teacher"), guidance_scale=1.0))
    strategy.begin()
    return strategy


def test_the_student_starts_as_its_teacher_whatever_the_span(strategy: FewSteps) -> None:
    batch, t = strategy.batch(0), torch.full((4, 1), 0.6)
    state = LatentState(batch["video"].float(), batch["audio"].float())
    features = strategy.text_encoder(batch["ids"], batch["mask"])
    found = [
        model(state, model.read(features, batch["mask"]), t, t, 10.0, until=(until, until))
        for model in (strategy.shdt, strategy.teacher.shdt)
        for until in (t, torch.zeros(4, 1))
    ]
    assert all(torch.allclose(flow.video, found[0].video, atol=1e-5) for flow in found[1:])


def test_without_a_span_the_teachers_own_velocity_is_no_error(strategy: FewSteps) -> None:
    batch = strategy.batch(0)
    noise = torch.randn(batch["video"].shape, generator=torch.Generator().manual_seed(0))
    noisy, t = LatentState(noise, None), torch.tensor([0.2, 0.5, 0.7, 0.9])
    features = strategy.text_encoder(batch["ids"], batch["mask"])
    wanted = strategy._guided(noisy, features, batch["mask"], t)
    text = strategy.shdt.read(features, batch["mask"])
    found = strategy.shdt(noisy, text, t[:, None], t[:, None], 10.0, until=(t[:, None], t[:, None]))
    torch.testing.assert_close(found.video, wanted.video, atol=1e-5, rtol=1e-4)


def test_guidance_is_fused_into_the_target(folder: Path) -> None:
    strategy = FewSteps(_config(folder, "few_steps", teacher=str(folder / "teacher"), guidance_scale=3.0))
    strategy.begin()
    batch, t = strategy.batch(0), torch.full((4,), 0.5)
    noisy, mask = LatentState(batch["video"].float(), None), batch["mask"]
    features = strategy.text_encoder(batch["ids"], mask)
    ids, no_mask = strategy.tokenizer(["", "", "", ""])
    teacher = strategy.teacher.shdt
    prompted, without = (
        teacher(noisy, teacher.read(f, m), t[:, None], t[:, None], 10.0).video
        for f, m in ((features, mask), (strategy.teacher.text_encoder(ids, no_mask), no_mask))
    )
    wanted = strategy._guided(noisy, features, mask, t).video
    torch.testing.assert_close(wanted, 3 * prompted - 2 * without, atol=1e-4, rtol=1e-4)


def test_the_slope_is_the_derivative_along_the_path(strategy: FewSteps) -> None:
    shdt = strategy.shdt.double()
    torch.nn.init.normal_(shdt.span.out.weight, std=0.1)  # type: ignore[union-attr]
    batch = strategy.batch(0)
    features = strategy.text_encoder(batch["ids"], batch["mask"]).double()
    text, video = shdt.read(features, batch["mask"]), batch["video"].double()
    velocity = torch.randn(video.shape, generator=torch.Generator().manual_seed(0)).double()
    t, until = (torch.full((4,), value, dtype=torch.float64) for value in (0.6, 0.1))

    def mean_velocity(x: Tensor, time: Tensor) -> Tensor:
        jump = (until[:, None], until[:, None])
        found: Tensor = shdt(LatentState(x, None), text, time[:, None], time[:, None], 10.0, until=jump).video
        return found

    step = 1e-5
    exact = (mean_velocity(video + step * velocity, t + step) - mean_velocity(video - step * velocity, t - step)) / (
        2 * step
    )
    strategy.options = strategy.options.model_copy(update={"difference": 1e-4})
    found = strategy._slope(LatentState(video, None), LatentState(velocity, None), text, t, until).video
    assert found is not None
    assert (found - exact).norm() / exact.norm() < 0.02


def test_training_moves_the_student_alone_and_resumes(strategy: FewSteps, folder: Path) -> None:
    before = {name: tensor.clone() for name, tensor in strategy.text_encoder.state_dict().items()}
    trainer = Trainer(strategy.config, strategy)
    trainer.run(max_minutes=0, report=lambda line: None)
    again = FewSteps(strategy.config)
    Trainer(strategy.config, again).run(report=lambda line: None)
    state = read_checkpoint(folder / "run" / "checkpoints" / "step-00000002.pt")["model"]
    assert all(torch.equal(state[f"text_encoder.{name}"], tensor) for name, tensor in before.items())
    assert state["shdt.span.out.weight"].any()  # it began at zero
    assert again.parts.keys() == {"shdt_distilled"}


def test_validation_compares_where_both_arrive(strategy: FewSteps, tmp_path: Path) -> None:
    with torch.no_grad():
        figures = strategy.validate(tmp_path / "sheets", 1)
    assert figures.keys() == {"distance", "motion"}
    assert 0 < figures["distance"] < 1  # the same model, in fewer steps
