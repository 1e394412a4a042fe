"""Sound files: what is written is read again to the sample, at any number of channels; what is no sound is said."""

from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import MediaError
from aiprod_pipelines.picture import Sound
from aiprod_pipelines.sound.file import duration_s, read_sound_file, write_wav

MEDIA = Path(__file__).parents[5] / "shared" / "media"


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_is_written_is_read_to_the_sample(tmp_path: Path, channels: int) -> None:
    samples = np.random.default_rng(channels).normal(0, 0.5, (channels, 4801)).astype(np.float32)
    write_wav(tmp_path / "a.wav", Sound(samples))
    read = read_sound_file(tmp_path / "a.wav")
    assert np.array_equal(read.samples, samples), "also what exceeds full scale"
    assert duration_s(tmp_path / "a.wav") == pytest.approx(4801 / 48_000)


def test_another_rate_becomes_48_khz(tmp_path: Path) -> None:
    tone = np.sin(np.arange(24_000) * 2 * np.pi * 440 / 24_000).astype(np.float32)
    write_wav(tmp_path / "a.wav", Sound(tone[None], 24_000))
    read = read_sound_file(tmp_path / "a.wav")
    spectrum = np.abs(np.fft.rfft(read.samples[0]))
    assert (read.rate_hz, read.samples.shape[1]) == (48_000, pytest.approx(48_000, abs=32))
    assert spectrum.argmax() * 48_000 / read.samples.shape[1] == pytest.approx(440, abs=2)


@pytest.mark.parametrize("name", ["wav_header_only.wav", "wav_truncated_data.wav", "random_bytes.mp4", "absent.wav"])
def test_what_is_no_whole_sound_is_refused(name: str) -> None:
    if not MEDIA.exists():
        pytest.skip("the shared media are not here")
    with pytest.raises(MediaError, match=name):
        read_sound_file(MEDIA / "corrupt" / name)
