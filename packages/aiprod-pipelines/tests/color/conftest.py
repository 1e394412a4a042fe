"""What the tests of colour share: colour-science as the judge, colours, and a picture."""

import warnings
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from aiprod_pipelines.picture import Frame


@pytest.fixture(scope="session")
def colour() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it regrets the absence of Matplotlib
        return pytest.importorskip("colour", reason="colour-science is the judge of these tests")


@pytest.fixture(scope="session")
def colours() -> NDArray[np.float32]:
    """Five thousand colours in the unit cube, its corners and its greys among them: float32 `[n 3]`."""
    random = np.random.default_rng(7).random((4_700, 3))
    corners = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0], [0.0, 1.0]), axis=-1).reshape(-1, 3)
    greys = np.repeat(np.linspace(0, 1, 292)[:, None], 3, axis=1)
    return np.concatenate([random, corners, greys]).astype(np.float32)


@pytest.fixture(scope="session")
def frame(colours: NDArray[np.float32]) -> Frame:
    """The same as a frame, uint8 `[50 100 3]`."""
    codes: Frame = (colours * 255 + 0.5).astype(np.uint8).reshape(50, 100, 3)
    return codes
