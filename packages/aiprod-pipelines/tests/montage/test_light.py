import numpy as np
import pytest

from aiprod_pipelines.color.transfer import to_light
from aiprod_pipelines.montage.light import sdr_light
from aiprod_pipelines.picture import Encoding

COLOURS = np.array([[255, 255, 255], [90, 90, 90], [255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 120, 30]], np.uint8)
LUMA_709, LUMA_2020 = np.array([0.2126, 0.7152, 0.0722]), np.array([0.2627, 0.6780, 0.0593])


@pytest.mark.parametrize("encoding", [Encoding.PQ, Encoding.HLG])
def test_grey_stays_grey_and_colours_keep_their_luminance_in_wider_primaries(encoding: Encoding) -> None:
    light, wide = to_light(COLOURS, Encoding.REC709), sdr_light(COLOURS, encoding)
    np.testing.assert_allclose(wide[:2], light[:2], atol=2e-4)
    np.testing.assert_allclose(wide @ LUMA_2020, light @ LUMA_709, atol=5e-4)
    assert (wide[2:5].max(axis=1) < 1).all()


def test_sdr_is_left_as_it_is() -> None:
    np.testing.assert_array_equal(sdr_light(COLOURS, Encoding.REC709), to_light(COLOURS, Encoding.REC709))
