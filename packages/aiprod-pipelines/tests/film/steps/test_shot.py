"""The step `shot`, from the shipped weights: the same bytes again, the end of a clip gone on from, pictures pinned."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aiprod_core.errors import InputError
from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.film.shots import QUALITIES, Renderer
from aiprod_pipelines.film.steps import shot
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Format

REQUEST = {"prompt": "a red cat walking on a beach by day", "width": 64, "height": 64, "num_frames": 5, "seed": 3}


def made(out: Path, inputs: dict[str, Path] | None = None, **params: Any) -> Footage:
    renderer = Renderer.of("aiprod-sovereign", "draft", (64, 64), models_root=None)
    weights = {f"weights/{role}": path for role, path in renderer.weights.items()}
    request = {**renderer.settings, "frame_rate": renderer.frame_rate_hz, **REQUEST, **params.pop("request", {})}
    facts = {"backend": str(renderer.backend), "pipeline": renderer.pipeline, "request": request, **params}
    shot.make(facts, weights | (inputs or {}), out, lambda done, total: None)
    return Footage.open(out)


@pytest.fixture
def blue(tmp_path: Path) -> np.ndarray:
    ramp = np.linspace(60, 220, 64).astype(np.uint8)
    return np.stack([np.full((64, 64), 30, np.uint8), np.full((64, 64), 90, np.uint8), np.tile(ramp, (64, 1))], axis=-1)


def decibels(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


def test_the_same_request_gives_the_same_bytes_with_sound(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1.mkv"), made(tmp_path / "2.mkv")
    assert (one.num_frames, float(one.frame_rate), one.has_sound) == (5, 10.0, True)
    assert one.path.read_bytes() == two.path.read_bytes()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is an accelerator")
def test_an_accelerator_that_is_not_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got cuda, expected one that is here: cpu"):
        made(tmp_path / "1.mkv", device="cuda")


def test_a_shot_goes_on_from_the_frame_that_is_named(tmp_path: Path, blue: np.ndarray) -> None:
    before = tmp_path / "before.mkv"
    frames = [np.zeros_like(blue), blue, np.full_like(blue, 255)]
    write_intermediate(before, frames, Format(width_px=64, height_px=64, frame_rate=Fraction(10)))
    first = next(made(tmp_path / "on.mkv", {"continued": before}, continued_frame=1).frames())
    free = next(made(tmp_path / "free.mkv").frames())
    assert decibels(first, blue) > max(20, decibels(free, blue) + 6)


def test_a_picture_is_pinned_by_its_role(tmp_path: Path, blue: np.ndarray) -> None:
    Image.fromarray(blue).save(tmp_path / "blue.png")
    pinned = {"images": [{"frame": 0, "strength": 1.0}]}
    first = next(made(tmp_path / "pinned.mkv", {"picture 0": tmp_path / "blue.png"}, request=pinned).frames())
    assert decibels(first, blue) > 20


@pytest.mark.parametrize("quality", QUALITIES)
def test_lengths_are_those_the_model_knows(quality: str) -> None:
    renderer = Renderer.of("aiprod-sovereign", quality, (512, 512), models_root=None)
    for tenths in range(1, 60):
        frames = renderer.num_frames(Fraction(tenths, 10))
        assert (frames - 1) % 4 == 0
        assert 0 <= frames - tenths < 4
