from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import MediaError
from aiprod_pipelines.color.transfer import nits_to_pq
from aiprod_pipelines.delivery.content_light import ContentLight


def test_the_brightest_pixel_and_the_brightest_average() -> None:
    light = ContentLight()
    frame = np.zeros((10, 10, 3), np.uint16)
    frame[0, 0, 2] = nits_to_pq(np.array(1_000.0)) * 65_535
    light.see(frame)
    light.see(np.full((10, 10, 3), nits_to_pq(np.array(100.0)) * 65_535, np.uint16))
    assert light.max_cll_nits == pytest.approx(1_000, rel=1e-3)
    assert light.max_fall_nits == pytest.approx(100, rel=1e-3)


@pytest.mark.parametrize(
    ("nits", "written"), [(0.0, 1), (0.4, 1), (255.5, 257), (256.0, 257), (700.0, 700), (1e4, 9998)]
)
def test_numbers_are_not_exceeded_and_hold_no_byte_of_zeros_below(nits: float, written: int) -> None:
    assert ContentLight(nits, nits).rounded() == (written, written)


def test_a_stream_without_room_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(bytes(100))
    with pytest.raises(MediaError, match="no place for MaxCLL"):
        ContentLight(1, 1).write(tmp_path / "film.mp4")
