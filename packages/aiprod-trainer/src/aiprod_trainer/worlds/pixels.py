"""Renders as tensors: the world's pictures in the scale and axis order that models take."""

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from aiprod_trainer.worlds.render import render_clip, render_frame
from aiprod_trainer.worlds.scene import Scene


def video_tensor(frames: NDArray[np.uint8]) -> Tensor:
    """Pictures uint8 `[t h w c]` → float32 `[c t h w]` in [-1, 1]."""
    return rearrange(torch.from_numpy(frames).float() / 127.5 - 1.0, "t h w c -> c t h w")


def video_frames(video: Tensor) -> NDArray[np.uint8]:
    """Video `[c t h w]` in [-1, 1] (clamped) → pictures uint8 `[t h w c]`."""
    scaled = ((video.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return rearrange(scaled, "c t h w -> t h w c").contiguous().cpu().numpy()


def scene_video(scene: Scene, *, size_px: int, frames: range | None = None) -> Tensor:
    """A scene, or some of its frames, as a square video tensor `[c t h w]`."""
    if frames is None:
        return video_tensor(render_clip(scene, width=size_px, height=size_px))
    stack = [render_frame(scene, frame, width=size_px, height=size_px) for frame in frames]
    return video_tensor(np.stack(stack))
