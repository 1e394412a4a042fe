"""The edges of a clip: a drawing of its structure, without its colours, that another clip can be made to follow."""

import torch
from einops import rearrange, repeat
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
FAINT, CLEAR = 0.06, 0.25  # steepness that begins to show, and that shows fully; 1 is from black to white in a pixel


def edges(video: Tensor) -> Tensor:
    """Clip `[3 t h w]` in [-1, 1] → white lines on black, `[3 t h w]` in [-1, 1]; faint ones are left out."""
    lines = ((steepness(video) - FAINT) / (CLEAR - FAINT)).clamp(0, 1)
    return repeat(2 * lines - 1, "t h w -> c t h w", c=3)


def steepness(video: Tensor) -> Tensor:
    """How fast the luma of `[3 t h w]` changes in place, `[t h w]`, by the operator of Sobel and Feldman (1968)."""
    luma = torch.einsum("c t h w, c -> t h w", video, torch.tensor(LUMA, device=video.device))
    across = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]], device=video.device)
    kernels = rearrange([across, across.T], "two h w -> two 1 h w") / 8
    return F.conv2d(F.pad(luma[:, None], (1, 1, 1, 1), mode="replicate"), kernels).norm(dim=1)
