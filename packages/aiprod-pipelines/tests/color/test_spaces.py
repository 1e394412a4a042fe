import numpy as np
import PyOpenColorIO as ocio
import pytest
from numpy.typing import NDArray

from aiprod_pipelines.color import spaces, transfer
from aiprod_pipelines.color.spaces import ToneMap
from aiprod_pipelines.picture import Encoding


def test_aces_2_comes_back_in_light(colours: NDArray[np.float32]) -> None:
    back = spaces.leave(spaces.enter(colours, Encoding.REC709), Encoding.REC709)
    light, back_light = (transfer.decode(code, Encoding.REC709) for code in (colours, back))
    assert np.abs(back_light - light).max() <= 2e-4


def test_aces_2_comes_back_in_code_values_away_from_black(colours: NDArray[np.float32]) -> None:
    back = spaces.leave(spaces.enter(colours, Encoding.REC709), Encoding.REC709)
    error = np.abs(back - colours)
    assert error.mean() <= 2e-4
    assert error[colours.min(axis=1) > 0.05].max() <= 2e-4


@pytest.mark.parametrize("encoding", [Encoding.PQ, Encoding.HLG])
def test_aces_2_comes_back_in_hdr_for_colours_of_sdr(encoding: Encoding, colours: NDArray[np.float32]) -> None:
    shown = spaces.leave(spaces.enter(colours, Encoding.REC709), encoding)
    back = spaces.leave(spaces.enter(shown, encoding), encoding)
    assert np.abs(back - shown).mean() <= 2e-4


def test_middle_grey_of_aces_is_10_nits_in_sdr() -> None:
    grey = spaces.convert(np.full((1, 3), 0.18, np.float32), spaces.SCENE_SPACE, spaces.WORKING_SPACE)
    code = spaces.leave(grey, Encoding.REC709)
    nits = 100 * transfer.decode(code, Encoding.REC709)
    np.testing.assert_allclose(nits, 10.0, rtol=0.01)
    pq = spaces.leave(grey, Encoding.PQ)
    np.testing.assert_allclose(transfer.pq_to_nits(pq), 14.5, rtol=0.02)  # ACES 2 at 1000 cd/m²


@pytest.mark.parametrize("tone_map", list(ToneMap))
@pytest.mark.parametrize("target", list(Encoding))
def test_grey_stays_grey(tone_map: ToneMap, target: Encoding) -> None:
    grey = np.repeat(np.linspace(0, 1, 1001, dtype=np.float32)[:, None], 3, axis=1)
    code = spaces.leave(spaces.enter(grey, Encoding.REC709, tone_map), target, tone_map)
    assert np.ptp(code, axis=1).max() <= 1e-4


@pytest.mark.parametrize("tone_map", [ToneMap.BT2390, ToneMap.REINHARD])
@pytest.mark.parametrize("encoding", list(Encoding))
def test_display_referred_maps_are_the_identity_within_an_encoding(
    tone_map: ToneMap, encoding: Encoding, colours: NDArray[np.float32]
) -> None:
    codes = colours * np.float32(spaces.top_code(encoding))
    working = spaces.enter(codes, encoding, tone_map)
    back = spaces.leave(working, encoding, tone_map, source_peak=spaces.peak_light(encoding))
    light, back_light = (transfer.decode(code, encoding) for code in (codes, back))
    np.testing.assert_allclose(back_light, light, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("tone_map", [ToneMap.BT2390, ToneMap.REINHARD])
def test_display_referred_maps_keep_sdr_at_its_own_brightness_in_hdr(tone_map: ToneMap) -> None:
    grey = np.repeat(np.linspace(0, 1, 50, dtype=np.float32)[:, None], 3, axis=1)
    pq = spaces.leave(spaces.enter(grey, Encoding.REC709, tone_map), Encoding.PQ, tone_map)
    light = transfer.decode(grey, Encoding.REC709)
    np.testing.assert_allclose(transfer.pq_to_nits(pq) / 203, light, atol=1e-4)


@pytest.mark.parametrize("tone_map", list(ToneMap))
def test_hdr_is_brought_within_sdr_in_order(tone_map: ToneMap) -> None:
    ramp = np.linspace(0, spaces.top_code(Encoding.PQ), 400, dtype=np.float32)
    pq = np.repeat(ramp[:, None], 3, axis=1)
    peak = spaces.peak_light(Encoding.PQ)
    sdr = spaces.leave(spaces.enter(pq, Encoding.PQ, tone_map), Encoding.REC709, tone_map, source_peak=peak)
    assert sdr.max() == pytest.approx(1, abs=2e-3)
    assert (np.diff(sdr[:, 1]) >= -1e-6).all()
    white = sdr[np.searchsorted(ramp, 0.5807)]
    assert (white < 0.99).all()  # there is room for what is above white
    assert (white > 0.6).all()


def test_two_tables_with_the_same_extremes_are_two_tables() -> None:
    """OpenColorIO would give the first for both, had it kept it."""
    shown = []
    for power in (1.0, 2.0):
        table = ocio.Lut3DTransform(3)
        grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 3, dtype=np.float32)] * 3, indexing="ij"), axis=-1)
        table.setData((grid**power).ravel().astype(np.float32))
        processor = spaces.exact(spaces.config().getProcessor(table))
        shown.append(spaces.apply(processor, np.full((1, 3), 0.5, np.float32)))
    assert np.abs(shown[0] - shown[1]).min() > 0.2
