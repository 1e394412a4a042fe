"""The student starts as its teacher, a perfect one loses nothing, and one file serves several numbers of steps."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from tiny_family import write_tiny_family

from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels, load_model
from aiprod_core.models.shdt import SHDT
from aiprod_core.quantize import WeightFormat, quantize
from aiprod_core.types import LatentState
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.data.trajectories import TrajectoriesDescription, make_trajectories, teacher_digest
from aiprod_trainer.release import export_run
from aiprod_trainer.strategies import few_steps
from aiprod_trainer.strategies.few_steps import FewSteps
from aiprod_trainer.trainer import Trainer, read_checkpoint, warm_start


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released family, and the way it walks."""
    folder = tmp_path_factory.mktemp("distilling")
    write_tiny_family(folder / "teacher")
    teacher = SovereignModels.load(folder / "teacher")
    digest = teacher_digest(teacher)
    about = TrajectoriesDescription(teacher=digest, guidance_scale=1.0, frames=5, size_px=32, shard=4)
    make_trajectories(folder / "runs", range(8), about, teacher, lambda done: None)
    return folder


@pytest.fixture(name="strategy")
def _strategy(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FewSteps:
    teacher = SovereignModels.load(folder / "teacher")
    monkeypatch.setitem(few_steps.PRESETS, "nano", teacher.shdt.config)
    torch.manual_seed(0)
    strategy = FewSteps(_config(folder, tmp_path))
    strategy.begin()
    return strategy


def _config(folder: Path, output: Path, **optimization: object) -> TrainConfig:
    return TrainConfig(
        training_strategy={
            "name": "few_steps",
            "trajectories": folder / "runs",
            "teacher": folder / "teacher",
            "held_back": 2,
            "samples": 1,
        },
        optimization={"steps": 2, "batch_size": 4, "learning_rate": 1e-3} | optimization,  # type: ignore[arg-type]
        data={"num_dataloader_workers": 0},  # type: ignore[arg-type]
        validation={"interval": None},  # type: ignore[arg-type]
        tracking={"tensorboard": False},  # type: ignore[arg-type]
        output_dir=output / "run",
    )


def _check_it_is_its_teacher(strategy: FewSteps) -> None:
    batch, t = strategy.batch(0), torch.full((4, 1), 0.6)
    state = LatentState(batch["video"], batch["audio"])
    text = strategy._read(batch)
    found = [
        model(state, text, t, t, 10.0, until=(until, until))
        for model in (strategy.shdt, strategy.teacher.shdt)
        for until in (t, torch.zeros(4, 1))
    ]
    assert all(torch.allclose(flow.video, found[0].video, atol=1e-5) for flow in found[1:])


def test_the_student_starts_as_its_teacher_whatever_the_span(strategy: FewSteps) -> None:
    _check_it_is_its_teacher(strategy)


def test_a_teacher_in_eight_bits_is_what_the_student_starts_as(strategy: FewSteps) -> None:
    quantize(strategy.teacher.shdt, WeightFormat.INT8)
    strategy.begin()
    _check_it_is_its_teacher(strategy)


def test_jumps_start_where_a_sampler_of_so_many_steps_stands(strategy: FewSteps) -> None:
    pairs = {
        (round(t.item(), 4), round(until.item(), 4))
        for step in range(50)
        for t, until in zip(*(strategy.batch(step)[name] for name in ("t", "until")), strict=True)
    }
    grids = [few_steps.FlowSchedule(steps).times().tolist() for steps in (2, 4, 8)]
    assert pairs == {(round(a, 4), round(b, 4)) for grid in grids for a, b in pairwise(grid)}


def test_the_teachers_own_mean_velocity_is_no_error(strategy: FewSteps, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = strategy.batch(0)
    span = (batch["t"] - batch["until"]).view(-1, 1, 1)
    perfect = LatentState(
        (batch["video"] - batch["video_until"]) / span[..., None, None], (batch["audio"] - batch["audio_until"]) / span
    )
    generator = torch.Generator()
    assert strategy.loss(batch, generator)["loss"] > 1e-3
    monkeypatch.setattr(strategy.shdt, "forward", lambda *args, **options: perfect)
    assert strategy.loss(batch, generator)["loss"] < 1e-10


def test_training_learns_resumes_and_ships_the_student_alone(strategy: FewSteps, folder: Path, tmp_path: Path) -> None:
    config = _config(folder, tmp_path, steps=12, warmup_steps=1)
    batch, before = strategy.batch(0), strategy.loss(strategy.batch(0), torch.Generator())["loss"]
    Trainer(config, strategy).run(max_minutes=0, report=lambda line: None)
    again = FewSteps(config)
    Trainer(config, again).run(report=lambda line: None)
    state = read_checkpoint(tmp_path / "run" / "checkpoints" / "step-00000012.pt")["model"]
    assert state["span.out.weight"].any()  # it began at zero
    assert again.parts.keys() == {"shdt_distilled"}
    assert again.loss(batch, torch.Generator())["loss"] < before
    (shipped,) = export_run(tmp_path / "run", tmp_path / "weights", WeightFormat.INT8)
    student = load_model(SHDT, shipped)
    assert student.config.spans
    assert student.layers[0].video.widen.weight.dtype == torch.int8
    warm_start(again, tmp_path / "weights")
    assert again.loss(batch, torch.Generator())["loss"] < before


def test_validation_compares_where_both_arrive(strategy: FewSteps, tmp_path: Path) -> None:
    with torch.no_grad():
        figures = strategy.validate(tmp_path / "sheets", 1)
    assert 0 < figures["distance_8"] < figures["distance_4"]  # it is its teacher still, in fewer steps
    assert figures["motion_4"] > 0
    assert (tmp_path / "sheets" / "step-00000001.png").exists()


def test_runs_of_another_teacher_are_refused(folder: Path, tmp_path: Path, strategy: FewSteps) -> None:
    write_tiny_family(tmp_path / "other")
    with torch.no_grad():
        strategy.teacher.shdt.pool.bias.add_(1.0)
    del strategy.__dict__["trajectories"]
    with pytest.raises(InputError, match="another teacher"):
        strategy.begin()
