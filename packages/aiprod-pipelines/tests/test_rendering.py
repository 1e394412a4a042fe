import hashlib
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_family import PROMPT

from aiprod_core.errors import InputError
from aiprod_core.family import load_model
from aiprod_core.lora import Lora, LoraFile, LowRank, linear_modules, save_lora
from aiprod_core.models.shdt import SHDT
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.rendering import PipelineName, Rendered, Setup, Stopwatch, load_pipeline, render, render_batch

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


@pytest.mark.parametrize(
    "pipeline", [PipelineName.TI2VID_ONE_STAGE, PipelineName.TI2VID_TWO_STAGES, PipelineName.DISTILLED]
)
def test_a_batch_gives_each_film_its_receipt(family: Path, pipeline: PipelineName) -> None:
    setup = Setup(models_dir=family, pipeline=pipeline, rate_eur_per_h=36.0)
    alike = replace(SMALL, **{**pipeline.defaults, "width": 64, "height": 64, "num_inference_steps": 2})
    requests = [replace(alike, prompt="A blue bird flies.", seed=2), replace(alike, seed=3)]
    films = [Path("bird.mp4"), Path("cat.mp4")]
    loaded = load_pipeline(setup)
    told: list[tuple[str, int, int]] = []
    rendered = render_batch(requests, setup, films, on_progress=lambda *stage: told.append(stage), loaded=loaded)
    for request, film, one in zip(requests, films, rendered, strict=True):
        alone = render(request, setup, film, on_progress=silent, loaded=loaded)
        assert np.abs(one.clip.frames.astype(int) - alone.clip.frames).max() <= 1
        np.testing.assert_allclose(one.clip.audio, alone.clip.audio, atol=1e-4)
        receipt = one.receipt
        assert (receipt.prompt, receipt.seed, receipt.output.file) == (request.prompt, request.seed, film.name)
        assert receipt.output.sha256 == hashlib.sha256(one.mp4).hexdigest()
        assert (receipt.place.batch, alone.receipt.place.batch) == (2, 1)
        assert {**facts_of(one), "place": None, "output": None} == {**facts_of(alone), "place": None, "output": None}
        assert receipt.cost.compute_s == pytest.approx(sum(receipt.timings_s.values()), abs=1e-3)
        assert receipt.cost.cost_eur == pytest.approx(receipt.cost.compute_s / 100, abs=1e-5)
    first, second = (one.receipt for one in rendered)
    assert first.timings_s == second.timings_s
    assert {("decode video", 1, 2), ("decode video", 2, 2), ("encode", 2, 2)} <= set(told)


def test_seconds_of_a_batch_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = iter((0.0, 1.0, 3.0, 7.0, 8.0))
    monkeypatch.setattr(time, "perf_counter", lambda: next(now_s))
    watch = Stopwatch(silent)
    for stage in ("denoise", "decode video", "decode sound", "decode video"):
        watch(stage, 1, 1)
    assert watch.shared_s(2) == {"denoise": 0.5, "decode video": 1.5, "decode sound": 2.0}


def test_what_cannot_go_together_is_refused(family: Path) -> None:
    setup, films = Setup(models_dir=family), [FILM, FILM]
    with pytest.raises(InputError, match="batch: got 2 requests that cannot go together"):
        render_batch([SMALL, replace(SMALL, num_frames=17)], setup, films, on_progress=silent)
    with pytest.raises(InputError, match="snapshot-every: got it for a batch of 2"):
        render_batch([SMALL, SMALL], replace(setup, snapshot_every=1), films, on_progress=silent)


def test_clips_in_progress_are_shown(family: Path) -> None:
    setup = Setup(models_dir=family, pipeline=PipelineName.TI2VID_TWO_STAGES, preview_every=1)
    request = replace(SMALL, width=64, height=64, refine_steps=2)
    loaded = load_pipeline(setup)
    shown: list[tuple[float, Any]] = []
    plain = render(request, setup, FILM, on_progress=silent, loaded=loaded)
    watched = render(
        request, setup, FILM, on_progress=silent, loaded=loaded, on_preview=lambda *told: shown.append(told)
    )
    assert watched.mp4 == plain.mp4
    assert [share for share, _ in shown] == [0.25, 0.5, 0.75, 1.0]
    assert [(picture.shape, picture.dtype) for _, picture in shown] == [
        ((32, 32, 3), np.uint8),
        ((32, 32, 3), np.uint8),
        ((64, 64, 3), np.uint8),
        ((64, 64, 3), np.uint8),
    ]
    shown.clear()
    render_batch(
        [request, replace(request, seed=1)],
        setup,
        [FILM, FILM],
        on_progress=silent,
        loaded=loaded,
        on_preview=lambda *told: shown.append(told),
    )
    assert [pictures.shape for _, pictures in shown] == [(2, 32, 32, 3)] * 2 + [(2, 64, 64, 3)] * 2
