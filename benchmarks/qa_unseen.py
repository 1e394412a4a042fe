"""Technical QA on faults planted here, at random places in clips of ../shared/media: found, missed, false alarms.

Every clip is also inspected without a fault, once delivered. What its first run missed led to two rules (freezes that a
coder touches up, crowds of samples); the limits of all others were chosen before this was written.
Prints a table by kind and writes build/benchmarks/qa_unseen.json; the exit code is 1 for a miss or a false alarm.
"""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from rich.console import Console
from rich.table import Table
from scipy.ndimage import gaussian_filter

from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Format, Frame, Sound
from aiprod_pipelines.quality.finding import Code, Report
from aiprod_pipelines.quality.technical import inspect

MEDIA = Path(__file__).parents[2] / "shared" / "media"
CLIPS = (
    "talking/kitchen_two_women.mp4",
    "video/crystal_lotus.mp4",
    "video/gen_toy_ship.mp4",
    "video/gen_white_suv.mp4",
    "video/stream_of_water.mp4",
    "video/football_juggling.mp4",
    "video/chaplin_policeman.mp4",
    "video/asl_walk_face.mkv",
    "video/dog_trick_woman.mp4",
    "video/car_from_above.mp4",
)
WIDTH_PX, FRAMES = 320, 75
NOTHING: frozenset[Code] = frozenset()


@dataclass(kw_only=True)
class Film:
    """What is delivered; a fault changes it. `truth` is what it wrote down about itself: seconds, or pixels."""

    frames: list[Frame]
    format: Format
    sound: Sound
    profile: Profile = Profile.WEB
    truth: tuple[float, ...] = ()

    @property
    def rate_hz(self) -> float:
        return float(self.format.frame_rate)


Plant = Callable[[Film, np.random.Generator], None]
Found = Callable[[Report, Film], bool]


def black(film: Film, generator: np.random.Generator) -> None:
    length, at = int(generator.integers(1, 12)), int(generator.integers(5, len(film.frames) - 20))
    film.frames[at : at + length] = [np.zeros_like(film.frames[0])] * length
    film.truth = (at / film.rate_hz, (at + length) / film.rate_hz)


def frozen(film: Film, generator: np.random.Generator) -> None:
    """For 0.7 to 1.2 s, after half a second of motion."""
    length = round(generator.uniform(0.7, 1.2) * film.rate_hz)
    at = int(generator.integers(round(0.6 * film.rate_hz), len(film.frames) - length - 2))
    film.frames[at + 1 : at + 1 + length] = [film.frames[at]] * length
    film.truth = (at / film.rate_hz, (at + 1 + length) / film.rate_hz)


def overlay(film: Film, generator: np.random.Generator) -> None:
    x, y = (
        int(generator.integers(4, film.format.width_px - 110)),
        int(generator.integers(4, film.format.height_px - 24)),
    )
    for number, frame in enumerate(film.frames):
        picture = Image.fromarray(frame)
        ImageDraw.Draw(picture).text((x, y), "Preview 7", fill=(230, 230, 230), font_size=18)
        film.frames[number] = np.asarray(picture)
    film.truth = (float(x), float(y))


def blurred(film: Film, generator: np.random.Generator) -> None:
    sigma = generator.uniform(3, 6)
    film.frames = [gaussian_filter(frame, (sigma, sigma, 0)) for frame in film.frames]


def bars(film: Film, generator: np.random.Generator) -> None:
    size = int(generator.integers(8, 30))
    for number, frame in enumerate(film.frames):
        film.frames[number] = frame.copy()
        film.frames[number][:size] = film.frames[number][-size:] = 0
    film.truth = (float(size),)


def shifted(film: Film, generator: np.random.Generator) -> None:
    late = round(float(generator.choice([-1, 1]) * generator.uniform(0.15, 0.5)) * 48_000)
    samples = np.roll(film.sound.samples, late, axis=1)
    samples[:, : max(late, 0)] = 0
    samples[:, samples.shape[1] + min(late, 0) :] = 0
    film.sound, film.truth = Sound(samples), (late / 48_000,)


def driven(film: Film, generator: np.random.Generator) -> None:
    """Until one sample in a hundred is cut off, as a converter does it."""
    level = np.quantile(np.abs(film.sound.samples), 1 - generator.uniform(0.005, 0.02))
    film.sound = Sound((film.sound.samples / level).clip(-1, 1).astype(np.float32))


def driven_master(film: Film, generator: np.random.Generator) -> None:
    driven(film, generator)
    film.profile = Profile.PRORES422


def silent(film: Film, _: np.random.Generator) -> None:
    film.sound = Sound(np.zeros_like(film.sound.samples))


def nothing(film: Film, _: np.random.Generator) -> None:
    """Delivered as it is."""


def told(report: Report, code: Code) -> list[tuple[float, ...]]:
    return [(f.start_s or 0.0, f.end_s or 0.0) for f in report.findings if f.code is code]


def within(code: Code) -> Found:
    """Found once, at its place to a frame."""
    return lambda report, film: (
        len(told(report, code)) == 1
        and all(abs(a - b) <= 1.01 / film.rate_hz for a, b in zip(told(report, code)[0], film.truth, strict=True))
    )


def named(code: Code) -> Found:
    return lambda report, _: any(finding.code is code for finding in report.findings)


def _overlaid(report: Report, film: Film) -> bool:
    regions = [finding.region_px for finding in report.findings if finding.code is Code.OVERLAY and finding.region_px]
    return any(all(abs(a - b) <= 16 for a, b in zip(region, film.truth, strict=False)) for region in regions)


def _barred(report: Report, film: Film) -> bool:
    regions = [finding.region_px for finding in report.findings if finding.code is Code.BARS and finding.region_px]
    return any(abs(region[1] - film.truth[0]) <= 2 for region in regions)


def _shifted(report: Report, film: Film) -> bool:
    late_s = [finding.value or 0.0 for finding in report.findings if finding.code is Code.OUT_OF_SYNC]
    return len(late_s) == 1 and abs(late_s[0] - film.truth[0]) <= 0.005


# Kind of fault: how it is planted, how it is seen, what faults are meant, whether the clean film is given beside.
KINDS: Mapping[str, tuple[Plant, Found, frozenset[Code], bool]] = {
    "nothing": (nothing, lambda *_: True, NOTHING, False),
    "nothing, beside its reference": (nothing, named(Code.NEAR_DUPLICATE), NOTHING, True),
    "black frames": (black, within(Code.BLACK), frozenset({Code.BLACK}), False),
    "frozen frames": (frozen, within(Code.FROZEN), frozenset({Code.FROZEN}), False),
    "overlay": (overlay, _overlaid, frozenset({Code.OVERLAY}), True),
    "blur": (blurred, named(Code.BLURRED), frozenset({Code.BLURRED}), True),
    "bars": (bars, _barred, NOTHING, False),
    "sound shifted": (shifted, _shifted, frozenset({Code.OUT_OF_SYNC}), True),
    "sound clipped, PCM": (driven_master, named(Code.CLIPPING), frozenset({Code.CLIPPING}), False),
    "sound clipped, then AAC": (driven, named(Code.CLIPPING), frozenset({Code.CLIPPING}), False),
    "sound silent": (silent, named(Code.SILENT), frozenset({Code.SILENT}), False),
}


def load(name: str, sound: Sound) -> Film:
    footage = Footage.open(MEDIA / name)
    height = round(WIDTH_PX * footage.height_px / footage.width_px / 2) * 2
    frames = list(footage.frames(0, FRAMES, size_px=(WIDTH_PX, height)))
    format = Format(width_px=WIDTH_PX, height_px=height, frame_rate=footage.frame_rate)
    samples = np.resize(sound.samples, (sound.samples.shape[0], format.sample(len(frames))))
    return Film(frames=frames, format=format, sound=Sound(np.ascontiguousarray(samples)))


def write(film: Film, path: Path) -> Path:
    whole = path.with_suffix(film.profile.recipe.suffix)
    deliver(whole, film.frames, film.format, film.profile, sound=film.sound)
    return whole


def main() -> None:
    speech = Footage.open(MEDIA / "talking" / "kitchen_two_women.mp4").sound()
    assert speech is not None
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(CLIPS):
            clean = load(name, speech)
            reference = write(clean, Path(folder) / f"{number}")
            for kind, (plant, found, meant, beside) in KINDS.items():
                film = Film(frames=list(clean.frames), format=clean.format, sound=clean.sound)
                plant(film, np.random.default_rng([number, *kind.encode()]))
                path = write(film, Path(folder) / f"{number} {kind}")
                if kind.startswith("nothing,"):
                    path.write_bytes(path.read_bytes() + bytes(8))  # other bytes, the same film
                report = inspect(path, against=reference if beside else None)
                alarms = [fault.code for fault in report.faults if fault.code not in meant]
                rows.append({"clip": name, "kind": kind, "found": found(report, film), "false_alarms": alarms})
                path.unlink()
    table = Table("fault", "films", "found", "false alarms", title=f"planted here, {len(CLIPS)} clips")
    for kind in KINDS:
        mine = [row for row in rows if row["kind"] == kind]
        alarms_of = Counter(str(alarm) for row in mine for alarm in row["false_alarms"])  # type: ignore[attr-defined]
        missed = ", ".join(Path(str(row["clip"])).stem for row in mine if not row["found"])
        count = sum(bool(row["found"]) for row in mine)
        words = ", ".join(f"{code} {times}" for code, times in alarms_of.items())
        table.add_row(kind, str(len(mine)), f"{count}" + (f" (not {missed})" if missed else ""), words)
    Console(width=150).print(table)
    path = Path("build/benchmarks/qa_unseen.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")
    sys.exit(any(row["false_alarms"] or not row["found"] for row in rows))


if __name__ == "__main__":
    main()
