"""The loop: exact resume, signals, schedule, averages, checkpoints, on a strategy small enough to watch."""

import json
import math
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.errors import WeightsError
from aiprod_trainer.config import OptimizationSection, TrainConfig
from aiprod_trainer.muon import Muon
from aiprod_trainer.trainer import (
    Batch,
    Trainer,
    last_checkpoint,
    learning_rate,
    make_optimizers,
    read_checkpoint,
    warm_start,
)

STEPS = 8


class Curve(nn.Module):
    """y = a curve of x, with a buffer that counts the batches seen."""

    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(1, 16)
        self.mix = nn.Linear(16, 16, bias=False)
        self.out = nn.Linear(16, 1)
        self.out.readout = True  # type: ignore[assignment]
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(torch.tanh(self.mix(torch.tanh(self.widen(x)))))
        return y


class CurveStrategy:
    """Fits a sine through noise. `at_step` is called in the loop, with the step being done."""

    def __init__(self, at_step: Callable[[int], None] = lambda step: None) -> None:
        torch.manual_seed(0)
        self.model = Curve()
        self.at_step = at_step
        self.begun = False
        self.validated_with: list[Tensor] = []

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"curve": self.model}

    @property
    def files(self) -> dict[str, str]:
        return {}

    def begin(self) -> None:
        self.begun = True
        nn.init.constant_(self.model.out.bias, 0.25)

    def batch(self, step: int) -> Batch:
        x = 6 * torch.rand(32, 1, generator=torch.Generator().manual_seed(step)) - 3
        return {"x": x, "step": torch.tensor(step)}

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        self.at_step(int(batch["step"]))
        self.model.seen += 1
        noise = 0.1 * torch.randn(batch["x"].shape, generator=generator)
        error = self.model(batch["x"]) - batch["x"].sin() - noise
        return {"loss": error.square().mean(), "largest": error.abs().max()}

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        self.validated_with.append(self.model.mix.weight.detach().clone())
        assert not self.model.training
        x = torch.linspace(-3, 3, 50)[:, None]
        return {"error": (self.model(x) - x.sin()).square().mean().item()}


def _config(folder: Path, **changes: Any) -> TrainConfig:
    content: dict[str, Any] = {
        "training_strategy": {"name": "curve"},
        "optimization": {"steps": STEPS, "batch_size": 32, "learning_rate": 0.02, "warmup_steps": 2},
        "data": {"num_dataloader_workers": 0},
        "validation": {"interval": None},
        "tracking": {"interval": 2, "tensorboard": False},
        "output_dir": folder,
    }
    for dotted, value in changes.items():
        section, key = dotted.split("__")
        content[section] = content.get(section, {}) | {key: value}
    return TrainConfig(**content)


def _silent(line: str) -> None: ...


def _trained(config: TrainConfig, strategy: CurveStrategy | None = None) -> Trainer:
    trainer = Trainer(config, strategy or CurveStrategy())
    trainer.run(report=_silent)
    return trainer


def test_attention_is_computed_by_the_kernel_that_is_asked_for(tmp_path: Path) -> None:
    able: list[bool] = []
    strategy = CurveStrategy(lambda step: able.append(torch.backends.cuda.flash_sdp_enabled()))
    _trained(_config(tmp_path, acceleration__attention="math"), strategy)
    assert not any(able)
    assert torch.backends.cuda.flash_sdp_enabled(), "outside of steps, all is as it was"


def _stop(at: int) -> CurveStrategy:
    """A strategy during whose step `at` the process is asked to end."""
    return CurveStrategy(lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == at else None)


def _state(trainer: Trainer) -> dict[str, Any]:
    return read_checkpoint(trainer.folder / "checkpoints" / f"step-{trainer.step:08d}.pt")


def assert_same(one: Any, other: Any) -> None:
    """Bit for bit, through any nesting."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_that_was_stopped_half_way_ends_bit_for_bit_the_same(
    tmp_path: Path, optimizer: str, accumulate: int
) -> None:
    changes = {"optimization__optimizer_type": optimizer, "optimization__gradient_accumulation_steps": accumulate}
    whole = _trained(_config(tmp_path / "whole", **changes))
    first = _trained(_config(tmp_path / "halves", **changes), _stop(at=accumulate * STEPS // 2 - 1))
    assert first.step == STEPS // 2
    torch.manual_seed(99)  # nothing may depend on the global state
    second = _trained(_config(tmp_path / "halves", **changes))
    assert not second.strategy.begun  # type: ignore[attr-defined]
    one, other = _state(whole), _state(second)
    assert one["step"] == other["step"] == STEPS
    assert one["model"]["seen"] == accumulate * STEPS
    for part in ("model", "average", "optimizers"):
        assert_same(one[part], other[part])


def test_batches_made_ahead_in_a_worker_are_the_same(tmp_path: Path) -> None:
    here = _trained(_config(tmp_path / "here"))
    ahead = _trained(_config(tmp_path / "ahead", data__num_dataloader_workers=1))
    assert_same(_state(here)["model"], _state(ahead)["model"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_with_a_checkpoint_and_handlers_are_put_back(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stop = CurveStrategy(lambda step: os.kill(os.getpid(), number) if step == 2 else None)
    trainer = _trained(_config(tmp_path, checkpoints__interval=1000), stop)
    assert trainer.step == 3
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoints" / "step-00000003.pt"
    assert not stop.validated_with  # asked to end, it ends
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_reaches_the_workers_too_and_loses_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    def to_all(step: int) -> None:
        if step == 3:
            for worker in multiprocessing.active_children():
                assert worker.pid is not None
                os.kill(worker.pid, number)
            os.kill(os.getpid(), number)

    config = _config(tmp_path, data__num_dataloader_workers=1)
    assert _trained(config, CurveStrategy(to_all)).step == 4
    assert _trained(config).step == STEPS


def test_time_runs_out_with_a_checkpoint_and_the_run_goes_on(tmp_path: Path) -> None:
    trainer = Trainer(_config(tmp_path), CurveStrategy())
    trainer.run(max_minutes=0, report=_silent)
    assert trainer.step == 1
    lines: list[str] = []
    again = Trainer(_config(tmp_path), CurveStrategy())
    again.run(report=lines.append)
    assert again.step == STEPS
    assert lines[0].startswith("resumed at step 1 (")
    assert again.trained_s > trainer.trained_s > 0


def test_a_finished_run_has_nothing_to_do(tmp_path: Path) -> None:
    path = last_checkpoint(_trained(_config(tmp_path)).folder)
    assert path is not None
    written = path.stat().st_mtime_ns
    assert _trained(_config(tmp_path)).step == STEPS
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("keep", [1, 3])
def test_only_the_last_checkpoints_are_kept(tmp_path: Path, keep: int) -> None:
    _trained(_config(tmp_path, checkpoints__interval=2, checkpoints__keep_last_n=keep))
    names = [f"step-{step:08d}.pt" for step in (2, 4, 6, 8)]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == names[-keep:]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = last_checkpoint(_trained(_config(tmp_path)).folder)
    assert path is not None
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    with pytest.raises(WeightsError, match=r"step-00000008\.pt: not a readable training checkpoint .*; delete it"):
        _trained(_config(tmp_path))


def test_figures_go_into_the_log(tmp_path: Path) -> None:
    _trained(_config(tmp_path, validation__interval=4))
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "train"] == [2, 4, 6, 8]
    assert [row["step"] for row in rows if row["kind"] == "validation"] == [4, 8]
    assert {"loss", "largest", "grad_norm", "trained_s"} <= rows[0].keys()


def test_tensorboard_gets_the_figures(tmp_path: Path) -> None:
    _trained(_config(tmp_path, tracking__tensorboard=True))
    files = list((tmp_path / "tensorboard").glob("events.*"))
    assert len(files) == 1
    assert b"train/loss" in files[0].read_bytes()


def test_training_learns_and_validates_with_the_average_alone(tmp_path: Path) -> None:
    config = _config(tmp_path, optimization__steps=150, validation__interval=150)
    strategy = CurveStrategy()
    trainer = _trained(config, strategy)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["kind"] == "validation"
    assert rows[-1]["error"] < 0.1 < rows[0]["loss"]
    assert torch.equal(strategy.validated_with[-1], trainer.average["mix.weight"])
    assert not torch.equal(strategy.model.mix.weight, trainer.average["mix.weight"])
    assert_same(dict(_state(trainer)["model"]), dict(strategy.model.state_dict()))
    assert strategy.model.training


def test_the_average_follows_the_weights_as_the_formula_says(tmp_path: Path) -> None:
    seen: list[Tensor] = []
    strategy = CurveStrategy(lambda step: seen.append(strategy.model.mix.weight.detach().clone()))
    trainer = _trained(_config(tmp_path, optimization__ema_decay=0.3), strategy)
    weights = [*seen, strategy.model.mix.weight.detach()]
    average = weights[0]
    for step, weight in enumerate(weights[1:], start=1):
        decay = min(0.3, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weight
    torch.testing.assert_close(trainer.average["mix.weight"], average)


def test_accumulated_gradients_are_those_of_the_whole_batch(tmp_path: Path) -> None:
    class Halves(CurveStrategy):
        def batch(self, step: int) -> Batch:
            return {"x": super().batch(0)["x"][16 * step : 16 * step + 16], "step": torch.tensor(step)}

        def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            return {"loss": (self.model(batch["x"]) - batch["x"].sin()).square().mean()}

    class Whole(Halves):
        def batch(self, step: int) -> Batch:
            return CurveStrategy.batch(self, 0)

    one_step = {"optimization__steps": 1, "optimization__learning_rate": 0.1}
    halves = _trained(_config(tmp_path / "halves", optimization__gradient_accumulation_steps=2, **one_step), Halves())
    whole = _trained(_config(tmp_path / "whole", **one_step), Whole())
    torch.testing.assert_close(halves.model.state_dict(), whole.model.state_dict(), atol=1e-4, rtol=1e-4)


def _optimization(**changes: Any) -> OptimizationSection:
    defaults = {"steps": 100, "batch_size": 1, "learning_rate": 0.5, "warmup_steps": 10, "decay_fraction": 0.2}
    return OptimizationSection(**defaults | changes)


def test_the_rate_rises_stays_and_falls_to_almost_nothing() -> None:
    rates = [learning_rate(step, _optimization()) for step in range(100)]
    assert rates[:10] == pytest.approx([0.05 * n for n in range(1, 11)])
    assert rates[10:80] == [0.5] * 70
    assert rates[80:] == pytest.approx([0.025 * n for n in range(20, 0, -1)])
    assert learning_rate(100, _optimization()) == 0


@pytest.mark.parametrize("changes", [{"warmup_steps": 0}, {"decay_fraction": 0.0}, {"decay_fraction": 1.0}])
def test_the_rate_is_sane_at_the_edges(changes: dict[str, Any]) -> None:
    rates = [learning_rate(step, _optimization(**changes)) for step in range(100)]
    assert all(0 < rate <= 0.5 and math.isfinite(rate) for rate in rates)
    assert max(rates) > 0.4


def test_muon_gets_hidden_matrices_and_adamw_everything_else() -> None:
    model = Curve()
    adamw, muon = make_optimizers(model, _optimization(optimizer_type="muon"))
    assert isinstance(muon, Muon)
    taken = [p for group in muon.param_groups for p in group["params"]]
    assert [id(p) for p in taken] == [id(model.widen.weight), id(model.mix.weight)]
    rest = {id(p): group["weight_decay"] for group in adamw.param_groups for p in group["params"]}
    assert rest == {id(model.out.weight): 0.01, id(model.widen.bias): 0.0, id(model.out.bias): 0.0}


def test_frozen_parameters_have_no_optimizer() -> None:
    model = Curve()
    model.mix.requires_grad_(False)
    for kind in ("adamw", "muon"):
        optimizers = make_optimizers(model, _optimization(optimizer_type=kind))
        held = {id(p) for o in optimizers for group in o.param_groups for p in group["params"]}
        assert held == {id(p) for p in model.parameters()} - {id(model.mix.weight)}


def test_a_new_run_starts_from_the_average_of_another_and_knows_its_past(tmp_path: Path) -> None:
    earlier = _trained(_config(tmp_path / "earlier"))
    folder = earlier.folder
    strategy = CurveStrategy()
    later = Trainer(_config(tmp_path / "later", model__init_from=folder), strategy)
    later.run(max_minutes=0, report=_silent)
    assert not strategy.begun
    history = _state(later)["history"]
    assert [run["steps"] for run in history] == [STEPS, 1]
    fresh = CurveStrategy()
    warm_start(fresh, folder)
    assert torch.equal(fresh.model.mix.weight, earlier.average["mix.weight"])
    assert fresh.model.seen == STEPS  # what is not averaged comes along
    resumed = _trained(_config(tmp_path / "later", model__init_from=folder))
    assert [run["steps"] for run in _state(resumed)["history"]] == [STEPS, STEPS]


def test_a_run_starts_from_released_weights(tmp_path: Path) -> None:
    released = Curve()
    lineage = Lineage(initialised_from="random", trained_on=("curves",), steps=70, core_hours=0.5)
    save_checkpoint(tmp_path / "curve.safetensors", "curve", lineage, released.state_dict(), lineage)
    strategy = CurveStrategy()
    nn.init.zeros_(strategy.model.mix.weight)
    assert warm_start(strategy, tmp_path) == [{"steps": 70, "core_s": 1800.0}]
    assert torch.equal(strategy.model.mix.weight, released.mix.weight)
    (tmp_path / "curve.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"curve\.safetensors is missing"):
        warm_start(strategy, tmp_path)
