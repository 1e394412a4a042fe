"""Real video is read as the middle square of its first frames; what cannot be read is said, not raised."""

from pathlib import Path

import numpy as np

from aiprod_trainer.data.video_file import write_mp4
from aiprod_trainer.evaluation.real_video import real_videos


def test_the_middle_square_of_the_first_frames(tmp_path: Path) -> None:
    frames = np.zeros((12, 64, 128, 3), np.uint8)
    frames[:, :, 32:96] = 200  # the middle square is grey, the sides are black
    frames[9:] = 0
    write_mp4(tmp_path / "b.mp4", frames, 10.0, np.zeros(28_800, np.float32), 24_000)
    write_mp4(tmp_path / "short.mp4", frames[:3], 10.0, np.zeros(7200, np.float32), 24_000)
    (tmp_path / "a.webm").write_bytes(b"not a video at all" * 100)
    (tmp_path / "notes.txt").write_text("not looked at")
    found = dict(real_videos(tmp_path, frames=9, size_px=32))
    assert [*found] == ["a.webm", "b.mp4", "short.mp4"]
    assert found["a.webm"] is None
    assert found["short.mp4"] is None
    video = found["b.mp4"]
    assert video is not None
    assert video.shape == (3, 9, 32, 32)
    assert abs(video.mean().item() - (200 / 127.5 - 1)) < 0.03
