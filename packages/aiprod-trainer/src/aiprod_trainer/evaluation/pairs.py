"""Pairs of prompts that differ in one word: whether the clips differ in that, and in nothing else.

The first of a pair is a held-out scene, the second the same scene with one attribute changed, under the same seed. A
pair is right where the judge sees the asked value in both clips, and says the same of them in every other attribute.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiprod_core.checkpoint import weights_digest
from aiprod_core.family import SovereignModels
from aiprod_core.models.judge import AttributeJudge
from aiprod_trainer.evaluation.attributes import SEEN, Judgement, Share, truth
from aiprod_trainer.evaluation.nano import Plan, generated, generation_digest, held_out
from aiprod_trainer.evaluation.observation import Clip, observe
from aiprod_trainer.evaluation.renders import OnProgress, render
from aiprod_trainer.evaluation.report import Figure, Report, share_figure
from aiprod_trainer.worlds.scene import Scene, is_possible

BAR = 0.70


@dataclass(frozen=True)
class Pair:
    """Two scenes that are one but for the value of `attribute`."""

    attribute: str
    first: Scene
    second: Scene


@dataclass(frozen=True)
class Verdict:
    """What the judge says of a pair. `asked`: both clips show the value they were asked for; `alone`: and nothing else
    changed between them."""

    asked: bool
    alone: bool

    @property
    def right(self) -> bool:
        return self.asked and self.alone


def pairs_of(scenes: Sequence[Scene], values: Mapping[str, Sequence[str]]) -> list[Pair]:
    """A pair for each scene that has another possible value; the attributes take turns. `values`: by attribute."""
    found = []
    for number, scene in enumerate(scenes):
        attribute = SEEN[number % len(SEEN)]
        now = getattr(scene, attribute)
        others = [_with(scene, attribute, value) for value in values[attribute] if value != now]
        possible = [other for other in others if is_possible(other)]
        if possible:
            found.append(Pair(attribute, scene, random.Random(f"pair {scene.index}").choice(possible)))
    return found


def judged(pair: Pair, first: Judgement, second: Judgement) -> Verdict:
    """The verdict on a pair."""
    one, other = truth(pair.first)[pair.attribute], truth(pair.second)[pair.attribute]
    return Verdict(
        asked=first.said[pair.attribute] == one and second.said[pair.attribute] == other,
        alone=all(first.said[name] == second.said[name] for name in SEEN if name != pair.attribute),
    )


def evaluate_pairs(
    models: SovereignModels, judge: AttributeJudge, plan: Plan, folder: Path, on_progress: OnProgress
) -> Report:
    """Render `plan.prompts` pairs and judge them, real renders of the same scenes beside them.

    First clips are those of `evaluate_nano`, found where that made them before.
    """
    pairs = pairs_of(held_out(plan.prompts, plan.level), judge.config.classes)
    clips = folder / "clips" / generation_digest(models, plan)
    changed = clips / "changed"
    changed.mkdir(parents=True, exist_ok=True)
    made: list[Verdict] = []
    real: list[Verdict] = []

    def said(clip: Clip) -> Judgement:
        return observe(judge, clip).judgement

    for done, pair in enumerate(pairs, 1):
        name = f"{pair.first.index:05d}.npz"
        first = generated(models, plan, pair.first.index, pair.first, clips / name)
        second = generated(models, plan, pair.first.index, pair.second, changed / name)
        made.append(judged(pair, said(first), said(second)))
        size_px = plan.request.height
        real.append(judged(pair, said(render(pair.first, size_px)), said(render(pair.second, size_px))))
        on_progress("pairs", done, len(pairs))
    about = {"pairs": len(pairs), "seed": plan.seed, "clips": generation_digest(models, plan)}
    report = Report(about | {"judge": weights_digest(judge)}, [*_figures(pairs, made, BAR), *_real(real)])
    report.write(folder / "pairs.json")
    return report


def _with(scene: Scene, attribute: str, value: str) -> Scene:
    changed: dict[str, Any] = {attribute: value}
    return replace(scene, **changed)


def _figures(pairs: Sequence[Pair], verdicts: Sequence[Verdict], bar: float) -> list[Figure]:
    by_attribute = {name: [v for p, v in zip(pairs, verdicts, strict=True) if p.attribute == name] for name in SEEN}
    group = "pairs that differ in one word"
    return [
        share_figure(group, "differ in that only", _share([v.right for v in verdicts]), bar=bar),
        share_figure(group, "  show what each asks for", _share([v.asked for v in verdicts])),
        share_figure(group, "  nothing else changed", _share([v.alone for v in verdicts])),
        *[share_figure(group, f"    {name}", _share([v.right for v in found])) for name, found in by_attribute.items()],
    ]


def _real(verdicts: Sequence[Verdict]) -> list[Figure]:
    return [share_figure("the same pairs, really rendered", "differ in that only", _share([v.right for v in verdicts]))]


def _share(verdicts: Sequence[bool]) -> Share:
    return Share(sum(verdicts), len(verdicts))
