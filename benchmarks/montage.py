"""The montage's bars: cuts, sound and drift to the sample, timelines in and out, speed at 720p, and against MoviePy.

Prints a table and writes build/benchmarks/montage.json. Times are medians of runs that take turns, wall and processor,
of this process and all that it starts. MoviePy wants an older Pillow: `--moviepy-python` is a Python that has it; left
out, a virtual environment is made for it in a temporary folder (its packages come from the registry), and
`--no-moviepy` leaves it out.
"""

import argparse
import dataclasses
import hashlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import opentimelineio as otio
from rich.console import Console
from rich.table import Table

from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.intermediate import write_intermediate
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.montage import timeline as timelines
from aiprod_pipelines.montage import vocabulary
from aiprod_pipelines.montage.conform import conform
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.render import ahead, frames
from aiprod_pipelines.montage.soundtrack import sounds
from aiprod_pipelines.montage.titles import Title
from aiprod_pipelines.montage.transitions import Kind, Transition
from aiprod_pipelines.picture import Format, Frame, Sound
from aiprod_pipelines.sound.mix import mix

MEDIA = Path(__file__).parents[1].parent / "shared" / "media"
RATES = [Fraction(24_000, 1001), Fraction(24), Fraction(25), Fraction(30_000, 1001), Fraction(30)]
RATE = Fraction(25)
HD = Format(width_px=1280, height_px=720, frame_rate=RATE)
RUNS = 3
CLIP_FRAMES, CLIPS, JOIN_FRAMES = 100, 4, 20
# What both programs are asked for: x264 at these settings, one thread, so that only the montage differs.
SETTINGS = {"preset": "ultrafast", "crf": "20"}

MOVIEPY = """
import sys
from moviepy import VideoFileClip, CompositeVideoClip, vfx, afx
out, join_s, font, *paths = sys.argv[1:]
join_s = float(join_s)
clips, start = [], 0.0
for number, path in enumerate(paths):
    clip = VideoFileClip(path)
    if number:
        clip = clip.with_effects([vfx.CrossFadeIn(join_s), afx.AudioFadeIn(join_s)])
    if number < len(paths) - 1:
        clip = clip.with_effects([afx.AudioFadeOut(join_s)])
    clips.append(clip.with_start(start))
    start += clip.duration - join_s
from moviepy import TextClip
text = TextClip(font=font, text="The Lighthouse", font_size=86, color="white")
clips.append(text.with_duration(3).with_start(1).with_position("center"))
film = CompositeVideoClip(clips)
film.write_videofile(out, fps=25, codec="libx264", audio_codec="aac", preset="ultrafast", threads=1,
                     ffmpeg_params=["-crf", "20"], logger=None)
"""


def source(path: Path, rate: Fraction, count: int, size: tuple[int, int], *, clicks: tuple[int, ...] = ()) -> None:
    """A lossless film of noise that no two frames share, clicking at the beginning of some."""
    rng = np.random.default_rng(len(path.name) + count)
    base = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    format = Format(width_px=size[0], height_px=size[1], frame_rate=rate)
    samples = np.zeros((1, format.sample(count)), np.float32)
    samples[0, [format.sample(click) for click in clicks]] = 0.9
    write_intermediate(path, (np.roll(base, number * 7, axis=1) for number in range(count)), format, Sound(samples))


def track_of(spans: list[tuple[Path, int, int]], rate: Fraction) -> otio.schema.Timeline:
    timeline = otio.schema.Timeline("benchmark")
    track = otio.schema.Track(kind=otio.schema.TrackKind.Video)
    for path, start, length in spans:
        reference = otio.schema.ExternalReference(target_url=str(path))
        span = vocabulary.range_at(start, length, rate)
        track.append(otio.schema.Clip(name=path.name, media_reference=reference, source_range=span))
    timeline.tracks.append(track)
    return timeline


def hashes(pictures: Iterable[Frame]) -> list[str]:
    return [hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest() for picture in pictures]


def cut_errors(folder: Path, rate: Fraction) -> dict[str, Any]:
    """Frames of a cut film, through FFV1, that are not those of its sources, hash by hash."""
    paths = [folder / f"cut{n}_{float(rate):.3f}.mkv" for n in range(2)]
    for path in paths:
        source(path, rate, 120, (160, 96))
    spans = [(paths[n % 2], 13 * n % 80, 3 + 11 * n % 31) for n in range(24)]
    media = MediaBin(folder=folder)
    edit = conform(track_of(spans, rate), media)
    format = Format(width_px=160, height_px=96, frame_rate=rate)
    film = folder / "cut.mkv"
    write_intermediate(film, frames(edit, format, media), format)
    wanted = [one for path, start, count in spans for one in hashes(Footage.open(path).frames(start, start + count))]
    found = hashes(Footage.open(film).frames())
    wrong = sum(a != b for a, b in zip(wanted, found, strict=False)) + abs(len(wanted) - len(found))
    return {"frames": len(wanted), "wrong_frames": wrong}


def sound_errors_ms(folder: Path, rate: Fraction) -> dict[str, float]:
    """How far clicks are from their frames: in the mix over 100 cuts, and in files with PCM and AAC sound."""
    path = folder / f"click_{float(rate):.3f}.mkv"
    source(path, rate, 40, (64, 64), clicks=(20,))
    media = MediaBin(folder=folder)
    edit = conform(track_of([(path, 17, 7)] * 101, rate), media)
    format = Format(width_px=64, height_px=64, frame_rate=rate)
    sound = mix(sounds(edit, format, media), format.sample(edit.num_frames), channels=1)
    at = [format.sample(7 * n + 3) for n in range(101)]
    errors = {"drift_ms": [abs(_loudest(sound, sample) - sample) for sample in at]}
    for name, profile in (("pcm_ms", Profile.PRORES422), ("aac_ms", Profile.PREVIEW)):
        film = folder / f"sync{profile.recipe.suffix}"
        deliver(film, frames(edit, format, media), format, profile, sound=sound)
        read = Footage.open(film).sound()
        assert read is not None
        errors[name] = [abs(_loudest(read, sample) - sample) for sample in at]
    return {name: max(samples) / 48 for name, samples in errors.items()}


def _loudest(sound: Sound, near: int, reach: int = 3000) -> int:
    begin = max(near - reach, 0)
    return begin + int(np.abs(sound.samples[0, begin : near + reach]).argmax())


def timeline_facts(folder: Path) -> dict[str, Any]:
    """How many of the samples are read, and how many keep clips, ranges and transitions in each format."""
    facts: dict[str, Any] = {"files": 0, "read": 0, "otio": 0, "fcpxml": 0, "edl": 0, "left_out": {}}
    for path in sorted((MEDIA / "timeline").iterdir()):
        facts["files"] += 1
        timeline = timelines.read(path)
        facts["read"] += 1
        for suffix in ("otio", "fcpxml", "edl"):
            left_out = timelines.write(timeline, folder / f"again.{suffix}")
            facts[suffix] += not left_out
            if left_out:
                facts["left_out"][f"{path.name} as {suffix}"] = left_out
    return facts


def renders_the_same(folder: Path) -> bool:
    """Whether a timeline that was written and read gives the same frames."""
    path = folder / "same.mkv"
    source(path, RATE, 120, (160, 96))
    timeline = film([path], frames_each=30, join=6)
    timelines.write(timeline, folder / "same.otio")
    media, format = MediaBin(folder=folder), Format(width_px=160, height_px=96, frame_rate=RATE)
    pair = [conform(one, media) for one in (timeline, timelines.read(folder / "same.otio"))]
    first, second = (hashes(frames(edit, format, media)) for edit in pair)
    return first == second


def film(paths: list[Path], *, frames_each: int = CLIP_FRAMES, join: int = JOIN_FRAMES) -> otio.schema.Timeline:
    """Four clips that dissolve into each other, with a title over the first."""
    chosen = [paths[n % len(paths)] for n in range(CLIPS)]
    half = join // 2
    joins = [1, *[2] * (CLIPS - 2), 1]  # how many of its ends a clip dissolves at
    spans = [(path, half if n else 0, frames_each - half * joins[n]) for n, path in enumerate(chosen)]
    timeline = track_of(spans, RATE)
    for place in range(CLIPS - 1, 0, -1):
        timeline.tracks[0].insert(place, vocabulary.to_transition(Transition(kind=Kind.DISSOLVE), half, half, RATE))
    over = otio.schema.Track(kind=otio.schema.TrackKind.Video)
    over.append(otio.schema.Gap(source_range=vocabulary.range_at(0, 25, RATE)))
    over.append(vocabulary.to_title(Title(text="The Lighthouse"), min(75, frames_each), RATE))
    timeline.tracks.append(over)
    return timeline


def clips_720p(folder: Path) -> list[Path]:
    """Four H.264 clips of 720p with sound, from real films where they are at hand, else from moving noise."""
    real = [MEDIA / "video" / n for n in ("bbb_wakeup_720p.mp4", "sintel_snow.mp4", "dog_trick_woman.mp4")]
    given = [path for path in real if path.is_file()]
    made, media = [], MediaBin(folder=folder)
    seconds = np.arange(HD.sample(CLIP_FRAMES)) / 48_000
    for number in range(CLIPS):
        path = folder / f"clip{number}.mp4"
        tone = (0.2 * np.sin(2 * np.pi * 220 * (number + 1) * seconds)).astype(np.float32)
        pictures: Iterable[Frame]
        if given:  # as often as it takes
            footage = Footage.open(given[number % len(given)])
            times = -(-CLIP_FRAMES // footage.num_frames)
            edit = conform(track_of([(footage.path, 0, footage.num_frames)] * times, footage.frame_rate), media)
            format = dataclasses.replace(HD, frame_rate=edit.frame_rate)
            pictures = itertools.islice(frames(edit, format, media), CLIP_FRAMES)
        else:
            base = np.random.default_rng(number).integers(0, 256, (720, 1280, 3), np.uint8)
            pictures = (np.roll(base, 4 * n, axis=1) for n in range(CLIP_FRAMES))
        deliver(path, pictures, HD, Profile.WEB, sound=Sound(tone[None]))
        made.append(path)
    return made


def render(timeline: otio.schema.Timeline, out: Path, encode: Callable[[Path, Iterator[Frame], Sound], None]) -> None:
    media = MediaBin(folder=out.parent)
    edit = conform(timeline, media)
    encode(out, ahead(frames(edit, HD, media)), mix(sounds(edit, HD, media), HD.sample(edit.num_frames)))


def encode_alike(out: Path, pictures: Iterator[Frame], sound: Sound) -> None:
    """x264 and AAC at the settings that MoviePy is given."""
    with av.open(str(out), "w") as container:
        video = container.add_stream("libx264", rate=HD.frame_rate, options=SETTINGS)
        video.width, video.height, video.pix_fmt = HD.width_px, HD.height_px, "yuv420p"
        video.codec_context.thread_count = 1
        audio = container.add_stream("aac", rate=48_000, layout="stereo")
        for picture in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(video.encode())
        block = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.samples.clip(-1, 1)), "fltp", "stereo")
        block.sample_rate, block.pts = 48_000, 0
        container.mux(audio.encode(block))
        container.mux(audio.encode())


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of `work` and of all that it starts."""
    wall, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    return time.perf_counter() - wall, sum(after[:4]) - sum(before[:4])


def moviepy_python(folder: Path) -> Path:
    """A Python with MoviePy, in a virtual environment of its own."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "moviepy"], check=True)
    return python


def ours() -> None:
    """This file as a program that renders one film, so that both are timed from their start: TIMELINE OUT."""
    render(timelines.read(Path(sys.argv[2])), Path(sys.argv[3]), encode_alike)


def speed(folder: Path, python: Path | None) -> dict[str, Any]:
    """Seconds of film a second, by profile; and the same film by MoviePy and by us, in turns, from a cold start."""
    paths = clips_720p(folder)
    timeline = film(paths)
    timelines.write(timeline, folder / "film.otio")
    facts: dict[str, Any] = {}
    for profile in (Profile.PREVIEW, Profile.WEB):

        def encode(out: Path, pictures: Iterator[Frame], sound: Sound, to: Profile = profile) -> None:
            deliver(out, pictures, HD, to, sound=sound)

        out = folder / f"{profile}.mp4"
        runs = [timed(partial(render, timeline, out, encode)) for _ in range(RUNS)]
        count = Footage.open(out).num_frames
        wall, processor = (statistics.median(run[n] for run in runs) for n in (0, 1))
        facts[str(profile)] = {
            "film_s": count / 25, "frames": count, "wall_s": wall, "cpu_s": processor, "x_real_time": count / 25 / wall,
        }  # fmt: skip
    if python is None:
        return facts
    font = str(Path(vocabulary.__file__).parent / "fonts" / "SourceSans3-Regular.otf")
    theirs_out, ours_out = folder / "moviepy.mp4", folder / "aiprod.mp4"
    theirs = [python, "-c", MOVIEPY, theirs_out, str(JOIN_FRAMES / 25), font, *paths]
    mine = [sys.executable, __file__, "--render", folder / "film.otio", ours_out]
    pairs = []
    for _ in range(RUNS):
        pairs.append([timed(partial(subprocess.run, one, check=True)) for one in (mine, theirs)])
    for place, clock in enumerate(("wall", "cpu")):
        facts[f"moviepy_{clock}_s"] = statistics.median(pair[1][place] for pair in pairs)
        facts[f"aiprod_{clock}_s"] = statistics.median(pair[0][place] for pair in pairs)
        facts[f"ratio_{clock}"] = statistics.median(pair[1][place] / pair[0][place] for pair in pairs)
    facts["frames_both"] = [Footage.open(path).num_frames for path in (ours_out, theirs_out)]
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moviepy-python", type=Path)
    parser.add_argument("--no-moviepy", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = asked.moviepy_python
        if python is None and not asked.no_moviepy:
            python = moviepy_python(folder / "moviepy")
        facts: dict[str, Any] = {
            "cuts": {f"{float(rate):.3f}": cut_errors(folder, rate) for rate in RATES},
            "sound": {f"{float(rate):.3f}": sound_errors_ms(folder, rate) for rate in RATES},
            "timelines": timeline_facts(folder) if MEDIA.is_dir() else None,
            "written_and_read_renders_the_same": renders_the_same(folder),
            "speed": speed(folder, python),
        }
    show(facts)
    path = Path("build/benchmarks/montage.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=2) + "\n")


def show(facts: dict[str, Any]) -> None:
    table = Table("what", "bar", "figure", title="montage")
    for rate, cut in facts["cuts"].items():
        table.add_row(f"wrong frames at {rate}", "0", f"{cut['wrong_frames']} of {cut['frames']}")
    for rate, sound in facts["sound"].items():
        table.add_row(f"drift over 100 cuts at {rate}", "≤ 1 ms", f"{sound['drift_ms']:.3f} ms")
        table.add_row(
            f"sound in PCM / AAC at {rate}", "≤ 1 / 5 ms", f"{sound['pcm_ms']:.3f} / {sound['aac_ms']:.3f} ms"
        )
    if facts["timelines"] is not None:
        t = facts["timelines"]
        table.add_row("timelines read", "all", f"{t['read']} of {t['files']}")
        table.add_row(
            "all kept by .otio, .fcpxml, .edl", "-", f"{t['otio']}, {t['fcpxml']}, {t['edl']} of {t['files']}"
        )
    table.add_row("written, read, rendered: same frames", "yes", str(facts["written_and_read_renders_the_same"]))
    pace = facts["speed"]
    for profile, bar in (("preview", "≥ 1"), ("web", "-")):
        one = pace[profile]
        table.add_row(
            f"720p {profile}, times real time", bar, f"{one['x_real_time']:.2f} ({one['film_s']:.1f} s of film in "
            f"{one['wall_s']:.1f} s, processor {one['cpu_s']:.1f} s)"
        )  # fmt: skip
    if "ratio_wall" in pace:
        for clock in ("wall", "cpu"):
            both = f"{pace[f'moviepy_{clock}_s']:.1f} s / {pace[f'aiprod_{clock}_s']:.1f} s"
            bar = "≥ 1.3" if clock == "wall" else "-"
            table.add_row(f"MoviePy / ours, {clock}", bar, f"{pace[f'ratio_{clock}']:.2f} ({both})")
    Console().print(table)


if __name__ == "__main__":
    ours() if sys.argv[1:2] == ["--render"] else main()
