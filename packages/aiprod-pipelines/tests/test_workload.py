"""What a request costs grows with what it asks for, and is told without loading anything."""

from dataclasses import replace
from pathlib import Path

import pytest

from aiprod_core.errors import InputError
from aiprod_core.execution import Attention, Execution
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.rendering import PipelineName, Setup
from aiprod_pipelines.workload import Shapes, upper_bound_bytes, workload

REQUEST = GenerationConfig(prompt="a red cat walks", width=256, height=256, num_frames=25, num_inference_steps=4)


@pytest.fixture
def setup(family: Path) -> Setup:
    return Setup(models_dir=family)


@pytest.fixture
def shapes(family: Path) -> Shapes:
    return Shapes.of(family)


def test_tokens_are_those_of_pictures_and_sound_for_every_pass(setup: Setup, shapes: Shapes) -> None:
    tokens = 7 * 16 * 16 + 63  # 7 latent frames; 2.5 s at 25 a second, the last one begun
    guided = workload(REQUEST, setup, shapes)["denoise"]
    assert guided.time == (4, 4 * 2 * tokens, 4 * 2 * tokens**2)
    assert guided.memory == (1, 2 * tokens)
    plain = workload(replace(REQUEST, guidance_scale=1.0, audio=False), setup, shapes)["denoise"]
    assert plain.time[1] == 4 * 7 * 256
    more = workload(replace(REQUEST, stg_scale=1.0), setup, shapes)["denoise"]
    assert more.time[:2] == (8, 4 * 3 * tokens)
    assert more.memory == guided.memory  # the passes run one after the other


def test_only_what_is_done_is_counted(setup: Setup, shapes: Shapes) -> None:
    assert list(workload(REQUEST, setup, shapes)) == [
        "load", "text", "denoise", "decode video", "decode sound", "encode",
    ]  # fmt: skip
    assert "decode sound" not in workload(replace(REQUEST, audio=False), setup, shapes)
    two = workload(REQUEST, replace(setup, pipeline=PipelineName.TI2VID_TWO_STAGES), shapes)
    assert two["denoise"].time[1] < two["refine"].time[1]


def test_tiles_take_less_at_once_and_more_in_all(setup: Setup, shapes: Shapes) -> None:
    tiled = replace(setup, execution=Execution(vae_tiling=True))
    whole, parts = (workload(REQUEST, way, shapes)["decode video"] for way in (setup, tiled))
    assert parts.memory[1] < whole.memory[1]
    assert parts.time[1] > whole.time[1]
    long = workload(replace(REQUEST, num_frames=129), setup, shapes)["decode video"]
    assert long.memory[1] < 33 * 32 * 32 < long.time[1]  # in chunks, with context


def test_scores_count_where_they_are_kept(setup: Setup, shapes: Shapes) -> None:
    scored = workload(REQUEST, replace(setup, execution=Execution(attention=Attention.MATH)), shapes)["denoise"]
    assert scored.memory[2] == scored.memory[1] ** 2 / 2
    assert workload(replace(REQUEST, modality_scale=2.0), setup, shapes)["denoise"].known_bytes > 0


def test_the_bound_grows_with_the_request(setup: Setup, shapes: Shapes) -> None:
    sizes = [upper_bound_bytes(replace(REQUEST, width=width), setup, shapes) for width in (64, 128, 256, 512)]
    assert sizes == sorted(sizes)
    assert sizes[0] > 2**30


def test_sizes_of_a_source_and_illegal_ones_are_not_guessed(setup: Setup, shapes: Shapes) -> None:
    with pytest.raises(InputError, match=r"retake.*the source's"):
        workload(REQUEST, replace(setup, pipeline=PipelineName.RETAKE), shapes)
    with pytest.raises(InputError, match="width: got 100"):
        workload(replace(REQUEST, width=100), setup, shapes)
    with pytest.raises(InputError, match="frame-rate: got 0"):
        upper_bound_bytes(replace(REQUEST, frame_rate=0.0), setup, shapes)
