"""How the camera moves in a clip, measured on the pictures alone: pan, tilt and zoom from frame to frame.

Between two frames, a point at (x, y) from the middle moves by (a + s·x, b + s·y). The least squares of optical flow
(Lucas & Kanade 1981) over a few frames at once give a, b and s, refined by warping, with Tukey's weights against what
moves by itself and without the middle of the picture, where the subject is. Near things move sideways more than far
ones, so the pan of a clip that does nothing else is read off the strip of ground below the subject: the one speed at
which it slides, by the phase of its cross-spectra (Kuglin & Hines 1975), without what stands still and what falls.
Where that is no one speed, the pan is the mean of `a` below and above the ground line, which is too small if far things
move less.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

GROUND = 0.72  # from here down, as a share of the height, a picture shows what is near
SUBJECT = (0.2, 0.8, 0.3, 0.88)  # left, right, top and bottom of what is left out for the subject
LEVELS = 3  # of the pyramid: displacements up to about four pixels a frame are found
WARPS = 3  # refinements a level
SWEEPS = 4  # of weights within a refinement
FRAMES = 3  # pairs of frames whose motion is taken for the same
TUKEY = 4.685  # in deviations: where an outlier counts nothing; Huber & Ronchetti 2009
MARGIN = 0.04  # of the frame, left out on each side
FLAT = 1e-4  # square of a gradient below which a pixel says little
ZOOMED, TILTED_PX = 0.004, 0.2  # a frame: from here on the ground does not only slide
FASTEST_PX, SPEED_STEP_PX = 4.0, 0.05  # speeds of the ground that are tried, a frame
APART = (1, 2, 3, 4)  # frames between two that are compared
FALLING_FRAMES = 5  # what is in one place for less than half of them, as rain is, is removed
COHERENT = 0.7  # share in agreement below which the ground does not slide as one
STIRRING, SPREAD = 0.003, 0.66  # root mean square from which a column moves, and share that must, or it is a shadow


@dataclass(frozen=True)
class CameraMotion:
    """Means over a clip. `pan_px`, `tilt_px`: pixels a frame by which the camera moves right and up; `zoom`: natural
    logarithm of the magnification a frame; `shake_px`: deviation of the motion up and down from its mean."""

    pan_px: float
    tilt_px: float
    zoom: float
    shake_px: float


def camera_motion(video: Tensor) -> CameraMotion:
    """Measure a clip `[3 t h w]` in [-1, 1] of at least five frames."""
    grey = video.float().mean(dim=0)  # t h w
    before, after = grey[:-1, None], grey[1:, None]
    spans = [slice(first, first + FRAMES) for first in range(0, len(before), FRAMES)]
    found = torch.stack([fitted_motion(before[span], after[span]) for span in spans])
    lengths = torch.tensor([len(before[span]) for span in spans])
    ground, above, down, zoom = ((found * lengths[:, None]).sum(dim=0) / lengths.sum()).tolist()
    sliding = None
    if abs(zoom) < ZOOMED and abs(down) < TILTED_PX:
        sliding = sliding_px(grey[:, round(SUBJECT[3] * grey.shape[1]) :])
    shake = found[:, 2].std(correction=0).item()
    return CameraMotion(-(sliding if sliding is not None else (ground + above) / 2), down, zoom, shake)


def sliding_px(strip: Tensor) -> float | None:
    """Pixels a frame by which a strip `[t h w]` slides to the right; None where it does not move as one."""
    width, around = strip.shape[-1], FALLING_FRAMES // 2
    longer = torch.cat([strip[:1].expand(around, -1, -1), strip, strip[-1:].expand(around, -1, -1)])
    moving = longer.unfold(0, FALLING_FRAMES, 1).median(dim=-1).values
    moving = moving - moving.mean(dim=0)
    stirring = moving.square().mean(dim=(0, 1)).sqrt()
    if (stirring >= STIRRING).float().mean() < SPREAD:
        return None
    moving = moving / (stirring + STIRRING)  # a shadow counts no more than its width
    moving = (moving - moving.mean(dim=-1, keepdim=True)) * torch.hann_window(width, periodic=False)
    waves = torch.fft.rfft(moving, dim=-1)[..., 1 : width // 4]
    turns = 2 * math.pi * torch.arange(1, waves.shape[-1] + 1) / width
    speeds = torch.arange(-FASTEST_PX, FASTEST_PX + SPEED_STEP_PX / 2, SPEED_STEP_PX)
    agreement, most = torch.zeros_like(speeds), torch.zeros(())
    for apart in APART:
        cross = (waves[apart:] * waves[:-apart].conj()).sum(dim=(0, 1))
        cross = cross / cross.abs().clamp_min(1e-12).sqrt()
        agreement += (cross * torch.exp(1j * apart * speeds[:, None] * turns)).real.sum(dim=1)
        most += (waves[apart:].abs() * waves[:-apart].abs()).sum(dim=(0, 1)).sqrt().sum()
    best = int(agreement.argmax())
    return float(speeds[best]) if agreement[best] >= COHERENT * most else None


def fitted_motion(before: Tensor, after: Tensor) -> Tensor:
    """The one motion from each of `before` to each of `after`, `[n 1 h w]` → `[4]`: a below and above the ground
    line, b, and s."""
    motion = torch.zeros(4)
    for level in reversed(range(LEVELS)):
        one, other = (_shrunk(pictures, level) for pictures in (before, after))
        pixels = motion.new_tensor([one.shape[-2] / before.shape[-2]] * 3 + [1.0])
        for _ in range(WARPS):
            motion = motion + _refinement(one, _warped(other, motion * pixels)) / pixels
    return motion


def _refinement(before: Tensor, after: Tensor) -> Tensor:
    """What is left of the motion between pictures that nearly agree, `[4]`, by iteratively weighted least squares."""
    gradient_y, gradient_x = torch.gradient(((before + after) / 2)[:, 0], dim=(1, 2))  # n h w
    x, y, near, seen = _places(before)
    columns = [gradient_x * near, gradient_x * (1 - near), gradient_y, gradient_x * x + gradient_y * y]
    a = torch.stack([column[:, seen].flatten() for column in columns], dim=-1)  # p 4
    b = (before - after)[:, 0][:, seen].flatten()  # p
    steepness = a[:, :3].square().sum(dim=1) + FLAT
    votes = (1 - FLAT / steepness) / steepness  # a pixel counts for its displacement, however strong its contrast
    weights, found = votes, torch.zeros(4)
    ridge = votes.sum() * FLAT * torch.diag(a.new_tensor([1.0, 1.0, 1.0, float(x.square().mean())]))
    for _ in range(SWEEPS):
        weighted = a * weights[:, None]
        found = torch.linalg.solve(weighted.T @ a + ridge, weighted.T @ b)
        left = (a @ found - b).abs() / steepness.sqrt()
        deviation = 1.4826 * _weighted_median(left, 1 - FLAT / steepness) + 0.02
        weights = votes * (1 - (left / (TUKEY * deviation)).square()).clamp_min(0).square()
    return found


def _weighted_median(values: Tensor, weights: Tensor) -> Tensor:
    ordered, order = values.sort()
    share = weights[order].cumsum(dim=0)
    return ordered[torch.searchsorted(share, share[-1] / 2)]


def _warped(pictures: Tensor, motion: Tensor) -> Tensor:
    """Pictures `[n 1 h w]` read where `motion` `[4]`, in their own pixels, brings each point to."""
    height, width = pictures.shape[-2:]
    x, y, near, _ = _places(pictures)
    ground, sky, down, zoom = motion
    to_x, to_y = x + ground * near + sky * (1 - near) + zoom * x, y + down + zoom * y
    grid = torch.stack([to_x / ((width - 1) / 2), to_y / ((height - 1) / 2)], dim=-1)
    grid = grid.expand(len(pictures), -1, -1, -1)
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=True)


def _places(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Each pixel's x and y from the middle, whether it is on the ground, and whether it is looked at, all `[h w]`."""
    height, width = pictures.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij")
    across, down = x / width + 0.5, y / height + 0.5
    left, right, top, bottom = SUBJECT
    subject = (across > left) & (across < right) & (down > top) & (down < bottom)
    inside = torch.minimum(torch.minimum(across, 1 - across), torch.minimum(down, 1 - down)) > MARGIN
    return x, y, (down > GROUND).float(), inside & ~subject


def _shrunk(pictures: Tensor, level: int) -> Tensor:
    """A level of the pyramid: half as large for each, and a little blurred."""
    for _ in range(level):
        pictures = F.avg_pool2d(pictures, 2)
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    pictures = F.pad(pictures, (2, 2, 2, 2), mode="replicate")
    return F.conv2d(F.conv2d(pictures, kernel.view(1, 1, 1, 5)), kernel.view(1, 1, 5, 1))
