"""Shapes follow the compression; a request names what is wrong with it and what would be right."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aiprod_core.errors import AiprodError, InputError
from aiprod_core.types import (
    AudioLatentShape,
    AudioShape,
    Compression,
    GenerationConfig,
    ImageCondition,
    VideoLatentShape,
    VideoPixelShape,
)

BY = Compression(time=4, space=8, hop=960, patch=2)
GOOD = GenerationConfig(prompt="a red cat walks on a beach")


@pytest.mark.parametrize(("frames", "latent_frames"), [(1, 1), (5, 2), (25, 7), (257, 65)])
def test_the_first_frame_is_a_latent_of_its_own(frames: int, latent_frames: int) -> None:
    pixels = VideoPixelShape(2, frames, 64, 128)
    assert pixels.dims == (2, 3, frames, 64, 128)
    assert VideoLatentShape.of(pixels, 48, BY).dims == (2, 48, latent_frames, 8, 16)


@pytest.mark.parametrize(("samples", "length"), [(1, 1), (960, 1), (961, 2), (60_000, 63)])
def test_a_partly_filled_hop_counts(samples: int, length: int) -> None:
    sound = AudioShape(3, samples)
    assert sound.dims == (3, 1, samples)
    assert AudioLatentShape.of(sound, 32, BY).dims == (3, 32, length)


def test_a_good_request_passes_and_knows_how_long_it_is() -> None:
    GOOD.validate(BY)
    assert GOOD.duration_s == 2.5
    replace(GOOD, width=2048, height=16, num_frames=1025, seed=2**63 - 1, images=(_image(frame=1024),)).validate(BY)


def _image(**changes: Any) -> ImageCondition:
    return ImageCondition(path=Path("cat.png"), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": " \n "}, r"prompt: got an empty one; describe the clip"),
        ({"width": 100}, r"width: got 100, expected a multiple of 16 up to 2048; use 96 or 112"),
        ({"height": 100}, r"height: got 100, .*; use 96 or 112"),
        ({"width": 0}, r"width: got 0, .*; use 16$"),
        ({"width": -16}, r"width: got -16, .*; use 16$"),
        ({"width": 15}, r"width: got 15, .*; use 16$"),
        ({"width": 17}, r"width: got 17, .*; use 16 or 32"),
        ({"width": 2047}, r"width: got 2047, .*; use 2032 or 2048"),
        ({"width": 4096}, r"width: got 4096, .*; use 2048$"),
        ({"num_frames": 24}, r"num-frames: got 24, expected 4·n \+ 1 up to 1025; use 21 or 25"),
        ({"num_frames": 2}, r"num-frames: got 2, .*; use 1 or 5"),
        ({"num_frames": 0}, r"num-frames: got 0, .*; use 1$"),
        ({"num_frames": -3}, r"num-frames: got -3, .*; use 1$"),
        ({"num_frames": 1024}, r"num-frames: got 1024, .*; use 1021 or 1025"),
        ({"num_frames": 5000}, r"num-frames: got 5000, .*; use 1025$"),
        ({"seed": -1}, r"seed: got -1, expected 0 to 9223372036854775807"),
        ({"seed": 2**63}, r"seed: got"),
        ({"frame_rate": 0.5}, r"frame-rate: got 0.5, expected 1.0 to 120.0"),
        ({"frame_rate": float("nan")}, r"frame-rate: got nan"),
        ({"num_inference_steps": 0}, r"num-inference-steps: got 0, expected 1 to 1000"),
        ({"guidance_scale": -1.0}, r"guidance-scale: got -1.0"),
        ({"guidance_scale": float("inf")}, r"guidance-scale: got inf"),
        ({"guidance_rescale": 1.5}, r"guidance-rescale: got 1.5, expected 0.0 to 1.0"),
        ({"images": (_image(frame=25),)}, r"image frame: got 25, expected 0 to 24"),
        ({"images": (_image(), _image(strength=1.1))}, r"image strength: got 1.1"),
    ],
)
def test_each_illegal_field_is_named_with_what_to_do(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        replace(GOOD, **changes).validate(BY)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, AiprodError)


@pytest.mark.parametrize("size", [1, 16, 40, 97, 500, 511, 600])
def test_every_size_that_is_named_as_nearest_is_legal(size: int) -> None:
    try:
        replace(GOOD, width=size).validate(BY, max_side_px=500)
    except InputError as error:
        for word in str(error).split("use ")[1].split(" or "):
            replace(GOOD, width=int(word)).validate(BY, max_side_px=500)
    else:
        assert size == 16


@pytest.mark.parametrize("frames", [0, 2, 24, 99, 100, 101, 400])
def test_every_length_that_is_named_as_nearest_is_legal(frames: int) -> None:
    with pytest.raises(InputError) as caught:
        replace(GOOD, num_frames=frames).validate(BY, max_frames=100)
    for word in str(caught.value).split("use ")[1].split(" or "):
        replace(GOOD, num_frames=int(word)).validate(BY, max_frames=100)
