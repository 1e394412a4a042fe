"""Figures that compare pictures with pictures; all tensors in [-1, 1] (a span of 2)."""

import math

import torch
from einops import rearrange
from torch import Tensor


def psnr_db(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio of two equal shapes, in dB; infinite when equal."""
    error = torch.mean((a.double().clamp(-1, 1) - b.double().clamp(-1, 1)) ** 2).item()
    return math.inf if error == 0 else 10 * math.log10(4.0 / error)


def moving_psnr_db(a: Tensor, b: Tensor, threshold: float = 0.05) -> float:
    """PSNR over the pixels of `[c t h w]` that change from one frame of `a` to the next."""
    moving = (a[:, 1:] - a[:, :-1]).abs().amax(dim=0) > threshold
    mask = moving.expand(a.shape[0], -1, -1, -1)
    return psnr_db(a[:, 1:][mask], b[:, 1:][mask])


class PrincipalCodec:
    """The closed-form codec: principal components of pixel blocks, the floor a learned codec has to beat.

    Blocks are `time × space × space` pixels of three colours; the first frame of a clip fills a block by standing
    still, as in HW-VAE.
    """

    def __init__(self, clips: list[Tensor], *, time: int, space: int, values: int) -> None:
        """Fit on clips `[c t h w]`; `values` is how many numbers stand for one block."""
        self.time, self.space = time, space
        blocks = torch.cat([rearrange(self._blocks(clip), "t h w n -> (t h w) n") for clip in clips]).double()
        self.mean = blocks.mean(dim=0)
        centred = blocks - self.mean
        variances, vectors = torch.linalg.eigh(centred.T @ centred / len(blocks))
        self.basis = vectors.flip(1)[:, :values].T.contiguous()  # [values n]
        self.variances = variances.flip(0)[:values]

    def round_trip(self, clip: Tensor) -> Tensor:
        """A clip through the codec: project, truncate, rebuild."""
        blocks = self._blocks(clip).double() - self.mean
        rebuilt = (blocks @ self.basis.T @ self.basis + self.mean).float()
        video = rearrange(
            rebuilt,
            "t h w (c p q r) -> c (t p) (h q) (w r)",
            c=3,
            p=self.time,
            q=self.space,
            r=self.space,
        )
        return torch.cat([video[:, : self.time].mean(dim=1, keepdim=True), video[:, self.time :]], dim=1)

    def _blocks(self, clip: Tensor) -> Tensor:
        stood = torch.cat([clip[:, :1].expand(-1, self.time - 1, -1, -1), clip], dim=1)
        return rearrange(stood, "c (t p) (h q) (w r) -> t h w (c p q r)", p=self.time, q=self.space, r=self.space)
