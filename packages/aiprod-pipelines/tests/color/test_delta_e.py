from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from aiprod_pipelines.color import delta_e
from aiprod_pipelines.picture import Encoding

# Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", 2005, table 1: L a b, L a b, difference
SHARMA = np.array(
    [
        [50.0, 2.6772, -79.7751, 50.0, 0.0, -82.7485, 2.0425],
        [50.0, 3.1571, -77.2803, 50.0, 0.0, -82.7485, 2.8615],
        [50.0, 2.8361, -74.0200, 50.0, 0.0, -82.7485, 3.4412],
        [50.0, -1.3802, -84.2814, 50.0, 0.0, -82.7485, 1.0000],
        [50.0, -1.1848, -84.8006, 50.0, 0.0, -82.7485, 1.0000],
        [50.0, -0.9009, -85.5211, 50.0, 0.0, -82.7485, 1.0000],
        [50.0, 0.0, 0.0, 50.0, -1.0, 2.0, 2.3669],
        [50.0, -1.0, 2.0, 50.0, 0.0, 0.0, 2.3669],
        [50.0, 2.4900, -0.0010, 50.0, -2.4900, 0.0009, 7.1792],
        [50.0, 2.4900, -0.0010, 50.0, -2.4900, 0.0010, 7.1792],
        [50.0, 2.4900, -0.0010, 50.0, -2.4900, 0.0011, 7.2195],
        [50.0, 2.4900, -0.0010, 50.0, -2.4900, 0.0012, 7.2195],
        [50.0, -0.0010, 2.4900, 50.0, 0.0009, -2.4900, 4.8045],
        [50.0, -0.0010, 2.4900, 50.0, 0.0010, -2.4900, 4.8045],
        [50.0, -0.0010, 2.4900, 50.0, 0.0011, -2.4900, 4.7461],
        [50.0, 2.5, 0.0, 50.0, 0.0, -2.5, 4.3065],
        [50.0, 2.5, 0.0, 73.0, 25.0, -18.0, 27.1492],
        [50.0, 2.5, 0.0, 61.0, -5.0, 29.0, 22.8977],
        [50.0, 2.5, 0.0, 56.0, -27.0, -3.0, 31.9030],
        [50.0, 2.5, 0.0, 58.0, 24.0, 15.0, 19.4535],
        [50.0, 2.5, 0.0, 50.0, 3.1736, 0.5854, 1.0000],
        [50.0, 2.5, 0.0, 50.0, 3.2972, 0.0, 1.0000],
        [50.0, 2.5, 0.0, 50.0, 1.8634, 0.5757, 1.0000],
        [50.0, 2.5, 0.0, 50.0, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


def test_ciede2000_is_right_on_the_34_pairs() -> None:
    assert len(SHARMA) == 34
    measured = delta_e.ciede2000(SHARMA[:, :3], SHARMA[:, 3:6])
    assert np.abs(measured - SHARMA[:, 6]).max() <= 1e-4


def test_ciede2000_is_symmetric_and_that_of_colour_science(colour: ModuleType) -> None:
    lab_1, lab_2 = np.random.default_rng(3).uniform([0, -90, -90], [100, 90, 90], (2, 3000, 3))
    measured = delta_e.ciede2000(lab_1, lab_2)
    np.testing.assert_allclose(measured, colour.delta_E(lab_1, lab_2, method="CIE 2000"), atol=1e-9)
    np.testing.assert_allclose(measured, delta_e.ciede2000(lab_2, lab_1), atol=1e-9)


def test_lab_is_that_of_colour_science(colour: ModuleType, colours: NDArray[np.float32]) -> None:
    xyz = delta_e.light_to_xyz(colours, Encoding.REC709)
    white = colour.XYZ_to_xy(delta_e.D65)
    np.testing.assert_allclose(delta_e.xyz_to_lab(xyz), colour.XYZ_to_Lab(xyz, white), atol=1e-9)


@pytest.mark.parametrize(("encoding", "space"), [(Encoding.REC709, "ITU-R BT.709"), (Encoding.PQ, "ITU-R BT.2020")])
def test_xyz_is_that_of_colour_science(
    colour: ModuleType, colours: NDArray[np.float32], encoding: Encoding, space: str
) -> None:
    matrix = colour.RGB_COLOURSPACES[space].matrix_RGB_to_XYZ
    measured = delta_e.light_to_xyz(colours, encoding)
    np.testing.assert_allclose(measured, colours @ matrix.T, atol=1e-4)  # the standards' matrices have four figures
    np.testing.assert_allclose(delta_e.xyz_to_light(measured, encoding), colours, atol=1e-12)


def test_oklab_is_that_of_colour_science_and_comes_back(colour: ModuleType, colours: NDArray[np.float32]) -> None:
    xyz = delta_e.light_to_xyz(colours, Encoding.REC709)
    np.testing.assert_allclose(
        delta_e.xyz_to_oklab(xyz), colour.XYZ_to_Oklab(xyz), atol=2e-4
    )  # its matrices are of 2020
    np.testing.assert_allclose(delta_e.oklab_to_xyz(delta_e.xyz_to_oklab(xyz)), xyz, atol=1e-9)


def test_grey_has_no_chroma_in_either() -> None:
    grey = np.repeat(np.linspace(0, 1, 50)[:, None], 3, axis=1)
    for encoding in Encoding:
        xyz = delta_e.light_to_xyz(grey, encoding)
        assert np.abs(delta_e.xyz_to_lab(xyz)[:, 1:]).max() < 1e-2 * (1 + encoding.is_hdr)
        assert np.abs(delta_e.xyz_to_oklab(xyz)[:, 1:]).max() < 1e-4
