"""The backend on tiny LTX-2 weights: the clips are held against those of diffusers called directly."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import LTX2Pipeline
from PIL import Image
from safetensors.torch import load_file, save_file

from aiprod_core.errors import InputError, WeightsError
from aiprod_core.lora import LoraFile
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import GenerationConfig, ImageCondition, SourceCondition
from aiprod_pipelines.backends.ltx2 import LTX2Backend
from aiprod_pipelines.backends.ltx2_requests import DISTILLED, IC_LORA, KEYFRAMES, TWO_STAGES
from aiprod_pipelines.media import Clip
from aiprod_pipelines.snapshot import SnapshotFile
from aiprod_pipelines.sovereignty.offline import forbid_network

Written = Callable[[str], Path]
Request = Callable[..., GenerationConfig]
MODULE = "transformer_blocks.0.attn1.to_q"  # 16 × 16


@pytest.fixture(autouse=True)
def without_network() -> Iterator[None]:
    with forbid_network():
        yield


@pytest.fixture
def red(tmp_path: Path) -> Path:
    Image.new("RGB", (90, 60), (220, 30, 30)).save(tmp_path / "red.png")
    return tmp_path / "red.png"


def write_lora(path: Path, module: str = f"diffusion_model.{MODULE}", metadata: dict[str, str] | None = None) -> Path:
    halves = {f"{module}.lora_A.weight": torch.ones(2, 16), f"{module}.lora_B.weight": torch.ones(16, 2)}
    save_file(halves, path, metadata)
    return path


@pytest.mark.parametrize("version", ["2.0", "2.3", "2.5"])
def test_the_clip_of_diffusers_itself(version: str, folder: Written, single_file: Written, request_of: Request) -> None:
    config = request_of(stg_scale=1.0, guidance_rescale=0.7, audio_guidance_scale=7.0, negative_prompt="rain")
    pipeline = LTX2Pipeline.from_pretrained(folder(version), dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    frames, sound = pipeline(
        prompt=config.prompt,
        negative_prompt="rain",
        width=64,
        height=64,
        num_frames=9,
        frame_rate=24.0,
        num_inference_steps=2,
        guidance_scale=3.0,
        guidance_rescale=0.7,
        stg_scale=1.0,
        modality_scale=1.0,
        audio_guidance_scale=7.0,
        audio_guidance_rescale=None,
        audio_stg_scale=None,
        audio_modality_scale=None,
        spatio_temporal_guidance_blocks=[1],
        use_cross_timestep=version != "2.0",
        generator=torch.Generator().manual_seed(1),
        output_type="np",
        return_dict=False,
    )
    for path in (folder(version), single_file(version)):
        clip = LTX2Backend.from_pretrained(path)(config)
        assert (clip.frames == (frames[0] * 255).round().astype(np.uint8)).all()
        assert clip.audio is not None
        assert (clip.audio == sound[0].numpy()).all()
        assert clip.sample_rate_hz == (24_000 if version == "2.0" else 48_000)


def test_the_seed_decides_and_sound_can_be_left_out(folder: Written, request_of: Request) -> None:
    backend = LTX2Backend.from_pretrained(folder("2.0"))
    first, again, other = (backend(request_of(seed=seed)) for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)
    assert backend(request_of(audio=False)).audio is None


def test_pictures_and_their_strength(folder: Written, red: Path, request_of: Request) -> None:
    backend = LTX2Backend.from_pretrained(folder("2.0"), pipeline=KEYFRAMES)

    def clip(strength: float) -> Clip:
        pins = (ImageCondition(path=red, frame=0), ImageCondition(path=red, frame=5, strength=strength))
        return backend(request_of(images=pins))

    assert not same(clip(1.0), clip(0.5))
    with pytest.raises(InputError, match="expected two or more"):
        backend(request_of())


def test_two_stages(folder: Written, red: Path, request_of: Request, tmp_path: Path) -> None:
    """A distilled LoRA beside the components refines; without it the request's own guidance does."""
    reports: list[tuple[str, int, int]] = []
    plain = LTX2Backend.from_pretrained(folder("2.3"), pipeline=TWO_STAGES)
    clip = plain(request_of(width=128), on_progress=lambda *report: reports.append(report))
    assert clip.frames.shape == (9, 64, 128, 3)
    stages = list(dict.fromkeys(stage for stage, _, _ in reports))
    assert stages == ["text", "denoise", "upsample", "refine", "decode"]
    assert ("denoise", 2, 2) in reports
    assert ("refine", 3, 3) in reports
    shutil.copytree(folder("2.3"), tmp_path / "ltx2")
    lora = write_lora(tmp_path / "ltx2" / "ltx-2-19b-distilled-lora-384.safetensors")
    refined = LTX2Backend.from_pretrained(tmp_path / "ltx2", pipeline=TWO_STAGES)
    assert not same(refined(request_of(width=128)), clip)
    assert refined.weights.keys() - plain.weights.keys() == {lora.name}
    assert not same(refined(request_of(images=(ImageCondition(path=red),))), refined(request_of()))
    levels = importlib.import_module("diffusers.pipelines.ltx2.utils").STAGE_2_DISTILLED_SIGMA_VALUES
    fitted = plain.fitted(request_of())
    assert (fitted.refine_steps, fitted.refine_start) == (len(levels), levels[0])
    with pytest.raises(InputError, match="expected a multiple of 64"):
        plain(request_of(width=96))


def test_distilled_runs_its_own_steps_without_guidance(folder: Written, request_of: Request) -> None:
    backend = LTX2Backend.from_pretrained(folder("2.0"), pipeline=DISTILLED)
    reports: list[tuple[str, int, int]] = []
    clip = backend(request_of(), on_progress=lambda *report: reports.append(report))
    assert ("denoise", 8, 8) in reports
    assert same(clip, backend(request_of(guidance_scale=9.0, stg_scale=2.0, num_inference_steps=5)))
    pipeline = LTX2Pipeline.from_pretrained(folder("2.0"), dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = type(pipeline.scheduler)()  # takes noise levels as they are
    levels = [1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875]  # of Lightricks' own pipeline
    frames, _ = pipeline(
        request_of().prompt,
        width=64,
        height=64,
        num_frames=9,
        num_inference_steps=8,
        sigmas=levels,
        guidance_scale=1.0,
        stg_scale=0.0,
        modality_scale=1.0,
        guidance_rescale=0.0,
        audio_guidance_scale=None,
        audio_stg_scale=None,
        audio_modality_scale=None,
        audio_guidance_rescale=None,
        use_cross_timestep=False,
        generator=torch.Generator().manual_seed(1),
        output_type="np",
        return_dict=False,
    )
    assert (clip.frames == (frames[0] * 255).round().astype(np.uint8)).all()
    with pytest.raises(InputError, match="no guidance to follow it"):
        backend(request_of(negative_prompt="rain"))


def test_a_reference_clip_is_seen_through_its_lora(
    folder: Written, film: Path, request_of: Request, tmp_path: Path
) -> None:
    backend = LTX2Backend.from_pretrained(folder("2.0"), pipeline=IC_LORA)
    early, late = (request_of(source=SourceCondition(path=film, start_s=start_s)) for start_s in (0.0, 0.9))
    with pytest.raises(InputError, match="expected the IC-LoRA"):
        backend(early)
    backend.set_loras([LoraFile(write_lora(tmp_path / "whole.safetensors"))])
    whole = backend(early)
    assert not same(whole, backend(late))
    half = write_lora(tmp_path / "half.safetensors", metadata={"reference_downscale_factor": "2"})
    backend.set_loras([LoraFile(half)])
    assert not same(whole, backend(early))


def test_loras_in_both_layouts_come_and_go(folder: Written, request_of: Request, tmp_path: Path) -> None:
    backend = LTX2Backend.from_pretrained(folder("2.0"))
    plain = backend(request_of())
    worn = []
    for name, module in (("official", f"diffusion_model.{MODULE}"), ("diffusers", f"transformer.{MODULE}")):
        backend.set_loras([LoraFile(write_lora(tmp_path / f"{name}.safetensors", module), 0.5)])
        worn.append(backend(request_of()))
    assert same(*worn)
    assert not same(worn[0], plain)
    backend.set_loras([LoraFile(tmp_path / "official.safetensors", 0.0)])
    assert same(backend(request_of()), plain)
    backend.set_loras([])
    assert same(backend(request_of()), plain)


def test_a_lora_for_another_model_is_an_error_that_names_its_keys(folder: Written, tmp_path: Path) -> None:
    backend = LTX2Backend.from_pretrained(folder("2.0"))
    write_lora(tmp_path / "wrong.safetensors", "diffusion_model.transformer_blocks.7.attn1.to_q")
    with pytest.raises(WeightsError, match=r"2 keys that fit no module: .*transformer_blocks\.7.*nearest"):
        backend.set_loras([LoraFile(tmp_path / "wrong.safetensors")])


def test_eight_bits(folder: Written, request_of: Request) -> None:
    backend = LTX2Backend.from_pretrained(folder("2.0"))
    plain = backend(request_of())
    with pytest.raises(InputError, match="expected fp8_e4m3"):
        backend.quantize(WeightFormat.INT8)
    backend.quantize(WeightFormat.FP8_E4M3)
    difference = np.abs(backend(request_of()).frames.astype(float) - plain.frames)
    assert 0 < difference.mean() < 40


def test_bf16(folder: Written, single_file: Written, request_of: Request) -> None:
    clips = [
        LTX2Backend.from_pretrained(p, precision="bf16")(request_of()) for p in (folder("2.3"), single_file("2.3"))
    ]
    assert same(*clips)
    assert not same(clips[0], LTX2Backend.from_pretrained(folder("2.3"))(request_of()))


def test_weights_that_do_not_fit_their_configuration(folder: Written, single_file: Written, tmp_path: Path) -> None:
    shutil.copytree(folder("2.0"), tmp_path / "lacking")
    weights = tmp_path / "lacking" / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    tensors.pop("latents_mean")
    save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(WeightsError, match=r"vae|latents_mean"):
        LTX2Backend.from_pretrained(tmp_path / "lacking")
    shutil.copytree(single_file("2.0").parent, tmp_path / "mixed")
    shutil.copy(folder("2.3") / "transformer" / "config.json", tmp_path / "mixed" / "transformer")
    with pytest.raises(WeightsError, match="transformer does not fit its configuration"):
        LTX2Backend.from_pretrained(tmp_path / "mixed" / single_file("2.0").name)


def test_an_over_long_prompt_and_a_snapshot_are_refused(folder: Written, request_of: Request, tmp_path: Path) -> None:
    backend = LTX2Backend.from_pretrained(folder("2.0"))
    with pytest.raises(InputError, match="expected at most 1024"):
        backend(request_of(prompt="a cat " * 400))
    with pytest.raises(InputError, match="keeps no snapshots"):
        backend(request_of(), snapshots=SnapshotFile(tmp_path / "snapshot", "key", 1))


def test_a_missing_extra_is_named(folder: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(InputError, match=r"pip install 'aiprod-pipelines\[ltx2\]'"):
        LTX2Backend.from_pretrained(folder("2.0"))


def same(one: Clip, other: Clip) -> bool:
    assert one.audio is not None
    assert other.audio is not None
    return bool((one.frames == other.frames).all() and (one.audio == other.audio).all())
