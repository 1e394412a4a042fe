from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import LTX2ConditionPipeline
from PIL import Image
from safetensors.torch import save_file

from aiprod_core.errors import InputError, MediaError
from aiprod_core.types import Compression, GenerationConfig, ImageCondition, SourceCondition
from aiprod_pipelines.backends.ltx2_given import pictures, reference, reference_scale
from aiprod_pipelines.media import read_clip

BY = Compression(time=8, space=32, hop=640)
Request = Callable[..., GenerationConfig]


@pytest.fixture
def red(tmp_path: Path) -> Path:
    Image.new("RGB", (90, 60), (220, 30, 30)).save(tmp_path / "red.png")
    return tmp_path / "red.png"


@pytest.mark.parametrize("frame", [1, 5, 8, 9, 24])
def test_a_picture_stands_at_its_very_frame(
    frame: int, red: Path, folder: Callable[[str], Path], request_of: Request
) -> None:
    config = request_of(num_frames=25, images=(ImageCondition(path=red, frame=frame, strength=0.25),))
    pipeline = LTX2ConditionPipeline.from_pretrained(folder("2.0"), dtype=torch.float32, local_files_only=True)
    size = {"width": 64, "height": 64, "num_frames": 25, "frame_rate": 24.0, "num_channels_latents": 32}
    with torch.no_grad():
        _, mask, _, where = pipeline.prepare_latents(conditions=pictures(config, BY), dtype=torch.float32, **size)
    starts_s, ends_s = where[0, 0].unbind(-1)
    assert torch.allclose(starts_s, torch.tensor(frame / 24.0))
    assert torch.allclose(ends_s, torch.tensor((frame + 1) / 24.0))
    assert mask[0, -4:].unique().tolist() == [0.25]  # the tokens of the picture, 2 × 2 latents


def test_pictures_have_the_size_of_their_stage(red: Path, request_of: Request) -> None:
    config = request_of(images=(ImageCondition(path=red),))
    assert pictures(config, BY)[0].frames.shape == (64, 64, 3)
    assert pictures(config, BY, shrunk_by=2)[0].frames.shape == (32, 32, 3)
    with pytest.raises(MediaError, match=r"none\.png"):
        pictures(request_of(images=(ImageCondition(path=red.with_name("none.png")),)), BY)


def test_a_reference_is_the_span_at_the_rate_of_the_clip(film: Path, request_of: Request) -> None:
    """The film has 17 frames at 10 Hz: at 24 Hz each is seen two or three times."""
    seen = np.stack([np.asarray(picture) for picture in reference(_from(request_of, film, start_s=0.5), BY).frames])
    original = read_clip(film).frames
    shown = [int(0.5 * 10 + n * 10 / 24 + 1e-6) for n in range(9)]
    assert (seen == original[shown]).all()
    short = reference(_from(request_of, film, start_s=1.5), BY).frames
    assert len(short) == 1  # 0.2 s are four frames, of which one is a legal length


def test_a_reference_that_cannot_be(film: Path, request_of: Request) -> None:
    with pytest.raises(InputError, match=r"expected a span of the 1\.70 s"):
        reference(_from(request_of, film, start_s=2.0), BY)
    with pytest.raises(InputError, match="shorter than a frame"):
        reference(_from(request_of, film, start_s=1.0, end_s=1.01), BY)
    with pytest.raises(MediaError):
        reference(_from(request_of, film.with_name("none.mp4")), BY)


def test_a_lora_says_how_small_it_wants_its_reference(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "plain.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "half.safetensors", {"reference_downscale_factor": "2"})
    assert reference_scale(tmp_path / "plain.safetensors") == 1
    assert reference_scale(tmp_path / "half.safetensors") == 2


def _from(request_of: Request, film: Path, *, start_s: float = 0.0, end_s: float | None = None) -> GenerationConfig:
    return request_of(source=SourceCondition(path=film, start_s=start_s, end_s=end_s))
