"""How long a request takes here and how much memory it needs at most, before anything is loaded.

Seconds and bytes of a stage are weighted sums of what it works on (`workload`); the weights are fitted to a few real
renders on this machine (`calibration`), none of them negative, by relative error. Seconds add up; of the bytes, the
stage that needs most decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch

from aiprod_core.errors import InputError
from aiprod_core.offload import Offload
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.amounts import Amounts, Load
from aiprod_pipelines.calibrated import Estimate as Estimate
from aiprod_pipelines.calibrated import Weights as Weights
from aiprod_pipelines.calibrated import estimated
from aiprod_pipelines.rendering import Setup
from aiprod_pipelines.workload import Shapes, workload


@dataclass(frozen=True)
class Measured:
    """One stage of one render: its load, and what it took."""

    load: Load
    seconds: float
    peak_bytes: float


Estimator: TypeAlias = Callable[[GenerationConfig, Setup], Estimate]


@dataclass(frozen=True)
class Fitted:
    """A request that fits: how it is to be rendered, what that takes, and what had to be changed for it."""

    setup: Setup
    estimate: Estimate
    changes: tuple[str, ...] = ()


def fit(renders: Sequence[dict[str, Measured]]) -> dict[str, Weights]:
    """The weights of every stage, from all renders in which it was measured."""
    weights = {}
    for stage in dict.fromkeys(name for render in renders for name in render):
        seen = [render[stage] for render in renders if stage in render]
        weights[stage] = Weights(
            seconds=_weights([one.load.time for one in seen], [one.seconds for one in seen]),
            bytes=_weights([one.load.memory for one in seen], [one.peak_bytes - one.load.known_bytes for one in seen]),
        )
    return weights


def estimate(config: GenerationConfig, setup: Setup, shapes: Shapes, weights: dict[str, Weights]) -> Estimate:
    """What a request takes. Raises `InputError` as `workload` does."""
    return estimated(workload(config, setup, shapes), weights)


def made_to_fit(config: GenerationConfig, setup: Setup, limit_bytes: int, estimator: Estimator) -> Fitted:
    """The request as it fits into so many bytes: as it is, or with tiles, or with weights left where they lie.

    Nothing is done that would change the film visibly. Raises `InputError` with the estimate and what would help.
    """
    first = estimator(config, setup)
    if first.peak_memory_bytes <= limit_bytes:
        return Fitted(setup, first)
    changes: list[str] = []
    frugal, found = setup, first
    for name, execution in _cheaper(setup).items():
        cheaper = replace(frugal, execution=replace(frugal.execution, **execution))
        tried = estimator(config, cheaper)
        if tried.peak_memory_bytes < found.peak_memory_bytes:
            frugal, found = cheaper, tried
            changes.append(name)
        if found.peak_memory_bytes <= limit_bytes:
            return Fitted(frugal, found, tuple(changes))
    raise InputError(
        f"memory: got a request that takes {size(first.peak_memory_bytes)}, {size(found.peak_memory_bytes)} with "
        f"{' and '.join(changes) or 'nothing that helps'}, expected at most {size(limit_bytes)}; "
        + _what_helps(config, frugal, limit_bytes, estimator)
    )


def size(size_bytes: float) -> str:
    """Bytes as people say them."""
    return f"{size_bytes / 2**30:.2f} GiB" if size_bytes >= 2**30 else f"{size_bytes / 2**20:.0f} MiB"


def _cheaper(setup: Setup) -> dict[str, dict[str, Any]]:
    """What takes less memory and is not done yet, mildest first: the option, and what it changes."""
    ways: dict[str, dict[str, Any]] = {}
    if not setup.execution.vae_tiling:
        ways["--vae-tiling"] = {"vae_tiling": True}
    if setup.execution.offload is Offload.NONE and setup.quantization is None and not setup.execution.compile:
        where = Offload.DISK if torch.device(setup.device).type == "cpu" else Offload.CPU
        ways[f"--offload {where}"] = {"offload": where}
    return ways


def _what_helps(config: GenerationConfig, setup: Setup, limit_bytes: int, estimator: Estimator) -> str:
    for frames in range(config.num_frames - 8, 0, -8):
        if estimator(replace(config, num_frames=frames), setup).peak_memory_bytes <= limit_bytes:
            return f"--num-frames {frames} would fit, or a smaller size"
    return "choose a smaller size, or allow more with --max-memory"


def _weights(amounts: Sequence[Amounts], measured: Sequence[float]) -> Amounts:
    """Non-negative weights with the least relative error; each column is scaled, since they differ by millions."""
    from scipy.optimize import nnls  # slow to import, and needed to calibrate alone

    matrix = np.array(amounts, dtype=float) / np.array(measured)[:, None]
    scale = np.maximum(np.linalg.norm(matrix, axis=0), np.finfo(float).tiny)
    solution, _ = nnls(matrix / scale, np.ones(len(measured)))
    return tuple(float(value) for value in solution / scale)
