"""What is made in SDR, as light of the film: white at reference white, primaries those of the film's encoding."""

import numpy as np
from numpy.typing import NDArray

from aiprod_pipelines.color.transfer import to_light
from aiprod_pipelines.picture import Encoding, Frame

# Linear RGB of BT.709 into BT.2020, which Rec.2100 has (ITU-R BT.2087, section 2).
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], np.float32)


def sdr_light(codes: Frame, encoding: Encoding) -> NDArray[np.float32]:
    """BT.1886 code values `[… 3]` in BT.709 as light for a film of `encoding`."""
    light = to_light(codes, Encoding.REC709)
    return light @ TO_2020.T if encoding.is_hdr else light
