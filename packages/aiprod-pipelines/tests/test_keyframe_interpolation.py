"""Keyframes are in the clip where they were put."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiprod_core.errors import InputError
from aiprod_core.types import GenerationConfig, ImageCondition
from aiprod_pipelines.keyframe_interpolation import KeyframeInterpolationPipeline
from aiprod_pipelines.media import read_image


@pytest.fixture(scope="module", name="pipeline")
def _pipeline(family: Path) -> KeyframeInterpolationPipeline:
    return KeyframeInterpolationPipeline.from_pretrained(family)


def _request(folder: Path, *frames: int) -> GenerationConfig:
    for frame in frames:
        side = np.linspace(0, 255, 32).astype(np.uint8)
        Image.fromarray(np.stack(np.broadcast_arrays(side, side[:, None], np.uint8(8 * frame)), axis=-1)).save(
            folder / f"{frame}.png"
        )
    images = tuple(ImageCondition(path=folder / f"{frame}.png", frame=frame) for frame in frames)
    shape = {"width": 32, "height": 32, "num_frames": 17, "num_inference_steps": 2}
    return GenerationConfig(prompt="a red cat", images=images, **shape)  # type: ignore[arg-type]


def test_each_picture_is_where_it_was_put(pipeline: KeyframeInterpolationPipeline, tmp_path: Path) -> None:
    """The latents of a later keyframe are those of the picture standing still, for all the frames that they span."""
    request = _request(tmp_path, 0, 8, 16)
    given = pipeline.given(request).video
    assert given is not None
    assert given.strength.tolist() == [1, 0, 1, 0, 1]
    still = np.stack([read_image(tmp_path / "8.png", 32, 32)] * 5)
    pixels = given.latents.new_tensor(still).permute(3, 0, 1, 2)[None] / 127.5 - 1
    expected = pipeline.models.video.encode(pixels)[:, :, 1]
    np.testing.assert_allclose(given.latents[:, :, 2], expected, atol=1e-5)
    assert pipeline(request).frames.shape == (17, 32, 32, 3)


def test_one_picture_is_not_enough_and_two_need_room(pipeline: KeyframeInterpolationPipeline, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got 1, expected two or more"):
        pipeline(_request(tmp_path, 8))
    with pytest.raises(InputError, match="frames 5 and 8, expected at least 4 frames between"):
        pipeline(_request(tmp_path, 5, 8))
