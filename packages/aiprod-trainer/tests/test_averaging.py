"""Runs that began as one become one: the mean of their weights, exported and trained on as any run."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from aiprod_core.errors import InputError
from aiprod_trainer.averaging import average_runs
from aiprod_trainer.commands.train import app
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.strategies import build
from aiprod_trainer.trainer import Trainer, last_state

pytestmark = pytest.mark.usefixtures("tiny")


def _trained(folder: Path, *, steps: int, seed: int = 0) -> Path:
    options = {"size_px": 32, "crop_px": 16, "frames": 5, "fitted_on": 8, "validated_on": 1}
    config = TrainConfig(
        training_strategy={"name": "video_autoencoder"} | options,
        optimization={"steps": steps, "batch_size": 2, "learning_rate": 1e-3, "warmup_steps": 1},  # type: ignore[arg-type]
        data={"num_dataloader_workers": 0},  # type: ignore[arg-type]
        validation={"interval": 2},  # type: ignore[arg-type]
        tracking={"interval": 1, "tensorboard": False},  # type: ignore[arg-type]
        seed=seed,
        output_dir=folder,
    )
    torch.manual_seed(0)
    Trainer(config, build(config)).run(report=lambda line: None)
    return folder


@pytest.fixture(name="parted")
def _parted(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs that share two steps of four."""
    one = _trained(tmp_path / "one", steps=2)
    shutil.copytree(one, tmp_path / "other")
    return _trained(one, steps=4), _trained(tmp_path / "other", steps=4, seed=1)


def test_every_weight_is_the_mean_and_shared_time_counts_once(parted: tuple[Path, Path], tmp_path: Path) -> None:
    states: list[dict[str, Any]] = [last_state(run) for run in parted]
    for run in parted:  # which tell of seconds, and these runs took a tenth of one
        (run / "log.jsonl").write_text(f'{{"trained_s": 0.01}}\n{{"trained_s": 0.02, "run": "{run.name}"}}\n')
    path = average_runs(parted, tmp_path / "mean")
    assert path == tmp_path / "mean" / "checkpoints" / "step-00000004.pt"
    mean = last_state(tmp_path / "mean")
    for part in ("model", "average"):
        one, other = (state[part] for state in states)
        assert any(not torch.equal(one[name], other[name]) for name in one)
        for name, tensor in mean[part].items():
            torch.testing.assert_close(tensor, (one[name] + other[name]) / 2)
    alone = [state["history"][-1]["core_s"] for state in states]
    assert mean["history"][-1]["core_s"] == pytest.approx(sum(alone) - 0.01)


def test_the_mean_is_a_run_as_any(parted: tuple[Path, Path], tmp_path: Path) -> None:
    mean, weights = tmp_path / "mean", tmp_path / "weights"
    commands = (
        ["average", *map(str, parted), "--output", str(mean)],
        ["validate", str(mean)],
        ["export", str(mean), "--output", str(weights)],
        ["curve", str(parted[0])],
    )
    said = [CliRunner().invoke(app, command, catch_exceptions=False) for command in commands]
    assert [result.exit_code for result in said] == [0, 0, 0, 0]
    assert "step-00000004.pt" in said[0].output
    assert "psnr_db" in said[1].output
    assert (weights / "hwvae.safetensors").is_file()
    assert "moving_psnr_db" in said[3].output
    assert last_state(_trained(mean, steps=5))["step"] == 5


def test_runs_that_do_not_belong_together_are_refused(parted: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got 1, expected two or more"):
        average_runs(parted[:1], tmp_path / "mean")
    with pytest.raises(InputError, match=r"no checkpoint in .*absent"):
        average_runs([parted[0], tmp_path / "absent"], tmp_path / "mean")
    _trained(parted[1], steps=5, seed=1)
    with pytest.raises(InputError, match="bring them to one length"):
        average_runs(parted, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_a_folder_without_a_log_has_no_curve(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got no log\.jsonl"):
        CliRunner().invoke(app, ["curve", str(tmp_path)], catch_exceptions=False)
