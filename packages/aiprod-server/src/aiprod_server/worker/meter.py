"""How long an order kept a device busy: the seconds that are charged. Loading models is the service's own time."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiprod_pipelines.film.build import News, State
from aiprod_pipelines.proof.receipt import Receipt

LOADING = "load"  # a stage of every render


@dataclass(frozen=True)
class Meter:
    """Seconds as the render measured them while it ran; of clips that were rendered together, each one's share."""

    def clip_s(self, receipt: Receipt) -> float:
        """Of a clip that was rendered."""
        return sum(spent_s for stage, spent_s in receipt.timings_s.items() if stage != LOADING)

    def step_s(self, news: News) -> float:
        """Of a film's step, once it is made; one that was kept from before took none."""
        return news.elapsed_s if news.state is State.MADE else 0.0


METERS: Mapping[str, Meter] = {"internal_gpu_meter": Meter()}
