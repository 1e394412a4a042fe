"""Step caching: while the velocity hardly changes, the last one is used again instead of asking the model.

At every step that was computed, how much the velocity changed for how far the latents moved is a rate; times how far
they have moved since, it foretells the relative change of a velocity that is not computed. Source: the runtime-adaptive
criterion of EasyCache (arXiv:2507.02860), there applied to what the model adds to its input, here to the velocity.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor

from aiprod_core.components.guiders import Pass
from aiprod_core.types import LatentState

Flows: TypeAlias = dict[Pass, LatentState]


@dataclass
class StepCache:
    """The cache of one run. `threshold`: the relative change of a velocity that is let pass, such as 0.1."""

    threshold: float
    reused: int = field(default=0, init=False)  # steps at which the model was not asked
    _rate: float = field(default=float("inf"), init=False)  # nothing is foretold until two steps are computed
    _seen: Tensor | None = field(default=None, init=False)  # the video latents of the last computed step
    _flows: Flows = field(default_factory=dict, init=False)

    def flows(self, video: Tensor, ask: Callable[[], Flows]) -> Flows:
        """The velocities of every pass for these video latents, computed by `ask` or those of the last time."""
        moved = 0.0 if self._seen is None else float((video - self._seen).norm())
        if self._rate * moved < self.threshold:
            self.reused += 1
            return self._flows
        before, self._flows = self._flows, ask()
        if before and moved > 0:
            velocity = _velocity(self._flows)
            self._rate = float((velocity - _velocity(before)).norm() / velocity.norm()) / moved
        self._seen = video
        return self._flows


def _velocity(flows: Flows) -> Tensor:
    video = flows[Pass.PROMPTED].video
    assert video is not None
    return video
