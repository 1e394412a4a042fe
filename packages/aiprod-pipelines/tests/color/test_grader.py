from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.color import delta_e, lut, spaces, transfer
from aiprod_pipelines.color.grade import Cdl, Curves, Grade, LutSpace, Wheels
from aiprod_pipelines.color.grader import Grader
from aiprod_pipelines.color.looks import LOOKS
from aiprod_pipelines.color.spaces import ToneMap
from aiprod_pipelines.picture import Encoding, Frame

WARM = Grade(exposure_stops=0.2, cdl=Cdl(offset=(0.02, 0, -0.02), saturation=1.1))


def difference(a: Frame, b: Frame, encoding: Encoding) -> NDArray[np.float64]:
    """CIEDE2000 of the pixels of two frames."""
    labs = [delta_e.xyz_to_lab(delta_e.light_to_xyz(transfer.to_light(f, encoding), encoding)) for f in (a, b)]
    return delta_e.ciede2000(*labs)


@pytest.mark.parametrize("tone_map", list(ToneMap))
@pytest.mark.parametrize("cube", [None, 17])
def test_nothing_graded_is_nothing_changed(tone_map: ToneMap, cube: int | None, frame: Frame) -> None:
    for encoding in Encoding:
        wide = frame.astype(np.uint16) * 257
        assert (Grader(Grade(), encoding, encoding, tone_map=tone_map, cube=cube)(wide) == wide).all()
    assert (Grader(Grade(), tone_map=tone_map, cube=cube)(frame) == frame).all()


@pytest.mark.parametrize(("cube", "gate"), [(33, 0.3), (65, 0.1)])
@pytest.mark.parametrize("name", ["neon", "pastel", "bleach_bypass"])
def test_a_table_looks_like_what_is_exact(name: str, cube: int, gate: float, frame: Frame) -> None:
    wide, grade = frame.astype(np.uint16) * 257, Grade(look=name)
    exact, baked = Grader(grade, cube=None)(wide), Grader(grade, cube=cube)(wide)
    assert difference(exact, baked, Encoding.REC709).mean() <= gate


@pytest.mark.parametrize("target", [Encoding.PQ, Encoding.HLG])
def test_a_table_looks_like_what_is_exact_in_hdr(target: Encoding, frame: Frame) -> None:
    exact, baked = (Grader(WARM, target=target, cube=cube)(frame) for cube in (None, 65))
    assert exact.dtype == baked.dtype == np.uint16
    assert difference(exact, baked, target).mean() <= 0.1


def test_a_table_of_hdr_footage_spends_its_nodes_on_what_is_graded() -> None:
    ramp = np.repeat(np.linspace(0, 65535, 5000).astype(np.uint16)[None, :, None], 3, axis=2)
    exact, baked = (Grader(WARM, Encoding.PQ, Encoding.REC709, cube=cube)(ramp) for cube in (None, 65))
    assert difference(exact, baked, Encoding.REC709).mean() <= 0.1
    assert (baked[0, -1] > 65000).all()


def test_exposure_is_in_stops_of_scene_light() -> None:
    code = np.full((1, 3), 0.3, np.float32)
    brighter = Grader(Grade(exposure_stops=1.5), cube=None).chain(code)
    scene, twice = (
        spaces.convert(spaces.enter(c, Encoding.REC709), spaces.WORKING_SPACE, spaces.SCENE_SPACE)
        for c in (code, brighter)
    )
    np.testing.assert_allclose(twice, scene * 2**1.5, rtol=1e-3)


def test_parts_are_applied_in_order() -> None:
    """Lift before the curve is another picture than the curve before the lift: CDL, wheels, curves, then the look."""
    parts = Grade(
        cdl=Cdl(slope=(1.1, 1, 0.9)),
        wheels=Wheels(lift=(0.05, 0.05, 0.05)),
        curves=Curves(master=((0, 0), (0.4, 0.3), (1, 1))),
        look="sepia",
    )
    code = np.random.default_rng(0).random((500, 3)).astype(np.float32)
    together = Grader(parts, cube=None).chain(code)
    step = code
    for part in (Grade(cdl=parts.cdl), Grade(wheels=parts.wheels), Grade(curves=parts.curves), Grade(look="sepia")):
        step = Grader(part, cube=None).chain(step)
    middle = (code.min(axis=1) > 0.2) & (code.max(axis=1) < 0.8)  # beyond, each step alone clips
    np.testing.assert_allclose(together[middle], step[middle], atol=5e-3)


def test_strength_goes_from_nothing_to_all() -> None:
    frame = np.random.default_rng(0).integers(40, 200, (20, 30, 3), dtype=np.uint8)
    none, half, whole = (Grader(Grade(look="sepia", look_strength=s))(frame).astype(int) for s in (0.0, 0.5, 1.0))
    assert np.abs(none - frame).max() <= 1
    assert np.abs(whole - frame).mean() > 1.5 * np.abs(half - frame).mean() > 0


@pytest.mark.parametrize("name", [name for name, look in LOOKS.items() if look.keeps_grey])
@pytest.mark.parametrize("cube", [None, 65])
def test_grey_stays_grey_in_looks_that_say_so(name: str, cube: int | None) -> None:
    grey = np.repeat(np.arange(0, 65536, 97, dtype=np.uint16)[None, :, None], 3, axis=2)
    shown = Grader(Grade(look=name), cube=cube)(grey).astype(int)
    assert np.ptp(shown, axis=2).max() / 65535 <= 1e-4


def test_depth_is_kept_in_sdr_and_16_bits_in_hdr(frame: Frame) -> None:
    assert Grader(WARM)(frame).dtype == np.uint8
    assert Grader(WARM, cube=None)(frame).dtype == np.uint8
    assert Grader(WARM)(frame.astype(np.uint16) * 257).dtype == np.uint16
    assert Grader(WARM, target=Encoding.PQ)(frame).dtype == np.uint16
    assert Grader(Grade(), Encoding.HLG, Encoding.HLG)(frame).dtype == np.uint16


def test_the_frame_that_was_given_stays(frame: Frame) -> None:
    before = frame.copy()
    Grader(WARM)(frame)
    Grader(WARM, cube=None)(frame)
    assert (frame == before).all()


def test_an_identity_table_changes_nothing_to_be_seen(tmp_path: Path, frame: Frame) -> None:
    steps = np.linspace(0, 1, 9, dtype=np.float32)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    path = tmp_path / "identity.cube"
    path.write_bytes(lut.encode_cube(grid, title="identity"))
    shown = Grader(Grade(lut=path), cube=None)(frame)
    assert difference(shown, frame, Encoding.REC709).mean() <= 0.02
    for space in LutSpace:
        in_hdr = Grader(Grade(lut=path, lut_space=space), target=Encoding.PQ, cube=None)(frame)
        plain = Grader(Grade(), target=Encoding.PQ, cube=None)(frame)
        assert difference(in_hdr, plain, Encoding.PQ).mean() <= 0.2


def test_a_grade_exported_as_a_table_is_the_same_grade(tmp_path: Path, frame: Frame) -> None:
    graded = Grader(WARM)
    path = tmp_path / "warm.cube"
    path.write_bytes(lut.encode_cube(graded.table(), title="warm", top=graded.top))
    assert difference(Grader(Grade(lut=path))(frame), graded(frame), Encoding.REC709).mean() <= 0.1


def test_a_rewritten_table_is_read_again(tmp_path: Path) -> None:
    path, grey = tmp_path / "grey.cube", np.full((2, 2, 3), 128, np.uint8)
    shown = []
    for level in (0.25, 0.75):
        path.write_bytes(lut.encode_cube(np.full((2, 2, 2, 3), level, np.float32), title="flat"))
        shown.append(int(Grader(Grade(lut=path))(grey)[0, 0, 0]))
    assert shown == [64, 191]


def test_same_input_same_bytes(frame: Frame) -> None:
    first, second = (Grader(WARM, target=Encoding.HLG)(frame) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_what_cannot_be_graded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="look: got 'noirr', expected one of noir"):
        Grader(Grade(look="noirr"))
    with pytest.raises(InputError, match="cube: got 1 nodes"):
        Grader(Grade(), cube=1)
    with pytest.raises(InputError, match="frame: got float64"):
        Grader(Grade())(np.zeros((2, 2, 3)))
    with pytest.raises(MediaError, match=r"gone\.cube: cannot read it"):
        Grader(Grade(lut=tmp_path / "gone.cube"))
