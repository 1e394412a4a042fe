"""The agents technicalQAGate and semanticQA: whether a file is whole, and whether it shows what its prompt names.

The judge is the small classifier that lies beside the weights. It knows the world that those were trained on and
nothing else, so prompts of other things are not judged, and are said not to be. Loads torch: not for the gateway.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray

from aiprod_core.models.judge import AttributeJudge
from aiprod_pipelines.quality.finding import Finding, Report, Severity
from aiprod_server.orchestration.blocks import SemanticQA, TechnicalQAGate
from aiprod_server.orchestration.wording import named_in

LEAST_FRAMES = 5  # what the judge needs to tell a motion


def blocking(report: Report, rules: TechnicalQAGate) -> tuple[Finding, ...]:
    """The findings that keep a file from being delivered; a note never does."""
    return tuple(
        finding
        for finding in report.findings
        if finding.code in rules.blocking and finding.severity is not Severity.NOTE
    )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the judge says of one attribute that a prompt names. `probability`: of the class that is named."""

    named: str
    said: str
    probability: float
    right: bool


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the judge says of one clip. `why_not`: why it says nothing, or None."""

    attributes: Mapping[str, Seen] = field(default_factory=dict)
    why_not: str | None = None

    @property
    def score(self) -> float | None:
        """The share of what the prompt names that is seen, [0, 1]; None where nothing is judged."""
        if not self.attributes:
            return None
        return sum(seen.right for seen in self.attributes.values()) / len(self.attributes)


class SemanticJudge:
    """The judge of one family of weights, loaded when it is first asked."""

    def __init__(self, path: Path, rules: SemanticQA) -> None:
        self._path, self._rules = path, rules
        self._judge: AttributeJudge | None = None

    def look(self, frames: NDArray[np.uint8], frame_rate_hz: float, prompt: str) -> Judged:
        """What is to be seen in a clip, `[t h w 3]`, of what `prompt` names.

        Raises:
            WeightsError: the judge is damaged.
        """
        if self._rules.provider == "none":
            return Judged(why_not="semanticQA is turned off")
        if not self._path.is_file():
            return Judged(why_not=f"these weights come without {self._rules.model}")
        judge = self._loaded()
        named = named_in(prompt, judge.config.classes)
        if "subject" not in named:
            return Judged(why_not="the prompt names no one subject that the judge knows")
        count = round(len(frames) / frame_rate_hz * judge.config.frame_rate_hz)
        if count < LEAST_FRAMES:
            return Judged(why_not=f"the clip is shorter than {LEAST_FRAMES / judge.config.frame_rate_hz:g} s")
        at_its_rate = frames[np.linspace(0, len(frames) - 1, count).round().astype(int)]
        return Judged(attributes=self._seen(judge, at_its_rate, named))

    def _loaded(self) -> AttributeJudge:
        if self._judge is None:
            self._judge = AttributeJudge.load(self._path)
        return self._judge

    def _seen(self, judge: AttributeJudge, frames: NDArray[np.uint8], named: Mapping[str, str]) -> dict[str, Seen]:
        video = rearrange(torch.from_numpy(frames).float() / 127.5 - 1, "t h w c -> c t h w")
        with torch.inference_mode():
            logits, _ = judge.see(video[None])
        seen = {}
        for attribute, name in named.items():
            classes = judge.config.classes[attribute]
            shares = logits[attribute][0].softmax(-1)
            probability = float(shares[classes.index(name)])
            seen[attribute] = Seen(
                named=name,
                said=classes[int(shares.argmax())],
                probability=round(probability, 4),
                right=probability >= self._rules.threshold,
            )
        return seen


def told(judged: Judged) -> dict[str, Any]:
    """A judgement as JSON holds it."""
    if judged.why_not is not None:
        return {"score": None, "not_judged": judged.why_not}
    attributes = {
        name: {"named": seen.named, "said": seen.said, "probability": seen.probability, "right": seen.right}
        for name, seen in judged.attributes.items()
    }
    return {"score": judged.score, "attributes": attributes}
