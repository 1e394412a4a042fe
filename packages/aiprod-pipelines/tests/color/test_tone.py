import numpy as np
import pytest

from aiprod_pipelines.color import tone, transfer

RAMP_NITS = np.linspace(0, 1000, 2001)


def test_bt2390_leaves_the_dark_alone_and_ends_at_the_peak() -> None:
    shown = tone.bt2390(RAMP_NITS, 1000, 203)
    most = float(transfer.nits_to_pq(np.array(203.0)) / transfer.nits_to_pq(np.array(1000.0)))
    knee_nits = float(transfer.pq_to_nits((1.5 * most - 0.5) * transfer.nits_to_pq(np.array(1000.0))))
    below = knee_nits > RAMP_NITS
    assert below.any()
    np.testing.assert_allclose(shown[below], RAMP_NITS[below], rtol=1e-6)
    assert shown[-1] == pytest.approx(203, rel=1e-6)
    assert (np.diff(shown) > 0).all()


def test_bt2390_has_no_step_and_no_corner_at_its_knee() -> None:
    codes = np.linspace(0, 1, 20_001)
    bent = transfer.nits_to_pq(tone.bt2390(transfer.pq_to_nits(codes * 0.75), 1000, 203))
    assert np.abs(np.diff(bent, 2)).max() < 1e-6


def test_bt2390_lifts_black_to_that_of_the_target() -> None:
    assert tone.bt2390(np.zeros(1), 1000, 203, target_black_nits=0.1)[0] == pytest.approx(0.1, rel=1e-6)


def test_reinhard_burns_out_at_the_peak_of_the_source() -> None:
    light = np.linspace(0, 5, 500)
    shown = tone.reinhard(light, 5.0, 1.0)
    assert shown[-1] == pytest.approx(1)
    assert (np.diff(shown) > 0).all()
    assert shown[1] == pytest.approx(light[1] * (1 + light[1] / 25) / (1 + light[1]))


@pytest.mark.parametrize("curve", [tone.bt2390, tone.reinhard])
def test_a_display_that_shows_it_all_changes_nothing_but_clips(curve: object) -> None:
    assert callable(curve)
    light = np.array([0.0, 10, 100, 203, 500, 1500])
    np.testing.assert_array_equal(curve(light, 203.0, 203.0), np.minimum(light, 203))
    np.testing.assert_array_equal(curve(light, 203.0, 1000.0), np.minimum(light, 1000))
