"""The training loop. One loop trains every model; a strategy says what a batch is and what is lost on it.

A batch is a pure function of the step, and so is every random draw: N steps in one run are bit for bit N/2 steps,
a stop, and N/2 more (on the CPU). The loop knows optimisers, averages, checkpoints and logs; it knows no model.
"""

import ctypes
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from aiprod_core.checkpoint import load_weights, read_header
from aiprod_core.errors import InputError, WeightsError
from aiprod_trainer.config import OptimizationSection, TrainConfig
from aiprod_trainer.muon import Muon

Batch: TypeAlias = dict[str, Tensor]

CHECKPOINTS, LOG_FILE = "checkpoints", "log.jsonl"  # of the folder of a run

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h


class Strategy(Protocol):
    """What the loop needs to know of a model in training."""

    model: nn.Module

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The models that ship, by file name; each has its frozen `config`."""

    @property
    def files(self) -> dict[str, str]:
        """Texts that ship beside them, by file name."""

    def begin(self) -> None:
        """Set the weights that a run starts from; not called when it goes on from a checkpoint."""

    def batch(self, step: int) -> Batch:
        """The data of one (micro-)step, on the CPU: a pure function of `step`, called in worker processes."""

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses by name; "loss" is the one that is minimised. Random draws come from the CPU `generator` alone."""

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """Figures on a frozen set, with the averaged weights in place; pictures go into `folder`."""


class Trainer:
    """Runs a strategy to its last step, from its last checkpoint if there is one."""

    def __init__(self, config: TrainConfig, strategy: Strategy) -> None:
        self.config = config
        self.strategy = strategy
        keep_freed_memory()
        if config.acceleration.threads:
            torch.set_num_threads(config.acceleration.threads)
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)  # attention written out stays bf16, on a CPU too
        self.device = pick_device(config.acceleration.device)
        self.model = strategy.model.to(self.device)
        self.optimizers = make_optimizers(self.model, config.optimization)
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self.step = 0
        self.trained_s = 0.0
        self.ancestry: list[dict[str, float]] = []  # earlier runs whose weights this one started from
        self.stopping = False
        self.folder = config.output_dir
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, *, max_minutes: float | None = None, report: Callable[[str], None] = print) -> None:
        """Train until the last step, the time limit, or SIGTERM / Ctrl-C: each ends with a checkpoint."""
        self.resume(report)
        started_s, before_s = time.monotonic(), self.trained_s
        last = self.config.optimization.steps
        with self._stop_on_signal(), Log(self.folder, self.config.tracking.tensorboard) as log:
            for batches in self._batches():
                losses = self._step(batches)
                self.trained_s = before_s + time.monotonic() - started_s
                out_of_time = max_minutes is not None and time.monotonic() - started_s > 60 * max_minutes
                ending = self.stopping or out_of_time or self.step == last
                if self.step % self.config.tracking.interval == 0 or ending:
                    figures = {name: value.item() for name, value in losses.items()}
                    log.write("train", self.step, self.trained_s, figures)
                    report(self._line(figures, started_s))
                if self._due(self.config.validation.interval) or (ending and not self.stopping):
                    figures = self.validate()
                    log.write("validation", self.step, self.trained_s, figures)
                    report("  validation " + " ".join(f"{name} {value:.4g}" for name, value in figures.items()))
                if self._due(self.config.checkpoints.interval) or ending:
                    self.save()
                if ending:
                    break

    def validate(self) -> dict[str, float]:
        """The strategy's figures with the averaged weights, which are taken out again."""
        with self.averaged(), torch.no_grad():
            self.model.eval()
            figures = self.strategy.validate(self.folder / "validation", self.step)
            self.model.train()
        return figures

    def save(self) -> Path:
        """Write a checkpoint atomically, then drop the oldest beyond `keep_last_n`."""
        folder = self.folder / CHECKPOINTS
        folder.mkdir(exist_ok=True)
        path = folder / f"step-{self.step:08d}.pt"
        state = {
            "step": self.step,
            "trained_s": self.trained_s,
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "history": [*self.ancestry, {"steps": self.step, "core_s": self.trained_s * torch.get_num_threads()}],
            "config": self.config.model_dump_json(),
        }
        partial = path.with_suffix(".tmp")
        torch.save(state, partial)
        partial.replace(path)
        for old in sorted(folder.glob("step-*.pt"))[: -self.config.checkpoints.keep_last_n]:
            old.unlink()
        return path

    def resume(self, report: Callable[[str], None] = print) -> None:
        """Go to the run's last checkpoint, or to its first step where it has none."""
        path = last_checkpoint(self.folder)
        if path is None:
            self._begin()
            self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
            return
        state = read_checkpoint(path)
        self.model.load_state_dict(state["model"])
        self.average = {name: tensor.to(self.device) for name, tensor in state["average"].items()}
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.trained_s, self.ancestry = state["step"], state["trained_s"], state["history"][:-1]
        report(f"resumed at step {self.step} ({self.trained_s / 60:.0f} min trained) from {path}")

    def _begin(self) -> None:
        """First step: the strategy's own start, or the weights of an earlier run or release."""
        weights = self.config.model.init_from
        if weights is None:
            self.strategy.begin()
            return
        self.ancestry = warm_start(self.strategy, weights)

    def _batches(self) -> Iterator[list[Batch]]:
        """The micro-batches of each step still to be done, made ahead in worker processes."""
        accumulate = self.config.optimization.gradient_accumulation_steps
        steps = range(self.step * accumulate, self.config.optimization.steps * accumulate)
        workers = self.config.data.num_dataloader_workers
        loader = DataLoader(
            Steps(self.strategy, steps),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            worker_init_fn=_leave_signals_to_parent,
            pin_memory=self.device.type == "cuda",
        )
        batches = iter(loader)
        for _ in range(self.step, self.config.optimization.steps):
            yield [next(batches) for _ in range(accumulate)]

    def _step(self, batches: list[Batch]) -> dict[str, Tensor]:
        self.model.train()
        rate = learning_rate(self.step, self.config.optimization)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        generator = torch.Generator().manual_seed((self.config.seed << 32) + self.step)
        for batch in batches:
            moved = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
            with self._mixed_precision(), self.config.acceleration.attention.chosen():
                losses = self.strategy.loss(moved, generator)
            (losses["loss"] / len(batches)).backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optimization.max_grad_norm)
        for optimizer in self.optimizers:
            with self._mixed_precision():  # Muon's iterations; the weights themselves stay fp32
                optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._update_average()
        return {name: value.detach() for name, value in losses.items()} | {"grad_norm": norm}

    def _mixed_precision(self) -> torch.autocast:
        bf16 = self.config.acceleration.mixed_precision_mode == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16)

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.config.optimization.ema_decay, (1 + self.step) / (10 + self.step))
        current = dict(self.model.named_parameters())
        torch._foreach_lerp_([*self.average.values()], [current[name] for name in self.average], 1 - decay)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        parameters = dict(self.model.named_parameters())
        trained = {name: p.detach().clone() for name, p in parameters.items()}
        for name, p in parameters.items():
            p.data.copy_(self.average[name])
        try:
            yield
        finally:
            for name, p in parameters.items():
                p.data.copy_(trained[name])

    @contextmanager
    def _stop_on_signal(self) -> Iterator[None]:
        def stop(number: int, frame: Any) -> None:
            self.stopping = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _due(self, interval: int | None) -> bool:
        return interval is not None and self.step % interval == 0

    def _line(self, figures: dict[str, float], started_s: float) -> str:
        last = self.config.optimization.steps
        shown = " ".join(f"{name} {value:.4g}" for name, value in figures.items())
        return f"step {self.step}/{last}  {shown}  {(time.monotonic() - started_s) / 60:.1f} min"


class Steps(Dataset[Batch]):
    """Step numbers as a data set, so that worker processes make batches ahead."""

    def __init__(self, strategy: Strategy, steps: range) -> None:
        self.strategy = strategy
        self.steps = steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, position: int) -> Batch:
        return self.strategy.batch(self.steps[position])


class Log:
    """Figures by step, as JSON lines and, if wanted, for TensorBoard."""

    def __init__(self, folder: Path, tensorboard: bool) -> None:
        self.lines = (folder / LOG_FILE).open("a", buffering=1)
        self.board = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # slow to import, and not everybody wants it

            self.board = SummaryWriter(folder / "tensorboard")

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()
        if self.board is not None:
            self.board.close()

    def write(self, kind: str, step: int, trained_s: float, figures: dict[str, float]) -> None:
        row = {"kind": kind, "step": step, "trained_s": round(trained_s, 1)} | figures
        self.lines.write(json.dumps(row) + "\n")
        if self.board is not None:
            for name, value in figures.items():
                self.board.add_scalar(f"{kind}/{name}", value, step)


def _leave_signals_to_parent(worker: int) -> None:
    """Ctrl-C and `timeout` signal the whole group; a worker that died of it would keep the parent from saving."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def make_optimizers(model: nn.Module, config: OptimizationSection) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for hidden matrices (`nn.Linear` not marked `readout`) and AdamW for the rest."""
    hidden: list[Tensor] = []
    if config.optimizer_type == "muon":
        layers = [m for m in model.modules() if isinstance(m, nn.Linear) and not getattr(m, "readout", False)]
        hidden = [layer.weight for layer in layers if layer.weight.requires_grad]
    taken = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in taken and p.requires_grad]
    decayed = [p for p in rest if p.ndim >= 2]
    plain = [p for p in rest if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95))]
    if hidden:
        optimizers.append(Muon(hidden, lr=config.learning_rate, weight_decay=config.weight_decay))
    return optimizers


def learning_rate(step: int, config: OptimizationSection) -> float:
    """Linear warm-up, constant, then linear to zero over the last `decay_fraction` of the steps."""
    decay_steps = math.ceil(config.decay_fraction * config.steps)
    up = (step + 1) / max(config.warmup_steps, 1)
    down = (config.steps - step) / max(decay_steps, 1)
    return config.learning_rate * min(1.0, up, down)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint of a run, if it has one."""
    return max((folder / CHECKPOINTS).glob("step-*.pt"), default=None)


def last_state(folder: Path) -> dict[str, Any]:
    """The content of a run's newest checkpoint. Raises `InputError` where it has none."""
    path = last_checkpoint(folder)
    if path is None:
        raise InputError(
            f"run: got no checkpoint in {folder}, expected {folder}/{CHECKPOINTS}/step-*.pt; train it first"
        )
    return read_checkpoint(path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A training checkpoint's content. Raises `WeightsError` if the file is not one."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Torch's own message has many lines and advises to load unsafely.
        raise WeightsError(
            f"{path}: not a readable training checkpoint ({type(error).__name__}); delete it to resume earlier"
        ) from error
    return state


def keep_freed_memory() -> None:
    """Have glibc reuse big blocks instead of giving them back: page faults cost a third of a CPU training step."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def warm_start(strategy: Strategy, weights: Path) -> list[dict[str, float]]:
    """Set the models from the last checkpoint of a run's folder, or from a folder of released weights.

    Returns the runs that those weights came from. Raises `WeightsError` where there is nothing to start from.
    """
    checkpoint = last_checkpoint(weights)
    if checkpoint is not None:
        state = read_checkpoint(checkpoint)
        strategy.model.load_state_dict(state["model"])
        strategy.model.load_state_dict(state["average"], strict=False)
        return list(state["history"])
    history: list[dict[str, float]] = []
    for name, part in strategy.parts.items():
        path = weights / f"{name}.safetensors"
        load_weights(part, path, plain=True)
        lineage = json.loads(read_header(path)["lineage"])
        history = [{"steps": lineage["steps"], "core_s": lineage["core_hours"] * 3600}]
    return history


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if name == "cuda" else name)
