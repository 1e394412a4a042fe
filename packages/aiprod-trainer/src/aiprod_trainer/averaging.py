"""Several runs that began as one, as one again: the mean of their weights.

Runs that share their beginning and part for some hundred steps end in one basin, where the mean of their weights is as
good as a run on all of their batches would be. Sources: model soups (arXiv:2203.05482), local SGD (arXiv:1805.09767).
"""

import json
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aiprod_core.errors import InputError
from aiprod_trainer.trainer import CHECKPOINTS, LOG_FILE, last_state

MAY_DIFFER = ("seed", "output_dir")


def average_runs(runs: Sequence[Path], output: Path) -> Path:
    """Write the mean of the last checkpoints of `runs` as a checkpoint of the run `output`; returns its path.

    Optimisers are those of the first, so that training can go on from it.
    Raises `InputError` for fewer than two runs, one without a checkpoint, or runs of another training or length.
    """
    if len(runs) < 2:
        raise InputError(f"runs: got {len(runs)}, expected two or more; name those that are to become one")
    states = [last_state(run) for run in runs]
    for run, state in zip(runs[1:], states[1:], strict=True):
        if _what(state) != _what(states[0]):
            raise InputError(f"runs: got {run}, of another training or step than {runs[0]}; bring them to one length")
    history = [{**row} for row in states[0]["history"]]
    history[-1]["core_s"] = sum(state["history"][-1]["core_s"] for state in states) - _counted_twice_s(runs)
    mean = {
        **states[0],
        "model": _mean([state["model"] for state in states]),
        "average": _mean([state["average"] for state in states]),
        "history": history,
        "config": json.dumps(json.loads(states[0]["config"]) | {"output_dir": str(output)}),
    }
    path = output / CHECKPOINTS / f"step-{mean['step']:08d}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".tmp")
    torch.save(mean, partial)
    partial.replace(path)
    return path


def _what(state: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """What runs must share: the step they have reached, and how they are trained."""
    config = json.loads(state["config"])
    return state["step"], {name: value for name, value in config.items() if name not in MAY_DIFFER}


def _mean(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor; what counts or marks is the first's."""
    first = states[0]
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if tensor.is_floating_point() else tensor
        for name, tensor in first.items()
    }


def _counted_twice_s(runs: Sequence[Path]) -> float:
    """Seconds of training before the runs parted, which every run but the first counts once too often."""
    logs = [(run / LOG_FILE).read_text().splitlines() for run in runs if (run / LOG_FILE).exists()]
    shared = list(takewhile(lambda rows: len(set(rows)) == 1, zip(*logs, strict=False)))
    return (len(runs) - 1) * float(json.loads(shared[-1][0])["trained_s"]) if shared else 0.0
