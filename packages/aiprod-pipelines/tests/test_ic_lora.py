"""An in-context LoRA makes a film from a film: it sees the source at the size and rate of the new one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from aiprod_core.edges import edges
from aiprod_core.errors import InputError
from aiprod_core.family import RELIGHT_LORA_FILE
from aiprod_core.lora import LoraFile
from aiprod_core.types import GenerationConfig, SourceCondition
from aiprod_pipelines.ic_lora import ICLoraPipeline
from aiprod_pipelines.media import Clip, read_clip, write_clip
from aiprod_pipelines.source import film_tensor, matched_film


@pytest.fixture(scope="module", name="pipeline")
def _pipeline(family: Path) -> ICLoraPipeline:
    return ICLoraPipeline.from_pretrained(family)


@pytest.fixture(name="request_")
def _request(film: Path) -> GenerationConfig:
    source = SourceCondition(path=film)
    return GenerationConfig(prompt="a red cat", width=32, height=32, num_frames=9, num_inference_steps=2, source=source)


def test_the_source_changes_the_clip_by_its_edges(
    pipeline: ICLoraPipeline, request_: GenerationConfig, film: Path, tmp_path: Path
) -> None:
    reference = pipeline.given(request_).reference
    assert reference is not None
    drawn = edges(film_tensor(read_clip(film))[:, :9])
    torch.testing.assert_close(reference, pipeline.models.encode_video(drawn[None]), atol=1e-4, rtol=1e-4)
    flat = read_clip(film)
    write_clip(Clip(np.full_like(flat.frames, 99), flat.frame_rate_hz), tmp_path / "flat.mp4")
    other = replace(request_, source=SourceCondition(path=tmp_path / "flat.mp4"))
    made, without = pipeline(request_), pipeline(other)
    assert made.frames.shape == (9, 32, 32, 3)
    assert not np.array_equal(made.frames, without.frames)


def test_the_source_is_brought_to_the_size_the_rate_and_the_length_of_the_clip(
    request_: GenerationConfig, tmp_path: Path
) -> None:
    numbers = np.arange(50, dtype=np.uint8)
    frames = np.broadcast_to((5 * numbers)[:, None, None, None], (50, 48, 96, 3)).copy()
    frames[:, :, :10] = 255  # cut off
    path = tmp_path / "wide.mp4"
    write_clip(Clip(frames, 25.0), path)
    request = replace(request_, source=SourceCondition(path=path, start_s=0.4))
    matched = matched_film(request, read_clip(path))
    assert matched.shape == (3, 9, 32, 32)
    found = ((matched + 1) * 127.5).mean(dim=(0, 2, 3))
    wanted = torch.tensor([5.0 * round((0.4 + i / 10) * 25) for i in range(9)])
    torch.testing.assert_close(found, wanted, atol=2.0, rtol=0.0)


def test_its_own_lora_stands_in_and_another_takes_its_place(
    pipeline: ICLoraPipeline, request_: GenerationConfig, family: Path, tmp_path: Path
) -> None:
    own = pipeline(request_).frames
    pipeline.set_loras([LoraFile(family / RELIGHT_LORA_FILE)])
    assert np.array_equal(pipeline(request_).frames, own)
    pipeline.set_loras([LoraFile(family / RELIGHT_LORA_FILE, 0.5)])
    assert not np.array_equal(pipeline(request_).frames, own)
    pipeline.set_loras(())
    assert np.array_equal(pipeline(request_).frames, own)
    header = {"format": "aiprod-1", "config": json.dumps({"reference": "depth"})}
    save_file(load_file(family / RELIGHT_LORA_FILE), tmp_path / "depth.safetensors", {"aiprod": json.dumps(header)})
    with pytest.raises(InputError, match="look at depth"):
        pipeline.set_loras([LoraFile(tmp_path / "depth.safetensors")])
    with pytest.raises(InputError, match="expected one"):
        pipeline.set_loras([LoraFile(family / RELIGHT_LORA_FILE)] * 2)


def test_no_source_and_one_that_is_too_short_are_refused(pipeline: ICLoraPipeline, request_: GenerationConfig) -> None:
    with pytest.raises(InputError, match="--source"):
        pipeline(replace(request_, source=None))
    with pytest.raises(InputError, match=r"no more than the 1\.70 s"):
        pipeline(replace(request_, num_frames=21))
