from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_family import PROMPT

from aiprod_core.errors import InputError
from aiprod_core.generation import load_model
from aiprod_core.lora import Lora, LoraFile, LowRank, linear_modules, save_lora
from aiprod_core.models.shdt import SHDT
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.rendering import PipelineName, Rendered, Setup, load_pipeline, render

SMALL = GenerationConfig(prompt=PROMPT, width=32, height=32, num_frames=9, num_inference_steps=2)
FILM = Path("film.mp4")


def silent(stage: str, done: int, total: int) -> None:
    return None


def facts_of(rendered: Rendered) -> dict[str, object]:
    """What a receipt says, but for when and how long."""
    return rendered.receipt.model_dump(exclude={"made_at", "timings_s", "cost"})


def test_a_warm_pipeline_renders_the_same_film_with_the_same_receipt(family: Path) -> None:
    setup = Setup(models_dir=family, pipeline=PipelineName.TI2VID_TWO_STAGES, quantization=WeightFormat.INT8)
    request = replace(SMALL, width=64, height=64)
    cold = render(request, setup, FILM, on_progress=silent)
    loaded = load_pipeline(setup)
    for _ in range(2):
        warm = render(request, setup, FILM, on_progress=silent, loaded=loaded)
        assert warm.mp4 == cold.mp4
        assert facts_of(warm) == facts_of(cold)
        assert warm.receipt.timings_s.keys() == cold.receipt.timings_s.keys()


def test_loras_are_those_of_each_render(family: Path, tmp_path: Path) -> None:
    path = tmp_path / "style.safetensors"
    name, module = next(iter(linear_modules(load_model(SHDT, family / "shdt.safetensors")).items()))
    layer = LowRank(torch.ones(2, module.in_features), torch.ones(module.out_features, 2))
    save_lora(Lora("ones", {name: layer}), path)
    plain = Setup(models_dir=family)
    loaded = load_pipeline(plain)
    before = render(SMALL, plain, FILM, on_progress=silent, loaded=loaded)
    worn = render(SMALL, replace(plain, loras=(LoraFile(path),)), FILM, on_progress=silent, loaded=loaded)
    after = render(SMALL, plain, FILM, on_progress=silent, loaded=loaded)
    assert worn.mp4 != before.mp4
    assert [lora.strength for lora in worn.receipt.model.loras] == [1.0]
    assert after.mp4 == before.mp4
    assert after.receipt.model.loras == ()


def test_a_pipeline_of_another_setup_is_refused(family: Path) -> None:
    loaded = load_pipeline(Setup(models_dir=family))
    with pytest.raises(InputError, match="loaded: got a pipeline with precision fp32, expected bf16"):
        render(SMALL, Setup(models_dir=family, precision="bf16"), FILM, on_progress=silent, loaded=loaded)
