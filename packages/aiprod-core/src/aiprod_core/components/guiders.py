"""Guidance: how the velocities with and without the prompt become one."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ClassifierFreeGuider:
    """Classifier-free guidance (Ho & Salimans 2022) with the rescale of Lin et al. 2023 (eq. 15, 16).

    `scale`: 1 is the prompt alone, and then no second pass is needed. `rescale` in [0, 1]: how much of the prompt
    velocity's own deviation is restored, against washed-out colours at high scales.
    """

    scale: float
    rescale: float = 0.0

    @property
    def active(self) -> bool:
        return self.scale != 1.0

    def __call__(self, prompted: Tensor, unprompted: Tensor) -> Tensor:
        guided = unprompted + self.scale * (prompted - unprompted)
        if self.rescale == 0.0:
            return guided
        axes = tuple(range(1, guided.ndim))
        restored = guided * (prompted.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True))
        return self.rescale * restored + (1 - self.rescale) * guided
