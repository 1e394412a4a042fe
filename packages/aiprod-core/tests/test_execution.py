"""What cannot be done here is said before anything is loaded; what can, changes no more than it says."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.backends.cuda import flash_sdp_enabled, math_sdp_enabled

from aiprod_core.errors import InputError
from aiprod_core.execution import Attention, Execution, works
from aiprod_core.family import SovereignModels
from aiprod_core.generation import Conditions, generate
from aiprod_core.offload import Offload
from aiprod_core.pinning import PinnedFrame, pin_pictures
from aiprod_core.sampler import Progress
from aiprod_core.types import GenerationConfig

CPU = torch.device("cpu")
REQUEST = GenerationConfig(
    prompt="a red cat walks on a beach", width=160, height=32, num_frames=5, num_inference_steps=6, seed=3
)


def _frames(family: Path, execution: Execution) -> torch.Tensor:
    return generate(SovereignModels.load(family, execution=execution), REQUEST)[0]


@pytest.mark.parametrize(
    ("execution", "words"),
    [
        (Execution(step_cache=1.5), "cache: got 1.5"),
        (Execution(offload=Offload.CPU), "use disk"),
        (Execution(offload=Offload.DISK, compile=True), "leave the other out"),
        (Execution(attention=Attention.EFFICIENT), "use auto, math, flash"),
    ],
)
def test_what_cannot_be_done_on_a_processor_is_said(family: Path, execution: Execution, words: str) -> None:
    with pytest.raises(InputError, match=words):
        SovereignModels.load(family, execution=execution)


def test_without_a_compiler_compiling_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Execution(compile=True).check(CPU, torch.float32)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"got no C\+\+ compiler"):
        Execution(compile=True).check(CPU, torch.float32)


def test_a_kernel_is_chosen_within_and_forgotten_after() -> None:
    before = (flash_sdp_enabled(), math_sdp_enabled())
    with Attention.MATH.chosen():
        assert (flash_sdp_enabled(), math_sdp_enabled()) == (False, True)
    assert (flash_sdp_enabled(), math_sdp_enabled()) == before == (True, True)
    assert works(Attention.FLASH, CPU, torch.bfloat16)


def test_kernels_agree_but_not_to_the_bit(family: Path) -> None:
    flash, math = (_frames(family, Execution(attention=kernel)) for kernel in (Attention.FLASH, Attention.MATH))
    torch.testing.assert_close(flash, math, atol=1e-3, rtol=0)
    assert not torch.equal(flash, math)
    assert torch.equal(flash, _frames(family, Execution()))


def test_tiles_are_used_both_ways(family: Path) -> None:
    whole, tiled = (SovereignModels.load(family, execution=Execution(vae_tiling=tiling)) for tiling in (False, True))
    widest: list[int] = []
    for half in (tiled.video.encoder, tiled.video.decoder):
        half.register_forward_hook(lambda module, given, output: widest.append(output.shape[-1]))
    torch.testing.assert_close(generate(tiled, REQUEST)[0], generate(whole, REQUEST)[0], atol=1e-3, rtol=0)
    picture = torch.rand(3, 32, 160, generator=torch.Generator().manual_seed(0)) * 2 - 1
    pins = [pin_pictures(models, 5, [PinnedFrame(picture, 0, 1.0)]).latents for models in (whole, tiled)]
    torch.testing.assert_close(*pins, atol=1e-3, rtol=0)
    assert len(widest) == 4  # 20 latents are two tiles


def test_a_cached_run_is_near_the_run_and_another_one(family: Path) -> None:
    exact, near = _frames(family, Execution()), _frames(family, Execution(step_cache=0.5))
    assert not torch.equal(exact, near)
    assert (exact - near).square().mean() < 0.1 * exact.square().mean()
    assert torch.equal(exact, _frames(family, Execution(step_cache=1e-9)))


def test_a_cache_is_not_kept_in_snapshots(family: Path) -> None:
    class Kept:
        def load(self) -> Progress | None:
            return None

        def save(self, progress: Progress) -> None:
            raise AssertionError("nothing is rendered")

    models = SovereignModels.load(family, execution=Execution(step_cache=0.1))
    with pytest.raises(InputError, match="cache: got it with snapshots"):
        generate(models, REQUEST, Conditions(), snapshots=Kept())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own compiler
def test_compiled_is_as_it_was(family: Path) -> None:
    compiled = SovereignModels.load(family, execution=Execution(compile=True))
    request = replace(REQUEST, num_inference_steps=1, width=32)
    expected = generate(SovereignModels.load(family), request)[0]
    torch.testing.assert_close(generate(compiled, request)[0], expected, atol=1e-4, rtol=0)
