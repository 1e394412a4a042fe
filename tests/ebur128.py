"""A second meter beside `sound.loudness`: the ebur128 filter of FFmpeg, through PyAV."""

import math
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    integrated_lufs: float  # -70 where nothing passes the gate
    range_lu: float
    true_peak_dbtp: float


def ebur128(samples: NDArray[np.float32], rate_hz: int = 48_000) -> Reading:
    """What FFmpeg says of `samples` `[c s]`, from 0.1 s on."""
    layout, clock = LAYOUTS[len(samples)], Fraction(1, rate_hz)
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=rate_hz, format="fltp", layout=layout, channels=len(samples), time_base=clock
    )
    meter, sink = graph.add("ebur128", "peak=true:metadata=1:framelog=quiet"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    said: dict[str, str] = {}
    for first in range(0, samples.shape[1], rate_hz):
        piece = np.ascontiguousarray(samples[:, first : first + rate_hz])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, first, clock
        graph.push(frame)
        _drain(graph, said)
    graph.push(None)
    _drain(graph, said)
    peaks = [float(value) for name, value in said.items() if name.startswith("lavfi.r128.true_peaks_ch")]
    return Reading(
        integrated_lufs=float(said["lavfi.r128.I"]),
        range_lu=float(said["lavfi.r128.LRA"]),
        true_peak_dbtp=20 * math.log10(max(*peaks, 1e-10)) if peaks else -math.inf,
    )


def _drain(graph: av.filter.Graph, said: dict[str, str]) -> None:
    while True:
        try:
            said.update(graph.pull().metadata)
        except (av.BlockingIOError, av.EOFError):
            return
