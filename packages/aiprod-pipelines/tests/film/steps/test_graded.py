"""The step `graded`: grades one after the other, a table, a match, a span, and the film's encoding."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.film.steps import graded
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Encoding, Format

FORMAT = Format(width_px=32, height_px=32, frame_rate=Fraction(10))
HALF = "LUT_3D_SIZE 2\n" + "".join(f"{r / 2} {g / 2} {b / 2}\n" for b in (0, 1) for g in (0, 1) for r in (0, 1))


def clip(path: Path, colour: tuple[int, int, int]) -> Path:
    """Twenty frames of one colour that grows lighter, with a little texture."""
    noise = np.random.default_rng(3).integers(-12, 12, (32, 32, 3))
    frames = [(np.clip(np.array(colour) + noise + 2 * number, 0, 255)).astype(np.uint8) for number in range(20)]
    write_intermediate(path, frames, FORMAT)
    return path


def made(folder: Path, inputs: dict[str, Path], **params: Any) -> Footage:
    out = folder / "out.mkv"
    told: list[tuple[int, int]] = []
    facts = {"grades": [{}], "encoding": "rec709", "span": None, "fill_px": [32, 32]} | params
    graded.make(facts, inputs, out, lambda done, total: told.append((done, total)))
    footage = Footage.open(out)
    assert told[-1] == (footage.num_frames, footage.num_frames)
    return footage


def mean(footage: Footage) -> np.ndarray:
    return np.stack(list(footage.frames())).reshape(-1, 3).mean(axis=0)


def test_a_grade_that_changes_nothing_changes_no_bit(tmp_path: Path) -> None:
    own = clip(tmp_path / "own.mkv", (90, 120, 60))
    same = made(tmp_path, {"clip": own})
    assert all(np.array_equal(*pair) for pair in zip(same.frames(), Footage.open(own).frames(), strict=True))


def test_only_the_span_is_graded(tmp_path: Path) -> None:
    own = clip(tmp_path / "own.mkv", (90, 120, 60))
    part = made(tmp_path, {"clip": own}, span=[0.5, 1.2])
    assert part.num_frames == 7
    assert np.array_equal(next(part.frames()), next(Footage.open(own).frames(5)))


def test_grades_are_applied_one_after_the_other(tmp_path: Path) -> None:
    own = clip(tmp_path / "own.mkv", (90, 120, 60))
    once = mean(made(tmp_path, {"clip": own}, grades=[{"exposure_stops": 1.0}]))
    twice = mean(made(tmp_path, {"clip": own}, grades=[{"exposure_stops": 0.5}, {"exposure_stops": 0.5}]))
    assert (once > mean(Footage.open(own)) + 10).all()
    assert np.abs(once - twice).max() < 2


def test_a_table_is_read_from_its_role(tmp_path: Path) -> None:
    own = clip(tmp_path / "own.mkv", (90, 120, 60))
    (tmp_path / "half.cube").write_text(HALF)
    darker = made(tmp_path, {"clip": own, "lut 0": tmp_path / "half.cube"}, grades=[{"lut_strength": 1.0}])
    assert mean(darker) == pytest.approx(mean(Footage.open(own)) / 2, abs=1.5)


def test_a_shot_comes_close_to_its_reference(tmp_path: Path) -> None:
    own, other = clip(tmp_path / "own.mkv", (90, 120, 60)), clip(tmp_path / "other.mkv", (130, 110, 90))
    before = np.abs(mean(Footage.open(own)) - mean(Footage.open(other))).mean()
    matched = made(tmp_path, {"clip": own, "reference 0": other})
    assert np.abs(mean(matched) - mean(Footage.open(other))).mean() < before / 4


@pytest.mark.parametrize("encoding", ["pq", "hlg"])
def test_an_hdr_film_gets_sixteen_bits_in_its_encoding(tmp_path: Path, encoding: str) -> None:
    footage = made(tmp_path, {"clip": clip(tmp_path / "own.mkv", (90, 120, 60))}, encoding=encoding)
    assert footage.encoding is Encoding(encoding)
    assert next(footage.frames()).dtype == np.uint16


@pytest.mark.parametrize(("fill", "size"), [((16, 16), (16, 16)), ((20, 10), (20, 20)), ((64, 48), (32, 32))])
def test_a_clip_is_graded_at_the_size_that_fills_the_film(
    tmp_path: Path, fill: tuple[int, int], size: tuple[int, int]
) -> None:
    footage = made(tmp_path, {"clip": clip(tmp_path / "own.mkv", (90, 120, 60))}, fill_px=list(fill))
    assert (footage.width_px, footage.height_px) == size
