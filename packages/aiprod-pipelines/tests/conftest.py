"""What the tests of this package share: real media, the shipped weights, and small clips made on the spot."""

from pathlib import Path

import numpy as np
import pytest
from tiny_family import write_tiny_family

from aiprod_core.errors import WeightsError
from aiprod_pipelines.media import Clip, write_clip
from aiprod_pipelines.sovereignty import provision

MEDIA = Path(__file__).parents[3].parent / "shared" / "media"


@pytest.fixture(scope="session")
def media() -> Path:
    if not MEDIA.is_dir():
        pytest.skip(f"{MEDIA} is not here: real films to read are not part of the repository")
    return MEDIA


@pytest.fixture(scope="session")
def weights() -> Path:
    try:
        return provision.locate()
    except WeightsError as error:
        pytest.skip(f"the nano weights are not here: {error}")


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights, tiny and untrained; copy it before changing it."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_family(folder)
    return folder


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that a tiny family can work on: 17 frames of 32×32 px at 10 Hz, 1.7 s, with two tones at 24 kHz."""
    moving = moving_disc(frames=17, width=32, height=32)
    seconds = np.arange(17 * 2400) / 24_000
    tones = 0.4 * np.sin(2 * np.pi * 440 * seconds) + 0.2 * np.sin(2 * np.pi * 1_900 * seconds)
    path = tmp_path_factory.mktemp("source") / "film.mp4"
    write_clip(Clip(moving.frames, 10.0, tones[None].astype(np.float32), 24_000), path)
    return path


@pytest.fixture
def clip() -> Clip:
    """A soft disc that moves over a gradient for a second, with two tones; 25 frames of 64×48 px."""
    return moving_disc()


def moving_disc(*, frames: int = 25, width: int = 64, height: int = 48) -> Clip:
    y, x = np.mgrid[0:height, 0:width]
    sky = np.stack([x * 2, y * 3 + 40, np.full_like(x, 160)], axis=-1).clip(0, 255)
    distances_px = [np.hypot(x - 10 - t * 1.5, y - height / 2) for t in range(frames)]
    cover = np.stack([((12 - distance_px) / 6).clip(0, 1) for distance_px in distances_px])[..., None]
    pictures = sky * (1 - cover) + np.array([200, 60, 40]) * cover  # [t h w c]
    seconds = np.arange(frames * 24_000 // 25) / 24_000
    sound = 0.4 * np.sin(2 * np.pi * 440 * seconds) + 0.2 * np.sin(2 * np.pi * 1_900 * seconds)
    return Clip(pictures.astype(np.uint8), 25.0, sound[None].astype(np.float32), 24_000)
