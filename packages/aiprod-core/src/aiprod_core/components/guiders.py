"""Guidance: how the velocities of several passes become one, for pictures and for sound, each with scales of its own.

Every scale has a value at which its pass is not needed and not made. Sources: classifier-free guidance, Ho & Salimans
2022; rescale, Lin et al. 2023 (eq. 15, 16); adaptive projected guidance, Sadat et al. 2024 (arXiv:2410.02416), without
its momentum, so that a step depends on nothing before it; spatio-temporal guidance, Hyung et al. 2024
(arXiv:2411.18664).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from aiprod_core.components.passes import Pass as Pass
from aiprod_core.components.passes import needed


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Adaptive projected guidance. `eta`: share kept of what guidance adds along the prediction itself; 1 keeps all.

    `norm_threshold`: longest allowed addition, as a root mean square; 0 is no limit.
    """

    eta: float = 1.0
    norm_threshold: float = 0.0

    @property
    def active(self) -> bool:
        return self.eta != 1.0 or self.norm_threshold > 0

    def __call__(self, addition: Tensor, clean: Tensor) -> Tensor:
        """`addition` to the predicted clean latents `clean`, both `[b …]`, shortened and turned away from them."""
        axes = tuple(range(1, addition.ndim))
        if self.norm_threshold > 0:
            power = addition.square().mean(dim=axes, keepdim=True).sqrt()
            addition = addition * (self.norm_threshold / power.clamp_min(1e-12)).clamp_max(1.0)
        along = (addition * clean).sum(dim=axes, keepdim=True) / clean.square().sum(dim=axes, keepdim=True)
        return addition - (1 - self.eta) * along * clean


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """Guidance of one modality.

    `scale`: 1 is the prompt alone. `rescale` in [0, 1]: how much of the prompt velocity's own deviation is restored,
    against washed-out colours at high scales. `stg_scale`: 0 is none. `modality_scale`: how hard to follow the other
    modality; 1 is as it comes.
    """

    scale: float = 1.0
    rescale: float = 0.0
    stg_scale: float = 0.0
    modality_scale: float = 1.0
    projection: Projection = field(default_factory=Projection)

    @property
    def passes(self) -> frozenset[Pass]:
        return needed(scale=self.scale, stg_scale=self.stg_scale, modality_scale=self.modality_scale)

    def __call__(self, flows: Mapping[Pass, Tensor], x: Tensor, t: Tensor) -> Tensor:
        """The velocity to follow, from those of the passes; `x`: where the run stands, `t`: when."""
        prompted = flows[Pass.PROMPTED]
        guided = self._prompted_further(flows, x, t)
        if self.stg_scale != 0.0:
            guided = guided + self.stg_scale * (prompted - flows[Pass.PERTURBED])
        if self.modality_scale != 1.0:
            guided = guided + (self.modality_scale - 1) * (prompted - flows[Pass.ISOLATED])
        if self.rescale == 0.0:
            return guided
        axes = tuple(range(1, guided.ndim))
        restored = guided * (prompted.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True))
        return self.rescale * restored + (1 - self.rescale) * guided

    def _prompted_further(self, flows: Mapping[Pass, Tensor], x: Tensor, t: Tensor) -> Tensor:
        prompted = flows[Pass.PROMPTED]
        if self.scale == 1.0:
            return prompted
        unprompted = flows[Pass.UNPROMPTED]
        if not self.projection.active:
            return unprompted + self.scale * (prompted - unprompted)
        # A velocity predicts the clean latents x - t·v: what is added to v is -1/t of what is added to them.
        t = t.to(x.dtype).clamp_min(torch.finfo(x.dtype).tiny)
        addition = self.projection(t * (unprompted - prompted), x - t * prompted)
        return prompted - (self.scale - 1) * addition / t


@dataclass(frozen=True, kw_only=True)
class MultiModalGuider:
    """Guidance of a whole run. `stg_blocks`: layers in which tokens of the perturbed pass do not attend."""

    video: Guidance
    audio: Guidance
    stg_blocks: frozenset[int] = frozenset()

    @property
    def passes(self) -> frozenset[Pass]:
        return self.video.passes | self.audio.passes
