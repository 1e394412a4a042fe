"""Pictures for a sound: the sound stays, and the pictures hear it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import MediaError
from aiprod_core.types import GenerationConfig, SourceCondition
from aiprod_pipelines.audio_to_video import AudioToVideoPipeline
from aiprod_pipelines.media import read_clip


@pytest.fixture(scope="module", name="pipeline")
def _pipeline(family: Path) -> AudioToVideoPipeline:
    return AudioToVideoPipeline.from_pretrained(family)


def _request(sound: Path, start_s: float = 0.0, end_s: float | None = None) -> GenerationConfig:
    source = SourceCondition(path=sound, start_s=start_s, end_s=end_s)
    shape = {"width": 32, "height": 32, "num_frames": 9, "num_inference_steps": 2}
    return GenerationConfig(prompt="a red cat", source=source, **shape)  # type: ignore[arg-type]


def test_the_sound_stays_and_decides_the_pictures(pipeline: AudioToVideoPipeline, film: Path) -> None:
    clip, later = pipeline(_request(film)), pipeline(_request(film, 0.5, 0.7))
    old = read_clip(film).audio
    assert old is not None
    assert clip.audio is not None
    assert later.audio is not None
    assert clip.frames.shape == (9, 32, 32, 3)
    assert np.array_equal(clip.audio, old[:, : clip.audio.shape[1]])
    assert not np.array_equal(clip.frames, later.frames)
    assert np.abs(later.audio[:, 4800:]).max() == 0  # 0.2 s of sound, then silence
    assert np.abs(later.audio[:, :4800]).max() > 0.1


def test_real_sounds_of_any_kind_are_heard(pipeline: AudioToVideoPipeline, media: Path) -> None:
    sounds = sorted(path for ending in ("wav", "flac", "mp3", "ogg") for path in media.rglob(f"*.{ending}"))
    heard = [path for path in sounds if "corrupt" not in path.parts][:3]
    assert heard
    for path in heard:
        sound = pipeline(replace(_request(path), num_inference_steps=1)).audio
        assert sound is not None
        assert sound.shape == (1, 9 * 2400)


def test_a_film_without_sound_is_refused(pipeline: AudioToVideoPipeline, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no sound")
    with pytest.raises(MediaError, match="damaged or foreign"):
        pipeline(_request(tmp_path / "notes.txt"))
