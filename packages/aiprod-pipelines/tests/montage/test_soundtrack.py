from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from numpy.typing import NDArray

from aiprod_core.errors import InputError
from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.conform import conform
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.render import frames
from aiprod_pipelines.montage.soundtrack import sounds
from aiprod_pipelines.montage.transitions import Transition
from aiprod_pipelines.picture import Format
from aiprod_pipelines.sound.mix import Role, mix

RATE = Fraction(25)
RATES = [RATE, Fraction(24_000, 1001), Fraction(30_000, 1001)]
MS = 48  # samples


def heard(timeline: otio.schema.Timeline, rate: Fraction = RATE) -> NDArray[np.float32]:
    media = MediaBin(folder=Path())
    edit = conform(timeline, media, frame_rate=rate)
    format = Format(width_px=64, height_px=48, frame_rate=rate)
    return mix(sounds(edit, format, media), format.sample(edit.num_frames), channels=1).samples[0]


def clicks(samples: NDArray[np.float32]) -> list[int]:
    return [int(n) for n in np.flatnonzero(np.abs(samples) > 0.2)]


@pytest.mark.parametrize("rate", RATES)
def test_a_hundred_cuts_do_not_drift(
    tmp_path: Path, rate: Fraction, numbered: Callable[..., Path], clip: Callable[..., otio.schema.Clip],
    timeline_of: Callable[..., otio.schema.Timeline],
) -> None:  # fmt: skip
    path = numbered(tmp_path / "a.mkv", 40, rate, click_at=[20])
    # Each clip shows frames 17 to 23, so that its click is heard with its fourth frame.
    timeline = timeline_of([clip(path, 17, 7, rate) for _ in range(101)])
    format = Format(width_px=64, height_px=48, frame_rate=rate)
    found = clicks(heard(timeline, rate))
    errors = [abs(at - format.sample(7 * n + 3)) for n, at in enumerate(found)]
    assert len(found) == 101
    assert max(errors) <= 1  # one sample: 0.02 ms, at the first cut as at the last


@pytest.mark.parametrize(("profile", "within"), [(Profile.PRORES422, MS), (Profile.PREVIEW, 5 * MS)])
@pytest.mark.parametrize("rate", RATES)
def test_sound_is_with_its_picture_in_the_file(
    tmp_path: Path, rate: Fraction, profile: Profile, within: int, numbered: Callable[..., Path],
    clip: Callable[..., otio.schema.Clip], timeline_of: Callable[..., otio.schema.Timeline],
) -> None:  # fmt: skip
    # PCM within 1 ms, AAC within 5.
    path = numbered(tmp_path / "a.mkv", 60, rate, click_at=[30])
    timeline = timeline_of([clip(path, 10, 40, rate), clip(path, 25, 30, rate)])
    media = MediaBin(folder=tmp_path)
    edit = conform(timeline, media)
    format = Format(width_px=64, height_px=48, frame_rate=rate)
    sound = mix(sounds(edit, format, media), format.sample(edit.num_frames))
    film = tmp_path / f"film{profile.recipe.suffix}"
    deliver(film, frames(edit, format, media), format, profile, sound=sound)
    footage = Footage.open(film)
    assert footage.num_frames == 70
    assert footage.frame_rate == rate
    read = footage.sound()
    assert read is not None
    for frame in (20, 45):
        near = np.abs(read.samples[0, (at := format.sample(frame)) - 4000 : at + 4000])
        assert abs(int(near.argmax()) - 4000) <= within


def test_a_dissolve_is_an_equal_power_cross_fade(
    tmp_path: Path, numbered: Callable[..., Path], clip: Callable[..., otio.schema.Clip],
    timeline_of: Callable[..., otio.schema.Timeline],
) -> None:  # fmt: skip
    low, high = numbered(tmp_path / "a.mkv", 80, tone_hz=300), numbered(tmp_path / "b.mkv", 80, tone_hz=1700)
    joint = vocabulary.to_transition(Transition(), 10, 10, RATE)
    samples = heard(timeline_of([clip(low, 10, 30), joint, clip(high, 20, 30)]))
    power = [float((samples[n : n + 1920] ** 2).mean()) for n in range(0, len(samples) - 1920, 1920)]
    assert max(power[2:-2]) / min(power[2:-2]) < 1.12
    middle = np.abs(np.fft.rfft(samples[30 * 1920 - 4800 : 30 * 1920 + 4800] * np.hanning(9600)))
    assert middle[340] / middle[60] == pytest.approx(1, abs=0.1)  # 1700 Hz and 300 Hz, in steps of 5 Hz


def test_speed_changes_length_and_pitch_and_backwards_is_backwards(
    tmp_path: Path, numbered: Callable[..., Path], clip: Callable[..., otio.schema.Clip],
    timeline_of: Callable[..., otio.schema.Timeline],
) -> None:  # fmt: skip
    tone = numbered(tmp_path / "a.mkv", 80, tone_hz=400)
    for speed in (2.0, 0.5, -1.0):
        samples = heard(timeline_of([clip(tone, 10, 25, speed=speed)]))
        assert len(samples) == 48_000
        assert int(np.abs(np.fft.rfft(samples)).argmax()) == pytest.approx(400 * abs(speed), abs=2)
    tick = numbered(tmp_path / "b.mkv", 80, click_at=[20])
    (at,) = clicks(heard(timeline_of([clip(tick, 10, 25, speed=-1.0)])))
    assert at == pytest.approx(15 * 1920, abs=1)  # 35 is where it begins, 20 comes 15 frames later
    assert not heard(timeline_of([clip(tone, 10, 5), clip(tone, 10, 25, speed=0.0)]))[6 * 1920 :].any()


def test_sound_tracks_are_heard_instead_of_the_clips_own(
    tmp_path: Path, numbered: Callable[..., Path], clip: Callable[..., otio.schema.Clip],
    timeline_of: Callable[..., otio.schema.Timeline], gap: Callable[..., otio.schema.Gap],
) -> None:  # fmt: skip
    path = numbered(tmp_path / "a.mkv", 60, click_at=[10, 30])
    placed = clip(path, 25, 10, gain_db=-6.0, role="effect")
    timeline = timeline_of([clip(path, 0, 50)], sounds=[[gap(20), placed], [gap(20), placed.deepcopy()]])
    media = MediaBin(folder=tmp_path)
    edit = conform(timeline, media)
    (one,) = sounds(edit, Format(width_px=64, height_px=48, frame_rate=RATE), media)
    assert (one.start, one.role, one.gain_db) == (20 * 1920, Role.EFFECT, -6.0)
    assert clicks(one.sound.samples[0]) == [5 * 1920]
    assert any("heard once" in note for note in edit.notes)
    placed.metadata["aiprod"]["role"] = "noise"
    edit = conform(timeline_of([clip(path, 0, 50)], sounds=[[placed.deepcopy()]]), media)
    with pytest.raises(InputError, match=r"'noise'.*dialogue"):
        sounds(edit, Format(width_px=64, height_px=48, frame_rate=RATE), media)


def test_own_sound_can_be_left_out(
    tmp_path: Path, numbered: Callable[..., Path], clip: Callable[..., otio.schema.Clip],
    timeline_of: Callable[..., otio.schema.Timeline],
) -> None:  # fmt: skip
    path = numbered(tmp_path / "a.mkv", 60, click_at=[10])
    timeline = timeline_of([clip(path, 0, 50)])
    assert len(conform(timeline, MediaBin(folder=tmp_path)).cues) == 1
    assert conform(timeline, MediaBin(folder=tmp_path), own_sound=False).cues == ()


def test_sounds_nested_under_speed_are_where_their_pictures_are(
    tmp_path: Path, numbered: Callable[..., Path], numbers: Callable[..., list[int]],
    clip: Callable[..., otio.schema.Clip], timeline_of: Callable[..., otio.schema.Timeline],
) -> None:  # fmt: skip
    path = numbered(tmp_path / "a.mkv", 60, click_at=[30])
    stack = otio.schema.Stack(source_range=vocabulary.range_at(6, 20, RATE))
    inner = otio.schema.Track()
    inner.extend([clip(path, 0, 10), clip(path, 20, 40)])
    stack.append(inner)
    timeline = timeline_of([clip(path, 0, 5), stack])
    media = MediaBin(folder=tmp_path)
    edit = conform(timeline, media)
    shown = numbers(frames(edit, Format(width_px=64, height_px=48, frame_rate=RATE), media))
    assert [at // 1920 for at in clicks(heard(timeline))] == [shown.index(30)]
    stack.effects.append(otio.schema.LinearTimeWarp(time_scalar=0.5))
    loudest = int(np.abs(heard(timeline)).argmax())
    shown = numbers(frames(conform(timeline, media), Format(width_px=64, height_px=48, frame_rate=RATE), media))
    assert 30 not in shown or loudest // 1920 == shown.index(30)


def test_a_wav_under_film_rates_lies_on_the_films_frames(
    media: Path, clip: Callable[..., otio.schema.Clip], timeline_of: Callable[..., otio.schema.Timeline]
) -> None:
    path = media / "speech" / "jfk.wav"
    whole = heard(timeline_of(sounds=[[clip(path, 0, 200, Fraction(24))]]), Fraction(24_000, 1001))
    later = heard(timeline_of(sounds=[[clip(path, 48, 150, Fraction(24))]]), Fraction(24_000, 1001))
    offset = round(48 * 1001 / 24_000 * 48_000)
    np.testing.assert_allclose(later[: 3 * 48_000], whole[offset : offset + 3 * 48_000], atol=1e-6)
