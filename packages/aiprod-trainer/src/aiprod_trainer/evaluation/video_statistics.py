"""Plain statistics of a clip, without any model: how much moves, what flickers, how sharp it is.

They mean something beside those of real renders of the same scenes. All video is `[c t h w]` in [-1, 1].
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from torch import Tensor

NAMES = ("motion_energy", "flicker", "sharpness")


@dataclass(frozen=True)
class VideoStatistics:
    """`motion_energy`: mean change from frame to frame. `flicker`: mean change of that change, which smooth motion
    keeps small. `sharpness`: mean step from pixel to pixel. All as shares of the span from black to white."""

    motion_energy: float
    flicker: float
    sharpness: float


def video_statistics(video: Tensor) -> VideoStatistics:
    """The statistics of one clip of at least three frames."""
    shares = video.float().clamp(-1, 1) / 2
    change = shares.diff(dim=1)
    steps = shares.diff(dim=-1).abs().mean() + shares.diff(dim=-2).abs().mean()
    return VideoStatistics(change.abs().mean().item(), change.diff(dim=1).abs().mean().item(), steps.item() / 2)


def ratios(ones: Sequence[VideoStatistics], others: Sequence[VideoStatistics]) -> dict[str, float]:
    """Mean of each statistic over `ones`, as a multiple of that over `others`."""
    sums = [{name: sum(asdict(row)[name] for row in rows) / len(rows) for name in NAMES} for rows in (ones, others)]
    return {name: sums[0][name] / max(sums[1][name], 1e-9) for name in NAMES}
