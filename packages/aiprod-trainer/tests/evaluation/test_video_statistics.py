"""Statistics tell motion from flicker and sharp from soft."""

import pytest
import torch
from torch.nn import functional as F

from aiprod_trainer.evaluation.video_statistics import VideoStatistics, ratios, video_statistics
from aiprod_trainer.worlds.pixels import scene_video
from aiprod_trainer.worlds.scene import sample_scene


def test_a_fade_moves_and_does_not_flicker() -> None:
    fade = torch.linspace(-1, 1, 11).view(1, -1, 1, 1).expand(3, -1, 8, 8)
    found = video_statistics(fade)
    assert found.motion_energy == pytest.approx(0.1)
    assert found.flicker == pytest.approx(0.0, abs=1e-6)
    assert found.sharpness == 0.0


def test_alternating_frames_flicker_twice_their_motion() -> None:
    blink = torch.tensor([-1.0, 1.0] * 5).view(1, -1, 1, 1).expand(3, -1, 8, 8)
    found = video_statistics(blink)
    assert found.motion_energy == pytest.approx(1.0)
    assert found.flicker == pytest.approx(2.0)


def test_blur_costs_sharpness_and_a_frozen_clip_has_no_motion() -> None:
    video = scene_video(sample_scene(3), size_px=64)
    soft = F.avg_pool2d(video, 5, stride=1, padding=2)
    still = video[:, :1].expand_as(video)
    assert video_statistics(soft).sharpness < 0.8 * video_statistics(video).sharpness
    assert video_statistics(still).motion_energy == 0.0
    assert video_statistics(video).motion_energy > 1e-3


def test_ratios_are_of_means() -> None:
    found = ratios([VideoStatistics(0.1, 0.2, 0.3), VideoStatistics(0.3, 0.2, 0.1)], [VideoStatistics(0.1, 0.1, 0.4)])
    assert found == pytest.approx({"motion_energy": 2.0, "flicker": 2.0, "sharpness": 0.5})
