"""The models on this machine, as far as a request can ask for them: names, and the sizes and lengths that they know.

Reads manifests and the headers of weights; loads none, and no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aiprod_core.errors import InputError, WeightsError
from aiprod_core.inspection import read_entries
from aiprod_pipelines.sovereignty import provision

TRANSFORMER = "shdt.safetensors"
TWO_STAGES = "ti2vid_two_stages"


class UnknownModel(InputError):
    """No model of this name is on this machine."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A folder of weights. Lengths are `frame_step` · n + 1 frames, sides multiples of `side_step_px`."""

    name: str
    version: str
    frame_step: int
    side_step_px: int
    sample_rate_hz: int

    def side_step_for(self, pipeline: str) -> int:
        """What sides are multiples of: two stages begin at half the size."""
        return self.side_step_px * (2 if pipeline == TWO_STAGES else 1)


def find(name: str, models_root: Path | None) -> Model:
    """The model called `name`; a path is no name.

    Raises:
        UnknownModel: there is none.
        WeightsError: its files say nothing of what it is.
    """
    for folder in _folders(models_root):
        if folder.name == name:
            return _read(folder)
    raise UnknownModel(f"model: got {name[:64]!r}, which is not here; see the list of models, and choose one of those")


def present(models_root: Path | None) -> list[Model]:
    """The models that requests may name, by name; a folder whose weights cannot be read is passed over."""
    found = []
    for folder in _folders(models_root):
        try:
            found.append(_read(folder))
        except WeightsError:
            continue
    return sorted(found, key=lambda model: model.name)


def _folders(models_root: Path | None) -> Sequence[Path]:
    return provision.available(str(models_root) if models_root is not None else None)


def _read(folder: Path) -> Model:
    changed = (folder / provision.MANIFEST).stat().st_mtime_ns, _changed(folder / TRANSFORMER)
    return _read_once(folder, changed)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise WeightsError(f"weights: {path} is missing; copy the folder {path.parent.name} again") from error


@lru_cache(maxsize=64)
def _read_once(folder: Path, changed: tuple[int, int]) -> Model:
    """`changed`: when its files were; another time, another reading."""
    _, said = read_entries(folder / TRANSFORMER)
    try:
        config = said["aiprod"]["config"]
        by = config["compression"]
        return Model(
            name=folder.name,
            version=provision.read_manifest(folder).version,
            frame_step=int(by["time"]),
            side_step_px=int(by["space"]) * int(by["patch"]),
            sample_rate_hz=int(config["sample_rate_hz"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"weights: {folder / TRANSFORMER} does not say its sizes; copy the folder {folder.name} again"
        ) from error
