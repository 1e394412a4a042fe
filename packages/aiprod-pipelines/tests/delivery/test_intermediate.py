from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import MediaError
from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Encoding, Format, Frame, Sound


def noise(count: int, dtype: type[np.uint8] | type[np.uint16]) -> list[Frame]:
    generator = np.random.default_rng(7)
    return [generator.integers(0, np.iinfo(dtype).max + 1, (48, 64, 3), dtype) for _ in range(count)]


@pytest.mark.parametrize("rate", [Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(25), Fraction(8)])
@pytest.mark.parametrize(
    ("dtype", "encoding"), [(np.uint8, Encoding.REC709), (np.uint16, Encoding.PQ), (np.uint16, Encoding.HLG)]
)
def test_what_is_written_is_read_back_to_the_bit_and_to_the_sample(
    dtype: type[np.uint8] | type[np.uint16], encoding: Encoding, rate: Fraction, tmp_path: Path
) -> None:
    format = Format(width_px=64, height_px=48, frame_rate=rate, encoding=encoding)
    frames = noise(31, dtype)
    generator = np.random.default_rng(1)
    sound = Sound((3 * generator.standard_normal((6, format.sample(31) + 5))).astype(np.float32))  # beyond full scale
    write_intermediate(tmp_path / "a.mkv", iter(frames), format, sound)
    footage = Footage.open(tmp_path / "a.mkv")
    assert (footage.encoding, footage.frame_rate, footage.num_frames) == (encoding, rate, 31)
    assert all(np.array_equal(a, b) for a, b in zip(footage.frames(), frames, strict=True))
    back = footage.sound()
    assert back is not None
    assert np.array_equal(back.samples, sound.samples)
    write_intermediate(tmp_path / "b.mkv", frames, format, sound)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_any_span_is_read_back_alone(tmp_path: Path) -> None:
    frames = noise(20, np.uint8)
    format = Format(width_px=64, height_px=48, frame_rate=Fraction(24_000, 1001))
    write_intermediate(tmp_path / "a.mkv", frames, format)
    footage = Footage.open(tmp_path / "a.mkv")
    assert all(np.array_equal(a, b) for a, b in zip(footage.frames(13, 17), frames[13:17], strict=True))
    assert footage.sound() is None


def test_a_change_of_depth_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    format = Format(width_px=64, height_px=48, frame_rate=Fraction(25))
    with pytest.raises(MediaError, match="frame 1: got uint16, expected uint8"):
        write_intermediate(tmp_path / "a.mkv", noise(1, np.uint8) + noise(1, np.uint16), format)
    assert not list(tmp_path.iterdir())
