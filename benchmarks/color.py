"""How exact colour is, and what it costs: every gate of grading, judged by OpenColorIO, colour-science and SciPy.

Prints a table and writes build/benchmarks/color.json. Matching is measured on real shots in ../shared/media, where
they are. Times are of one core.
"""

import json
import runpy
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.interpolate import PchipInterpolator

from aiprod_pipelines.color import delta_e, grader, lut, match, operations, reference, spaces, transfer
from aiprod_pipelines.color.grade import Cdl, Grade
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.color.looks import LOOKS
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.picture import Encoding, Frame

TESTS = Path("packages/aiprod-pipelines/tests/color")
SHOTS = Path("../shared/media/video")
NAMES = (
    "crystal_lotus", "football_juggling", "stream_of_water", "gen_white_suv",
    "gen_hiker_peak", "gen_toy_ship", "car_from_above", "alphabet_blocks_topdown",
)  # fmt: skip
UNITY, ZERO = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Row:
    """A figure; `gate` is the most it may be, None where it is only told."""

    what: str
    value: float
    gate: float | None = None
    unit: str = ""


def colours(count: int = 200_000) -> NDArray[np.float32]:
    return np.random.default_rng(11).random((count, 3)).astype(np.float32)


def analytic() -> Iterator[Row]:
    rgb = colours()
    slope, offset, power = (1.2, 0.9, 1.05), (0.03, -0.05, 0.0), (0.8, 1.3, 1.1)
    judge = ocio.CDLTransform()
    judge.setSlope(slope)
    judge.setOffset(offset)
    judge.setPower(power)
    judge.setSat(1.4)
    judged = spaces.apply(spaces.exact(spaces.config().getProcessor(judge)), rgb)
    yield Row("CDL against OpenColorIO", worst(operations.cdl(rgb, slope, offset, power, 1.4), judged), 2e-5)
    lifted = 1.1 * (rgb.astype(np.float64) + 0.05 * (1 - rgb.astype(np.float64)))
    closed = np.sign(lifted) * np.abs(lifted) ** (1 / 1.3)
    ours = operations.wheels(rgb, (0.05,) * 3, (1.3,) * 3, (1.1,) * 3)
    yield Row("wheels against closed form", worst(ours, closed), 2e-5)
    points = ((0.0, 0.0), (0.2, 0.1), (0.5, 0.55), (0.8, 0.9), (1.0, 1.0))
    yield Row(
        "curve against SciPy", worst(operations.curve(rgb, points), PchipInterpolator(*np.array(points).T)(rgb)), 2e-5
    )


def round_trip() -> Iterator[Row]:
    rgb = colours()
    back = spaces.leave(spaces.enter(rgb, Encoding.REC709), Encoding.REC709)
    light = [transfer.decode(code, Encoding.REC709) for code in (rgb, back)]
    yield Row("ACES 2 round trip, display light, worst", worst(*light), 2e-4)
    yield Row("ACES 2 round trip, code values, mean", float(np.abs(back - rgb).mean()), 2e-4)
    yield Row("ACES 2 round trip, code values, worst", worst(back, rgb), 2e-4)
    eight = [transfer.quantise(code, np.uint8) for code in (rgb, back)]
    changed = (eight[0] != eight[1]).any(axis=1).mean()
    yield Row("ACES 2 round trip, share of colours with another 8-bit code", float(changed))
    inner = rgb.min(axis=1) > 0.05
    yield Row("ACES 2 round trip, no channel below 5 %, worst", worst(back[inner], rgb[inner]), 2e-4)
    for encoding in (Encoding.PQ, Encoding.HLG):
        shown = spaces.leave(spaces.enter(rgb, Encoding.REC709), encoding)
        again = spaces.leave(spaces.enter(shown, encoding), encoding)
        yield Row(f"ACES 2 round trip, {encoding} of SDR colours, mean", float(np.abs(again - shown).mean()), 2e-4)


def bakes() -> Iterator[Row]:
    frame = (colours(40_000) * 65535 + 0.5).astype(np.uint16).reshape(200, 200, 3)
    for cube, gate in ((33, 0.3), (65, 0.1)):
        means, peaks = [], []
        for name in LOOKS:
            grade = Grade(look=name)
            seen = difference(Grader(grade, cube=None)(frame), Grader(grade, cube=cube)(frame), Encoding.REC709)
            means.append(float(seen.mean()))
            peaks.append(float(seen.max()))
        yield Row(f"{cube}³ table, mean ΔE2000 of the worst look", max(means), gate)
        yield Row(f"{cube}³ table, greatest ΔE2000 of any pixel", max(peaks))
    for target in (Encoding.PQ, Encoding.HLG):
        exact, baked = (Grader(Grade(look="vivid"), target=target, cube=cube)(frame) for cube in (None, 65))
        yield Row(f"65³ table to {target}, mean ΔE2000", float(difference(exact, baked, target).mean()), 0.1)


def files() -> Iterator[Row]:
    table = np.random.default_rng(2).uniform(-0.1, 1.2, (17, 17, 17, 3)).astype(np.float32)
    steps = np.linspace(0, 1, 17, dtype=np.float32)
    nodes = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    cdl = Cdl(slope=(1.123456789, 1, 0.3), offset=(1e-4 / 3, 0, -0.2), power=(1.7, 1, 0.9), saturation=1.23)
    rgb = colours(5_000)
    ours = operations.cdl(rgb, cdl.slope, cdl.offset, cdl.power, cdl.saturation)
    with tempfile.TemporaryDirectory() as folder:
        for suffix, encode in ((".cube", lut.encode_cube), (".clf", lut.encode_clf)):
            path = Path(folder) / f"table{suffix}"
            path.write_bytes(encode(table, title="table"))
            yield Row(f"{suffix} written and read", worst(lut.read(path)(nodes), table), 1e-6)
        for suffix in (".cc", ".ccc"):
            path = Path(folder) / f"list{suffix}"
            path.write_bytes(lut.encode_cdl(cdl, suffix, name="x"))
            yield Row(f"{suffix} written and read", worst(lut.read(path)(rgb), ours), 1e-6)


def greys() -> Iterator[Row]:
    grey = np.repeat(np.arange(65536, dtype=np.uint16)[None, :, None], 3, axis=2)
    for cube, how in ((None, "exact"), (65, "65³ table")):
        kept = [Grader(Grade(look=name), cube=cube)(grey) for name, look in LOOKS.items() if look.keeps_grey]
        kept += [Grader(Grade(exposure_stops=0.5), target=target, cube=cube)(grey) for target in Encoding]
        yield Row(
            f"grey stays grey, {how}: greatest spread",
            max(np.ptp(k.astype(int), axis=2).max() for k in kept) / 65535,
            1e-4,
        )


def judged_formulas() -> Iterator[Row]:
    pairs = runpy.run_path(str(TESTS / "test_delta_e.py"))["SHARMA"]
    yield Row(
        "CIEDE2000 on Sharma's 34 pairs, worst",
        worst(delta_e.ciede2000(pairs[:, :3], pairs[:, 3:6]), pairs[:, 6]),
        1e-4,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it regrets the absence of Matplotlib
        import colour
    codes = np.arange(1024)
    pq = transfer.nits_to_pq(colour.models.eotf_ST2084(codes / 1023))
    yield Row("PQ 10-bit codes wrong, of 1024", float((np.round(pq * 1023) != codes).sum()), 0)
    grey = np.repeat(codes[:, None] / 1023, 3, axis=1)
    hlg = transfer.nits_to_hlg(colour.models.eotf_BT2100_HLG(grey, L_B=0, L_W=1000, gamma=1.2))
    yield Row("HLG 10-bit codes wrong, of 1024", float((np.round(hlg * 1023) != codes[:, None]).any(axis=1).sum()), 0)


def matching() -> Iterator[Row]:
    footages = [Footage.open(SHOTS / f"{name}.mp4") for name in NAMES]
    measured = [reference.measure_shot(footage) for footage in footages]
    seen = [held_out(footage) for footage in footages]
    means = [mean_lab(frames) for frames in seen]
    before, after = [], []
    for a, b in permutations(range(len(NAMES)), 2):
        matched = Grader(Grade(match=match.fit(measured[a], measured[b])), cube=33)
        before.append(float(delta_e.ciede2000(means[a], means[b])))
        after.append(float(delta_e.ciede2000(mean_lab([matched(frame) for frame in seen[a]]), means[b])))
    yield Row(f"shots apart before matching, mean ΔE2000 of {len(before)} pairs", statistics.mean(before))
    yield Row("shots apart after matching, of that before", statistics.mean(after) / statistics.mean(before), 0.5)
    yield Row("the same of the worst pair", max(x / y for x, y in zip(after, before, strict=True)))


def costs() -> Iterator[Row]:
    small = np.zeros((8, 8, 3), np.uint8)
    frame = (colours(720 * 1280) * 255 + 0.5).astype(np.uint8).reshape(720, 1280, 3)
    grader.baked.cache_clear()
    grader._entered.cache_clear()
    yield Row("first grade of a process baked at 65³", seconds(lambda: Grader(Grade(look="noir"))(small)), unit="s")
    yield Row("every other", seconds(lambda: Grader(Grade(look="neon"))(small)), unit="s")
    ready = Grader(Grade(look="neon"))
    yield Row("frame of 720p by table, 8 bits", median_s(lambda: ready(frame), 5), unit="s")
    hdr = Grader(Grade(look="neon"), target=Encoding.PQ)
    hdr(small)
    yield Row("frame of 720p by table, 8 bits to PQ", median_s(lambda: hdr(frame), 5), unit="s")
    exact = Grader(Grade(look="neon"), cube=None)
    yield Row("frame of 720p, exact", median_s(lambda: exact(frame), 3), unit="s")


def worst(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.abs(a - b).max())


def difference(a: Frame, b: Frame, encoding: Encoding) -> NDArray[np.float64]:
    return delta_e.ciede2000(*(lab(frame, encoding) for frame in (a, b)))


def lab(frame: Frame, encoding: Encoding) -> NDArray[np.float64]:
    return delta_e.xyz_to_lab(delta_e.light_to_xyz(transfer.to_light(frame, encoding), encoding))


def mean_lab(frames: list[Frame]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.mean(
        [lab(frame, Encoding.REC709).reshape(-1, 3).mean(axis=0) for frame in frames], axis=0
    )
    return mean


def held_out(footage: Footage) -> list[Frame]:
    """Eight frames of a shot, small, between those that the match looks at."""
    looked_at = np.linspace(0, footage.num_frames - 1, reference.LOOKED_AT)
    wanted = set(((looked_at[1:] + looked_at[:-1]) / 2).round().astype(int).tolist())
    return [frame for number, frame in enumerate(footage.frames(size_px=(160, 90))) if number in wanted]


def seconds(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def median_s(work: Callable[[], object], times: int) -> float:
    return statistics.median(seconds(work) for _ in range(times))


def main() -> None:
    parts = [costs, analytic, round_trip, bakes, files, greys, judged_formulas]
    parts += [matching] if SHOTS.is_dir() else []
    rows = [row for part in parts for row in part()]
    table = Table("what", "figure", "at most", "", title="colour")
    for row in rows:
        met = "" if row.gate is None else "yes" if row.value <= row.gate else "[bold red]no[/bold red]"
        table.add_row(row.what, f"{row.value:.3g} {row.unit}", "" if row.gate is None else f"{row.gate:g}", met)
    Console().print(table)
    path = Path("build/benchmarks/color.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
