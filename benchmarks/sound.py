"""The gates of sound: loudness and true peak by a second meter, ducking, fades, placement; and what making it costs.

Real material is that of `../shared/media` beside the repository, left out where that is absent; the second meter is
FFmpeg's ebur128 filter. Prints tables and writes build/benchmarks/sound.json.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the second meter is
from ebur128 import ebur128

from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.ambience import BEDS, ambience
from aiprod_pipelines.sound.composition import Mood
from aiprod_pipelines.sound.effects import LIBRARY, effect
from aiprod_pipelines.sound.fades import fade
from aiprod_pipelines.sound.file import read_sound_file
from aiprod_pipelines.sound.loudness import BROADCAST_LUFS, CEILING_DBTP, LOUD_LUFS, WEB_LUFS, master, measure
from aiprod_pipelines.sound.mix import Placed, Role, mix
from aiprod_pipelines.sound.music import music

MEDIA = Path(__file__).parents[2] / "shared" / "media"
REAL = (
    *("audio/music/hungarian_dance_5.hq.ogg", "audio/music/vibe_ace.ogg", "audio/music/solo_trumpet.hq.ogg"),
    *("speech/LJ001-0001.wav", "speech/jfk.wav", "audio/fx/t_rex_roar.mp3", "audio/fx/humpback_whale.ogg"),
    *("derived/talk_clipped_audio.mp4", "derived/speech_snr+5dB.wav", "video/bbb_intro_480p_5p1.mp4"),
)
TARGETS_LUFS = (BROADCAST_LUFS, WEB_LUFS, LOUD_LUFS)
BAR_LU, BAR_DUCKING_DB, BAR_FADE_DB = 0.3, 0.5, 0.1
CONSOLE = Console(width=120)


def main() -> None:
    facts = {"loudness": _loudness(), "gates": _gates(), "cost": _cost()}
    path = Path("build/benchmarks/sound.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=2) + "\n")


def _material() -> dict[str, Sound]:
    noise = np.random.default_rng(0).standard_normal((2, 10 * SOUND_RATE_HZ)).astype(np.float32)
    made = {
        "noise": noise,
        "noise, clipped": np.clip(5 * noise, -1, 1),
        "noise at -60 dB": 0.001 * noise,
        "noise on direct current": 0.02 * noise + np.float32(0.5),
        "bursts": 0.3 * noise * (np.arange(noise.shape[1]) // 12_000 % 4 == 0),
    }
    real = {Path(name).name: read_sound_file(MEDIA / name) for name in REAL if (MEDIA / name).exists()}
    composed = {f"music, {mood}": music(mood, 20.0) for mood in (Mood.EPIC, Mood.CALM)}
    return real | {name: Sound(samples.astype(np.float32)) for name, samples in made.items()} | composed


def _loudness() -> list[dict[str, Any]]:
    """Every sound at every target: what two meters say of it, and seconds of processor a minute."""
    table = Table("sound", "target", "LUFS", "second", "dBTP", "second", "s/min", title="loudness: two meters")
    rows = []
    for name, sound in _material().items():
        for target_lufs in TARGETS_LUFS:
            began_s = time.process_time()
            mastered = master(sound, target_lufs)
            took_s = time.process_time() - began_s
            mine, other = measure(mastered), ebur128(mastered.samples)
            row = {
                "sound": name,
                "target_lufs": target_lufs,
                "lufs": mine.integrated_lufs or -np.inf,
                "second_lufs": other.integrated_lufs,
                "dbtp": mine.true_peak_dbtp,
                "second_dbtp": other.true_peak_dbtp,
                "s_per_min": took_s * 60 / sound.duration_s,
            }
            rows.append(row)
            table.add_row(name, *(f"{row[key]:.2f}" for key in list(row)[1:]))
    CONSOLE.print(table)
    off_lu = max(abs(row[key] - row["target_lufs"]) for row in rows for key in ("lufs", "second_lufs"))
    peak_dbtp = max(row[key] for row in rows for key in ("dbtp", "second_dbtp"))
    meters_lu = max(abs(row["lufs"] - row["second_lufs"]) for row in rows)
    _say("furthest off its target", off_lu, BAR_LU, "LU")
    _say("highest true peak", peak_dbtp, CEILING_DBTP, "dBTP")
    CONSOLE.print(f"the two meters differ by {meters_lu:.3f} LU at most, over {len(rows)} masters")
    return rows


def _gates() -> dict[str, float]:
    """Ducking, cross-fades and placement, measured from mixes."""
    ducking = _ducking()
    noises = np.random.default_rng(1).standard_normal((2, 400, 4800)).astype(np.float32)
    gain = fade(4800)
    power = np.square(noises[0] * gain[::-1] + noises[1] * gain).reshape(400, 12, 400).mean(axis=(0, 2))
    facts = {**ducking, "fade_db": float(np.abs(10 * np.log10(power)).max()), "misplaced_samples": _misplaced()}
    _say("ducking off -12 dB", abs(facts["duck_db"] + 12), BAR_DUCKING_DB, "dB")
    CONSOLE.print(
        f"  down in {1000 * facts['attack_s']:.1f} ms (50 asked), up in {1000 * facts['release_s']:.1f} (300)"
    )
    _say("cross-fade of unrelated noise off its power", facts["fade_db"], BAR_FADE_DB, "dB")
    _say("sounds that do not lie on their sample, of 1000", facts["misplaced_samples"], 0, "")
    return facts


def _ducking() -> dict[str, float]:
    """A steady tone under a second of another: how deep, and the times from 10 % to 90 % of the way, made whole."""
    rate, length = SOUND_RATE_HZ, 4 * SOUND_RATE_HZ
    voice = Sound(0.1 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate, dtype=np.float32)[None])
    bed = Sound(np.full((2, length), 0.1, np.float32))
    said = Placed(sound=voice, start=2 * rate, role=Role.DIALOGUE)
    under = mix([said, Placed(sound=bed, start=0, role=Role.MUSIC)], length).samples - mix([said], length).samples
    gain_db = 20 * np.log10(under[0] / bed.samples[0])
    part = (gain_db < -1.2) & (gain_db > -10.8)
    down, up = np.flatnonzero(part & (np.arange(length) < 2.5 * rate)), np.flatnonzero(part[round(2.5 * rate) :])
    held = gain_db[2 * rate : 3 * rate - 240]
    return {
        "duck_db": float(held[np.abs(held + 12).argmax()]),
        "attack_s": len(down) / 0.8 / rate,
        "release_s": len(up) / 0.8 / rate,
    }


def _misplaced() -> int:
    generator, length, wrong = np.random.default_rng(2), 20_000, 0
    for _ in range(1000):
        start = int(generator.integers(-2000, 19_000))
        samples = generator.standard_normal((2, 3000)).astype(np.float32)
        expected: NDArray[np.float32] = np.zeros((2, length), np.float32)
        first, last = max(start, 0), min(start + 3000, length)
        expected[:, first:last] = samples[:, first - start : last - start]
        lies = mix([Placed(sound=Sound(samples), start=start, role=Role.EFFECT)], length).samples
        wrong += not np.array_equal(lies, expected)
    return wrong


def _cost() -> dict[str, float]:
    """Seconds of processor: a minute of mix, bed and music, and all effects."""
    minute = 60 * SOUND_RATE_HZ
    bed, tune = ambience("rain", minute), music(Mood.HAPPY, 60.0)
    layers = [Placed(sound=bed, start=0, role=Role.AMBIENCE), Placed(sound=tune, start=0, role=Role.MUSIC)]
    jobs: dict[str, Callable[[], object]] = {
        "a minute of music": lambda: music(Mood.HAPPY, 60.0),
        "a minute of each bed, mean": lambda: [ambience(name, minute) for name in BEDS],
        f"an effect, mean of {len(LIBRARY)}": lambda: [effect(name) for name in LIBRARY],
        "a minute of two layers mixed to stereo": lambda: mix(layers, minute),
        "the same to 5.1": lambda: mix(layers, minute, 6),
        "a minute of stereo mastered": lambda: master(tune, WEB_LUFS),
    }
    shares = {"a minute of each bed, mean": len(BEDS), f"an effect, mean of {len(LIBRARY)}": len(LIBRARY)}
    table, facts = Table("what", "s of processor", title="cost, one thread"), {}
    for name, job in jobs.items():
        began_s = time.process_time()
        job()
        facts[name] = (time.process_time() - began_s) / shares.get(name, 1)
        table.add_row(name, f"{facts[name]:.2f}")
    CONSOLE.print(table)
    return facts


def _say(what: str, figure: float, bar: float, unit: str) -> None:
    CONSOLE.print(f"{what}: {figure:.3f} {unit}; bar {bar:g} {unit}: {'met' if figure <= bar else 'missed'}")


if __name__ == "__main__":
    main()
