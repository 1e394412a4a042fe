from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from aiprod_pipelines.color import transfer
from aiprod_pipelines.picture import Encoding

CODES_10_BIT = np.arange(1024) / 1023


def test_pq_is_that_of_st_2084(colour: ModuleType) -> None:
    nits = colour.models.eotf_ST2084(CODES_10_BIT)
    np.testing.assert_allclose(transfer.pq_to_nits(CODES_10_BIT), nits, rtol=1e-9, atol=1e-12)
    assert (np.round(transfer.nits_to_pq(nits) * 1023) == np.arange(1024)).all()


def test_hlg_is_that_of_bt_2100(colour: ModuleType) -> None:
    grey = np.repeat(CODES_10_BIT[:, None], 3, axis=1)
    nits = colour.models.eotf_BT2100_HLG(grey, L_B=0, L_W=1000, gamma=1.2)
    np.testing.assert_allclose(transfer.hlg_to_nits(grey), nits, rtol=1e-5, atol=1e-9)  # its constants are rounded
    assert (np.round(transfer.nits_to_hlg(nits) * 1023) == np.arange(1024)[:, None]).all()


def test_hlg_of_colours_keeps_the_system_gamma_of_bt_2100(colour: ModuleType, colours: NDArray[np.float32]) -> None:
    nits = colour.models.eotf_BT2100_HLG(colours.astype(np.float64), L_B=0, L_W=1000, gamma=1.2)
    np.testing.assert_allclose(transfer.hlg_to_nits(colours), nits, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(transfer.nits_to_hlg(nits), colours, atol=1e-5)


@pytest.mark.parametrize("encoding", list(Encoding))
def test_every_10_bit_code_comes_back_through_light(encoding: Encoding) -> None:
    codes = np.round(CODES_10_BIT * 65535).astype(np.uint16)
    frame = np.repeat(codes[None, :, None], 3, axis=2)
    back = transfer.from_light(transfer.to_light(frame, encoding), encoding, np.uint16)
    assert (np.round(back / 65535 * 1023) == np.arange(1024)[None, :, None]).all()


@pytest.mark.parametrize("encoding", list(Encoding))
def test_every_8_bit_code_comes_back_through_light(encoding: Encoding) -> None:
    frame = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert (transfer.from_light(transfer.to_light(frame, encoding), encoding, np.uint8) == frame).all()


@pytest.mark.parametrize("encoding", list(Encoding))
def test_the_table_of_frames_says_what_the_function_says(encoding: Encoding) -> None:
    frame = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    light = transfer.decode(frame / 65535, encoding)
    np.testing.assert_allclose(transfer.to_light(frame, encoding), light, rtol=1e-6)


def test_reference_white_is_203_nits_of_pq_and_75_percent_of_hlg() -> None:
    white = np.ones((1, 3), np.float32)
    assert transfer.encode(white, Encoding.PQ)[0, 0] == pytest.approx(0.5807, abs=1e-4)  # ITU-R BT.2408, table 1
    assert transfer.encode(white, Encoding.HLG)[0, 0] == pytest.approx(0.75, abs=1e-3)
    assert transfer.encode(white, Encoding.REC709)[0, 0] == 1


def test_sdr_light_is_a_power_of_2_4(colour: ModuleType) -> None:
    light = colour.models.eotf_BT1886(CODES_10_BIT)
    np.testing.assert_allclose(transfer.decode(CODES_10_BIT, Encoding.REC709), light, atol=1e-7)


def test_what_an_encoding_cannot_hold_is_clipped() -> None:
    light = np.array([[-1.0, 0.5, 100.0]], np.float32)
    for encoding in Encoding:
        code = transfer.encode(light, encoding)
        assert code[0, 0] < 1e-6  # PQ of nothing is not quite nothing
        assert code.max() <= 1
