"""A grade made into a function on frames: compiled once for a shot, exact or as a table.

The chain: code values → match → ACEScct → exposure, CDL, wheels, curves → look → LUT → code values of the target.
Exact, it is computed for each pixel; baked, for each node of a cube that is then interpolated (tetrahedral), which is
a hundred times as fast. A grade that changes nothing changes no bit.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import PyOpenColorIO as ocio

from aiprod_core.errors import InputError
from aiprod_pipelines.color import looks, lut, operations, spaces, transfer
from aiprod_pipelines.color.grade import Cdl, Curves, Grade, LutSpace, Wheels
from aiprod_pipelines.color.lut import LARGEST_CUBE, Lut
from aiprod_pipelines.color.spaces import ToneMap
from aiprod_pipelines.color.transfer import Float
from aiprod_pipelines.picture import Encoding, Frame

CUBE = 65
TABLES_KEPT = 8  # 3.3 MB each at 65³


class Grader:
    """`grader(frame)` is the frame as `grade` wants it, in the code values of `target`.

    `cube`: nodes a side of the table, or None to compute every pixel exactly (seconds a frame at 1080p). Frames of 8
    bits stay so in SDR; HDR is of 16 bits always. Raises `InputError` for an unknown look, `MediaError` for a LUT file
    that cannot be read.
    """

    def __init__(
        self,
        grade: Grade,
        source: Encoding = Encoding.REC709,
        target: Encoding = Encoding.REC709,
        *,
        tone_map: ToneMap = ToneMap.ACES,
        cube: int | None = CUBE,
    ) -> None:
        if cube is not None and not 2 <= cube <= LARGEST_CUBE:
            raise InputError(f"cube: got {cube} nodes a side, expected 2 to {LARGEST_CUBE}")
        if grade.look is not None:
            looks.find(grade.look)
        table = lut.read(grade.lut) if grade.lut is not None else None
        self.chain = Chain(grade, source, target, tone_map, table)
        self.cube = cube

    def __call__(self, frame: Frame) -> Frame:
        """Raises `InputError` for an array that is not a frame."""
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype not in (np.uint8, np.uint16):
            raise InputError(f"frame: got {frame.dtype} {frame.shape}, expected uint8 or uint16 [h w 3]")
        if self.chain.target.is_hdr and frame.dtype == np.uint8:
            frame = frame.astype(np.uint16) * 257  # 255 · 257 = 65535
        if self.chain.is_identity:
            return frame
        if self.cube is not None:
            graded = frame.copy(order="C")
            _table_processor(self.chain, self.cube, frame.dtype.name).applyRGB(graded)
            return graded
        code = self.chain((frame / np.iinfo(frame.dtype).max).astype(np.float32))
        return transfer.quantise(code, frame.dtype.type)

    def table(self) -> Float:
        """The chain baked: float32 `[r g b 3]` over code values from 0 to `top`."""
        return baked(self.chain, self.cube or CUBE)

    @property
    def top(self) -> float:
        """The greatest code value of the footage that the table holds."""
        return spaces.top_code(self.chain.source)


@dataclass(frozen=True)
class Chain:
    """The exact arithmetic of a grade on float code values `[… 3]`; a key of what is baked from it.

    `lut` is the content of `grade.lut`: the same path may hold another table tomorrow.
    """

    grade: Grade
    source: Encoding
    target: Encoding
    tone_map: ToneMap
    lut: Lut | None

    @property
    def is_identity(self) -> bool:
        return self.grade.is_neutral and self.source is self.target

    def __call__(self, code: Float) -> Float:
        """Code values of the source, in [0, 1], to those of the target."""
        if self.grade.match is not None:
            code = self.grade.match.apply(code, self.source)
        return self.from_working(spaces.enter(code, self.source, self.tone_map))

    def from_working(self, working: Float) -> Float:
        """ACEScct of the footage to code values of the target."""
        graded = _correct(working, self.grade)
        if self.grade.look is not None:
            look = looks.find(self.grade.look).grade
            graded = _mix(graded, _correct(graded, look), self.grade.look_strength)
        if self.lut is None:
            return self._shown(graded)
        if self.grade.lut_space is LutSpace.ACESCCT:
            return self._shown(_mix(graded, self.lut(graded), self.grade.lut_strength))
        sdr = spaces.leave(graded, Encoding.REC709, self.tone_map, source_peak=self._peak)
        sdr = np.clip(_mix(sdr, self.lut(sdr), self.grade.lut_strength), 0, 1)
        if self.target is Encoding.REC709:
            return sdr
        return self._shown(spaces.enter(sdr, Encoding.REC709, self.tone_map))

    @property
    def _peak(self) -> float:
        return spaces.peak_light(self.source)

    def _shown(self, working: Float) -> Float:
        return spaces.leave(working, self.target, self.tone_map, source_peak=self._peak)


def _correct(working: Float, grade: Grade) -> Float:
    """A grade's own numbers on ACEScct, without its look and LUT."""
    if grade.exposure_stops:
        linear = spaces.convert(working, spaces.WORKING_SPACE, spaces.SCENE_SPACE)
        working = spaces.convert(linear * np.float32(2**grade.exposure_stops), spaces.SCENE_SPACE, spaces.WORKING_SPACE)
    if grade.cdl != Cdl():
        working = operations.cdl(working, grade.cdl.slope, grade.cdl.offset, grade.cdl.power, grade.cdl.saturation)
    if grade.wheels != Wheels():
        working = operations.wheels(working, grade.wheels.lift, grade.wheels.gamma, grade.wheels.gain)
    if grade.curves != Curves():
        working = _bent(working, grade.curves)
    return working


def _bent(working: Float, curves: Curves) -> Float:
    if curves.master:
        working = operations.curve(working, curves.master)
    channels = (curves.red, curves.green, curves.blue)
    bent = [
        operations.curve(working[..., c], points) if points else working[..., c] for c, points in enumerate(channels)
    ]
    return np.stack(bent, axis=-1)


def _mix(before: Float, after: Float, strength: float) -> Float:
    return after if strength == 1 else before + np.float32(strength) * (after - before)


@lru_cache(maxsize=TABLES_KEPT)
def baked(chain: Chain, cube: int) -> Float:
    """The chain at the nodes of a cube: float32 `[r g b 3]`, not to be written to. 0.3 s at 65³, then free."""
    if chain.grade.match is None:
        codes = chain.from_working(_entered(cube, chain.source, chain.tone_map))
    else:
        codes = chain(_nodes(cube, chain.source))
    return _kept(codes.reshape(cube, cube, cube, 3))


@lru_cache(maxsize=TABLES_KEPT)
def _table_processor(chain: Chain, cube: int, dtype: str) -> ocio.CPUProcessor:
    table = ocio.GroupTransform([*lut.cube_transforms(baked(chain, cube), spaces.top_code(chain.source))])
    depth = ocio.BIT_DEPTH_UINT8 if dtype == "uint8" else ocio.BIT_DEPTH_UINT16
    processor = spaces.config().getProcessor(table)
    return processor.getOptimizedCPUProcessor(depth, depth, ocio.OPTIMIZATION_LOSSLESS)


@lru_cache(maxsize=4)
def _entered(cube: int, source: Encoding, tone_map: ToneMap) -> Float:
    """The nodes of a cube in ACEScct: the half of a bake that all grades share."""
    return _kept(spaces.enter(_nodes(cube, source), source, tone_map))


def _nodes(cube: int, source: Encoding) -> Float:
    steps = np.linspace(0, spaces.top_code(source), cube, dtype=np.float32)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)


def _kept(values: Float) -> Float:
    values.setflags(write=False)
    return values
