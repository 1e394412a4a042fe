"""How models are run, where that is not plainly: what saves memory or time, all of it off by default.

Weights may lie elsewhere (`offload`), the codec of pictures go tile by tile (`tiling`), steps be left out
(`components.step_cache`), the transformer be compiled, and the kernel of softmax attention be chosen. Knows no models;
says what cannot be done here before anything is loaded.
"""

import importlib.util
import shutil
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from aiprod_core.errors import InputError
from aiprod_core.offload import Offload


class Attention(StrEnum):
    """The kernel of softmax attention; `auto` is PyTorch's own choice."""

    AUTO = "auto"
    MATH = "math"
    EFFICIENT = "efficient"
    FLASH = "flash"

    def chosen(self) -> AbstractContextManager[None]:
        """Within it, this kernel and no other; outside, all is as it was."""
        return nullcontext() if self is Attention.AUTO else sdpa_kernel(KERNELS[self])


KERNELS = {
    Attention.MATH: SDPBackend.MATH,
    Attention.EFFICIENT: SDPBackend.EFFICIENT_ATTENTION,
    Attention.FLASH: SDPBackend.FLASH_ATTENTION,
}


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How to run the models. Only `offload` never changes a bit of the output."""

    offload: Offload = Offload.NONE
    vae_tiling: bool = False
    step_cache: float = 0.0  # relative change of a velocity that is let pass, [0, 1]; 0 = every step is computed
    compile: bool = False
    attention: Attention = Attention.AUTO

    def check(self, device: torch.device, dtype: torch.dtype) -> None:
        """Raise `InputError` for what cannot be done on this machine."""
        if not 0 <= self.step_cache <= 1:
            raise InputError(f"cache: got {self.step_cache}, expected 0 to 1; 0.05 changes little, 0 is off")
        if self.offload is Offload.CPU and device.type == "cpu":
            raise InputError(
                "offload: got cpu, where the weights are computed with anyway, expected an accelerator; use disk"
            )
        if self.compile and self.offload is not Offload.NONE:
            raise InputError(f"compile: got it with offload {self.offload}, expected one of them; leave the other out")
        if self.compile:
            _check_compiler(device)
        if not works(self.attention, device, dtype):
            able = ", ".join(kernel for kernel in Attention if works(kernel, device, dtype))
            raise InputError(
                f"attention: got {self.attention}, which PyTorch does not have for masks on {device}; use {able}"
            )


PLAINLY = Execution()


def works(attention: Attention, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether this kernel runs what the models ask of it: a mask over keys."""
    tokens = torch.zeros(1, 1, 8, 32, device=device, dtype=dtype)
    mask = torch.ones(1, 1, 1, 8, device=device, dtype=torch.bool)
    try:
        with attention.chosen(), warnings.catch_warnings(action="ignore"):  # PyTorch warns of why it does not
            F.scaled_dot_product_attention(tokens, tokens, tokens, attn_mask=mask)
    except RuntimeError:
        return False
    return True


def _check_compiler(device: torch.device) -> None:
    if device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            raise InputError("compile: got no triton, expected it with an accelerator; install it, or leave it out")
        return
    import torch._inductor.config as inductor  # slow to import, and needed here alone

    names = [name for name in inductor.cpp.cxx if name]
    if not any(shutil.which(name) for name in names):
        raise InputError(
            f"compile: got no C++ compiler, expected {' or '.join(names)} on the path; install g++, or leave it out"
        )
