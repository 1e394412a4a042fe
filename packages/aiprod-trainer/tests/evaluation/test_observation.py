"""Clips are kept to the last bit of what a file holds, and go through the codecs in one piece."""

from pathlib import Path

import torch

from aiprod_core.models import hwvae, nac
from aiprod_trainer.evaluation.observation import Clip, digest, keep, recall, round_trip
from aiprod_trainer.worlds.pixels import scene_video, video_frames
from aiprod_trainer.worlds.scene import sample_scene
from aiprod_trainer.worlds.sound import render_sound


def _clip(size_px: int = 32) -> Clip:
    scene = sample_scene(0)
    return Clip(scene_video(scene, size_px=size_px), torch.from_numpy(render_sound(scene))[None])


def test_a_kept_clip_comes_back(tmp_path: Path) -> None:
    clip = _clip()
    keep(clip, tmp_path / "0.npz")
    again = recall(tmp_path / "0.npz")
    assert again.sound is not None
    assert clip.sound is not None
    assert (video_frames(again.video) == video_frames(clip.video)).all()
    assert (again.sound - clip.sound).abs().max() < 1 / 32767
    assert [path.name for path in tmp_path.iterdir()] == ["0.npz"]


def test_a_silent_clip_stays_silent(tmp_path: Path) -> None:
    keep(Clip(_clip().video, None), tmp_path / "0.npz")
    assert recall(tmp_path / "0.npz").sound is None


def test_a_round_trip_keeps_shape_and_range() -> None:
    torch.manual_seed(0)
    clip = _clip()
    again = round_trip(clip, hwvae.HWVAE(hwvae.NANO), nac.NAC(nac.NANO))
    assert again.sound is not None
    assert clip.sound is not None
    assert again.video.shape == clip.video.shape
    assert again.sound.shape == clip.sound.shape
    assert again.video.abs().max() <= 1
    assert round_trip(clip, hwvae.HWVAE(hwvae.NANO), None).sound is clip.sound


def test_a_digest_tells_settings_apart() -> None:
    assert digest("weights", 20) == digest("weights", 20)
    assert digest("weights", 20) != digest("weights", 21)
