from types import ModuleType

import numpy as np
import PyOpenColorIO as ocio
import pytest
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from aiprod_pipelines.color import operations, spaces
from aiprod_pipelines.color.operations import Points

GATE = 2e-5
SLOPE, OFFSET, POWER = (1.2, 0.9, 1.05), (0.03, -0.05, 0.0), (0.8, 1.3, 1.1)


def test_cdl_is_that_of_opencolorio(colours: NDArray[np.float32]) -> None:
    decisions = ocio.CDLTransform()
    decisions.setSlope(SLOPE)
    decisions.setOffset(OFFSET)
    decisions.setPower(POWER)
    decisions.setSat(1.4)
    decisions.setStyle(ocio.CDL_NO_CLAMP)
    judge = spaces.exact(spaces.config().getProcessor(decisions))
    graded = operations.cdl(colours, SLOPE, OFFSET, POWER, 1.4)
    assert np.abs(graded - spaces.apply(judge, colours)).max() <= GATE


def test_cdl_in_closed_form() -> None:
    graded = operations.cdl(np.array([[0.2, 0.4, 0.6]], np.float32), SLOPE, OFFSET, POWER, 1.0)
    expected = [(0.2 * 1.2 + 0.03) ** 0.8, (0.4 * 0.9 - 0.05) ** 1.3, (0.6 * 1.05) ** 1.1]
    np.testing.assert_allclose(graded[0], expected, atol=GATE)


def test_saturation_is_about_the_luma_of_the_decision_list(colour: ModuleType, colours: NDArray[np.float32]) -> None:
    grey = operations.cdl(colours, (1, 1, 1), (0, 0, 0), (1, 1, 1), 0.0)
    luma = colour.algebra.vecmul(np.array([[0.2126, 0.7152, 0.0722]] * 3), colours)
    assert np.abs(grey - luma).max() <= GATE


def test_what_is_neutral_changes_nothing(colours: NDArray[np.float32]) -> None:
    unity, zero = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
    assert (operations.cdl(colours, unity, zero, unity, 1.0) == colours).all()
    np.testing.assert_allclose(operations.wheels(colours, zero, unity, unity), colours, atol=1e-7)
    np.testing.assert_allclose(operations.curve(colours, ((0, 0), (0.3, 0.3), (1, 1))), colours, atol=1e-7)


def test_lift_moves_black_gain_moves_white_and_gamma_neither() -> None:
    ends = np.array([[0, 0, 0], [1, 1, 1]], np.float32)
    unity, zero = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
    lifted = operations.wheels(ends, (0.1, 0.2, 0.3), unity, unity)
    np.testing.assert_allclose(lifted, [[0.1, 0.2, 0.3], [1, 1, 1]], atol=1e-7)
    gained = operations.wheels(ends, zero, unity, (0.9, 1.1, 1.2))
    np.testing.assert_allclose(gained, [[0, 0, 0], [0.9, 1.1, 1.2]], atol=1e-7)
    np.testing.assert_allclose(operations.wheels(ends, zero, (0.5, 2, 3), unity), ends, atol=1e-7)


def test_wheels_in_closed_form_keep_the_sign(colours: NDArray[np.float32]) -> None:
    shifted = colours.astype(np.float64) * 1.4 - 0.3
    lifted = 1.1 * (shifted + 0.05 * (1 - shifted))
    expected = np.sign(lifted) * np.abs(lifted) ** (1 / 1.3)
    graded = operations.wheels(shifted.astype(np.float32), (0.05,) * 3, (1.3,) * 3, (1.1,) * 3)
    assert np.abs(graded - expected).max() <= GATE


@pytest.mark.parametrize(
    "points",
    [
        ((0.0, 0.1), (1.0, 0.8)),
        ((0.0, 0.0), (0.5, 0.7), (1.0, 1.0)),
        ((0.1, 0.0), (0.2, 0.3), (0.4, 0.31), (0.7, 0.9), (0.9, 0.9)),
        ((0.0, 0.2), (0.3, 0.6), (0.5, 0.4), (1.0, 1.0)),
        ((0.0, 0.0), (0.1, 0.9), (0.5, 0.1), (1.0, 0.2)),
    ],
)
def test_a_curve_is_scipys_monotone_cubic(points: Points) -> None:
    x = np.linspace(points[0][0], points[-1][0], 1001)
    judge = PchipInterpolator(*np.array(points).T)
    assert np.abs(operations.curve(x, points) - judge(x)).max() <= GATE


def test_a_curve_goes_through_its_points_never_overshoots_and_goes_on_straight() -> None:
    points = ((0.1, 0.1), (0.2, 0.5), (0.6, 0.55), (0.9, 0.9))
    knots = np.array(points)
    np.testing.assert_allclose(operations.curve(knots[:, 0], points), knots[:, 1], atol=1e-6)
    bent = operations.curve(np.linspace(0.1, 0.9, 500), points)
    assert (np.diff(bent) >= 0).all()
    beyond = operations.curve(np.array([0.9, 1.0, 1.1, 1.2]), points).astype(np.float64)
    np.testing.assert_allclose(np.diff(beyond, 2), 0, atol=1e-6)
