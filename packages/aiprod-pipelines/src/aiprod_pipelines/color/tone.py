"""Tone maps on light: how what a bright display shows is compressed for a lesser one.

Functions of light alone, on arrays of any shape; `spaces` says when they are used. ACES has its own, in OpenColorIO.
"""

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.color import transfer


def bt2390(
    nits: NDArray[np.floating],
    source_peak_nits: float,
    target_peak_nits: float,
    *,
    source_black_nits: float = 0.0,
    target_black_nits: float = 0.0,
) -> NDArray[np.float64]:
    """The electrical-electrical transfer function of ITU-R BT.2390-11, 5.4.1: a Hermite knee in PQ.

    Light in cd/m² on a display of `source_peak_nits` as a display of `target_peak_nits` shows it. The identity, but for
    clipping, where the target shows all that the source does.
    """
    black, white = (float(transfer.nits_to_pq(np.array(n))) for n in (source_black_nits, source_peak_nits))
    least, most = (
        (float(transfer.nits_to_pq(np.array(n))) - black) / (white - black)
        for n in (target_black_nits, target_peak_nits)
    )
    if most >= 1 and least <= 0:
        return np.clip(np.asarray(nits, np.float64), 0, target_peak_nits)
    e1 = np.clip((transfer.nits_to_pq(nits) - black) / (white - black), 0, 1)
    knee = min(1.5 * most - 0.5, 1.0)
    t = np.clip((e1 - knee) / max(1 - knee, 1e-9), 0, 1)
    hermite = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    e2 = np.where(e1 < knee, e1, hermite)
    e3 = e2 + least * (1 - e2) ** 4
    return transfer.pq_to_nits(e3 * (white - black) + black)


def reinhard(light: NDArray[np.floating], source_peak: float, target_peak: float) -> NDArray[np.float64]:
    """The curve of Reinhard et al. 2002, equation 4: `source_peak` burns out just at `target_peak`.

    The identity, but for clipping, where the target shows all that the source does.
    """
    x, white = np.asarray(light, np.float64) / target_peak, source_peak / target_peak
    mapped = x * (1 + x / white**2) / (1 + x) if white > 1 else x
    return target_peak * np.clip(mapped, 0, 1)
