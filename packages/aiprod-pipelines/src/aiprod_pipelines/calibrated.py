"""What was measured on a machine, kept in one small JSON file for each way to render, and what it says of a request.

Reads what `calibration` wrote, and loads no torch: a gateway tells prices with the figures of `aiprod estimate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from aiprod_pipelines.amounts import Amounts, Load, Sizes


@dataclass(frozen=True)
class Weights:
    """What a unit of each amount takes in one stage."""

    seconds: Amounts
    bytes: Amounts


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Of one request: seconds of all its stages, and the most memory that one of them needs."""

    seconds: float
    peak_memory_bytes: int
    stages_s: dict[str, float]
    stages_bytes: dict[str, int]


@dataclass(frozen=True)
class Calibration:
    """One file. `of`: the way to render, the machine and the versions; `sizes`: of the models; `stages`: by name."""

    of: Mapping[str, Any]
    sizes: Sizes
    stages: dict[str, Weights]


_CALIBRATION = TypeAdapter(Calibration)


def estimated(loads: Mapping[str, Load], weights: Mapping[str, Weights]) -> Estimate:
    """What these loads take."""
    seconds = {name: _sum(load.time, weights[name].seconds) for name, load in loads.items()}
    sizes = {name: int(_sum(load.memory, weights[name].bytes) + load.known_bytes) for name, load in loads.items()}
    return Estimate(
        seconds=sum(seconds.values()),
        peak_memory_bytes=max(sizes.values()),
        stages_s=seconds,
        stages_bytes=sizes,
    )


def read(path: Path) -> Calibration | None:
    """The calibration in a file; None where there is none, or none that can be read."""
    try:
        return _CALIBRATION.validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None


def in_folder(folder: Path) -> list[Calibration]:
    """Every calibration in a folder that can be read, the latest first."""
    files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return [found for found in map(read, files) if found is not None]


def written(calibration: Calibration) -> bytes:
    """The file of a calibration."""
    return _CALIBRATION.dump_json(calibration, indent=2) + b"\n"


def _sum(amounts: Amounts, weights: Amounts) -> float:
    return sum(amount * weight for amount, weight in zip(amounts, weights, strict=True))
