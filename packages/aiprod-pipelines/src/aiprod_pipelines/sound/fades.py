"""Equal-power fades: two unrelated sounds that cross, one in and one out, are as loud together as each alone."""

import numpy as np
from numpy.typing import NDArray


def fade(length: int) -> NDArray[np.float32]:
    """Gains of a fade-in of `length` samples `[s]`, 0 to 1; reversed, a fade-out: the squares of the two add to 1."""
    return np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(length, 1)).astype(np.float32)


def faded(samples: NDArray[np.float32], fade_in: int, fade_out: int) -> NDArray[np.float32]:
    """`samples` `[c s]` faded at both ends; a fade longer than the sound takes all of it."""
    result = np.array(samples, dtype=np.float32)
    in_length, out_length = (min(length, samples.shape[1]) for length in (fade_in, fade_out))
    result[:, :in_length] *= fade(in_length)
    result[:, samples.shape[1] - out_length :] *= fade(out_length)[::-1]
    return result
