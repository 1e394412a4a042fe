"""What storing sound as codes costs the ear: bit rate beside what comes back, for 1, 2, 4 … codebooks.

On 96 held-out scenes of all levels: the difference of mel bands to the original, beside that of the continuous latents
and that of the same scene rendered with other noise, a difference that nobody hears; and the share of events that have
an onset within 40 ms. On some seconds of real speech, music and effects from `../shared/media`, left out where that is
absent: the mel difference alone, of a codec that was trained on the procedural world and never heard anything real.
Rates are of codes alone, and of whole files of 2.5 s. Prints tables and writes build/benchmarks/audio_codes.json.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from aiprod_pipelines.picture import Sound
from aiprod_pipelines.sound.codec import SoundCodec
from aiprod_pipelines.sound.codes import pack
from aiprod_pipelines.sound.file import read_sound_file
from aiprod_pipelines.sovereignty import provision
from aiprod_trainer.strategies.audio_autoencoder import mel_difference_db, onsets_kept
from aiprod_trainer.worlds.scene import MAX_LEVEL, sample_scene
from aiprod_trainer.worlds.sound import render_sound

MEDIA = Path(__file__).parents[2] / "shared" / "media"
REAL = {
    "a reading voice": "speech/LJ001-0001.wav",
    "a speech on old tape": "speech/jfk.wav",
    "music": "audio/music/vibe_ace.ogg",
    "a roar": "audio/fx/t_rex_roar.mp3",
}
SCENES, REAL_S = 96, 8
CONSOLE = Console(width=120)


def main() -> None:
    codec = SoundCodec.load(provision.locate())
    most = codec.quantiser.config.codebooks
    counts = [1 << power for power in range(most.bit_length())]
    facts = {"world": _world(codec, counts), "real": _real(codec, counts)}
    path = Path("build/benchmarks/audio_codes.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=2) + "\n")


def _world(codec: SoundCodec, counts: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each number of codebooks, then the continuous latents, then what they are compared with."""
    rate_hz = codec.nac.config.sample_rate_hz
    scenes = [sample_scene(index, level=1 + index % MAX_LEVEL, split="test") for index in range(SCENES)]
    sounds = [_wave(render_sound(scene, sample_rate_hz=rate_hz)) for scene in scenes]
    noisy = [render_sound(replace(scene, index=scene.index + SCENES), sample_rate_hz=rate_hz) for scene in scenes]
    heard: dict[str, list[Tensor]] = {str(count): [_coded(codec, sound, count) for sound in sounds] for count in counts}
    heard["continuous latents"] = [_continuous(codec, sound) for sound in sounds]
    heard["the same, other noise"] = [_wave(wave) for wave in noisy]
    heard["the original"] = sounds
    rows, table = (
        [],
        Table("codebooks", "kb/s", "kb/s of files", "mel dB", "onsets within 40 ms", title="held-out scenes"),
    )
    for name, decoded in heard.items():
        row: dict[str, Any] = {
            "codebooks": name,
            "mel_db": fmean(mel_difference_db(a, b) for a, b in zip(sounds, decoded, strict=True)),
            "onsets": onsets_kept(scenes, decoded, sample_rate_hz=rate_hz),
        }
        rates = ["", ""]
        if name.isdecimal():
            row |= _rates(codec, sounds, int(name))
            rates = [f"{row['bits_per_s'] / 1000:.1f}", f"{row['file_bits_per_s'] / 1000:.2f}"]
        rows.append(row)
        table.add_row(name, *rates, f"{row['mel_db']:.2f}", f"{row['onsets']:.1%}")
    CONSOLE.print(table)
    return rows


def _real(codec: SoundCodec, counts: Sequence[int]) -> list[dict[str, Any]]:
    """Mel differences of real recordings; none where the media are absent."""
    rate_hz, rows = codec.nac.config.sample_rate_hz, []
    names = [*map(str, counts), "continuous latents"]
    table = Table("recording", *names, title=f"real sound, first {REAL_S} s: mel dB by codebooks")
    for about, name in REAL.items():
        if (MEDIA / name).exists():
            whole = read_sound_file(MEDIA / name, rate_hz=rate_hz, most_channels=1)
            sound = torch.from_numpy(whole.samples[:, : REAL_S * rate_hz].copy())
            decoded = [*(_coded(codec, sound, count) for count in counts), _continuous(codec, sound)]
            differences_db = [mel_difference_db(sound, again) for again in decoded]
            rows.append({"recording": about, "mel_db": dict(zip(names, differences_db, strict=True))})
            table.add_row(about, *(f"{value:.2f}" for value in differences_db))
    if rows:
        CONSOLE.print(table)
    else:
        CONSOLE.print(f"no folder {MEDIA}: real sound left out")
    return rows


def _rates(codec: SoundCodec, sounds: Sequence[Tensor], count: int) -> dict[str, float]:
    """Bits a second of the codes, and of files with their headers."""
    config, stored = codec.quantiser.config, [codec.encode(_sound(codec, sound), count) for sound in sounds]
    seconds = sum(one.duration_s for one in stored)
    return {
        "bits_per_s": config.bits_per_s * count / config.codebooks,
        "file_bits_per_s": 8 * sum(len(pack(one)) for one in stored) / seconds,
    }


def _coded(codec: SoundCodec, sound: Tensor, count: int) -> Tensor:
    return torch.from_numpy(codec.decode(codec.encode(_sound(codec, sound), count)).samples)


@torch.inference_mode()
def _continuous(codec: SoundCodec, sound: Tensor) -> Tensor:
    return codec.nac.decode(codec.nac.encode(sound[None]), sound.shape[-1])[0].clamp(-1, 1)


def _sound(codec: SoundCodec, sound: Tensor) -> Sound:
    return Sound(sound.numpy(), codec.nac.config.sample_rate_hz)


def _wave(samples: Any) -> Tensor:
    return torch.from_numpy(samples)[None]


if __name__ == "__main__":
    main()
