"""Attribute accuracy: what a frozen judge says of clips, against the scenes that they were asked to show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aiprod_core.models.judge import AttributeJudge
from aiprod_trainer.worlds.scene import Scene

NORMAL_95 = 1.959964
SEEN = ("subject", "colour", "action", "setting", "time", "weather", "camera")
HEARD = ("ambience setting", "ambience weather")
EVENT_PROBABILITY = 0.5


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    right: int
    count: int

    @property
    def value(self) -> float:
        return self.right / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson (1927); everything if nothing was counted."""
        if not self.count:
            return 0.0, 1.0
        z2 = NORMAL_95**2 / self.count
        middle = (self.value + z2 / 2) / (1 + z2)
        half = math.sqrt(z2 * self.value * (1 - self.value) + z2**2 / 4) / (1 + z2)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Judgement:
    """What the judge says of one clip. `said`: class by attribute; `events_s`: middles of the frames in which an
    event is seen, in seconds."""

    said: dict[str, str]
    events_s: tuple[float, ...]


@torch.inference_mode()
def judge_clip(judge: AttributeJudge, video: Tensor, sound: Tensor | None) -> Judgement:
    """Ask the judge about one clip: `[3 t h w]` and `[1 s]`, in [-1, 1]; without sound it says nothing of ambience."""
    logits, events = judge.see(video[None])
    if sound is not None:
        logits |= judge.hear(sound[None])[0]
    said = {name: judge.config.classes[name][int(value[0].argmax())] for name, value in logits.items()}
    frames = torch.nonzero(events[0].sigmoid() > EVENT_PROBABILITY)[:, 0].tolist()
    return Judgement(said, tuple((frame + 0.5) / judge.config.frame_rate_hz for frame in frames))


def truth(scene: Scene) -> dict[str, str]:
    """What a perfect judge says of a perfect clip of `scene`."""
    return scene.attributes | {"ambience setting": scene.setting, "ambience weather": scene.weather}


def accuracy(judgements: Sequence[Judgement], scenes: Sequence[Scene]) -> dict[str, Share]:
    """Share of clips that are right: for each attribute, `time+weather` together, and `all` that is seen."""
    right: dict[str, list[bool]] = {}
    for judgement, scene in zip(judgements, scenes, strict=True):
        expected = truth(scene)
        verdict = {name: said == expected[name] for name, said in judgement.said.items()}
        verdict["time+weather"] = verdict["time"] and verdict["weather"]
        verdict["all"] = all(verdict[name] for name in SEEN)
        for name, value in verdict.items():
            right.setdefault(name, []).append(value)
    return {name: Share(sum(values), len(values)) for name, values in right.items()}
