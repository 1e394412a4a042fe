"""The evaluation of weights: held-out prompts, generated, looked at by the judge, and set beside the bars."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from aiprod_core.checkpoint import weights_digest
from aiprod_core.family import SovereignModels
from aiprod_core.generation import generate
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.types import GenerationConfig
from aiprod_trainer.evaluation.attributes import SEEN, accuracy, truth
from aiprod_trainer.evaluation.observation import Clip, Observation, digest, keep, observe, recall
from aiprod_trainer.evaluation.renders import OnProgress, Renders, Yardstick, look_at_renders
from aiprod_trainer.evaluation.report import Figure, Report, share_figure
from aiprod_trainer.evaluation.synchrony import chance_share, heard_share
from aiprod_trainer.evaluation.video_statistics import ratios
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.contact_sheet import contact_sheet
from aiprod_trainer.worlds.pixels import video_frames
from aiprod_trainer.worlds.scene import Scene, sample_scene

BARS = {
    "setting": 0.95,
    "time+weather": 0.95,
    "subject": 0.85,
    "colour": 0.85,
    "action": 0.70,
    "camera": 0.70,
    "all": 0.40,
    "ambience setting": 0.85,
    "ambience weather": 0.85,
}
HEARD_BAR = 0.60
LIKE_REAL = (0.8, 1.2)  # motion energy and flicker, as multiples of real renders
SHEET_CLIPS, SHEET_COLUMNS = 24, 8


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is evaluated. `request`: settings of every clip, whose prompt and seed are replaced; clip n has seed + n.
    `media`: a folder of real video for the codec. `fitted_on`: excerpts that the codec's floor is taken from."""

    request: GenerationConfig
    prompts: int = 300
    seed: int = 0
    level: int = 1
    media: Path | None = None
    fitted_on: int = 192


def evaluate_nano(
    models: SovereignModels, judge: AttributeJudge, plan: Plan, folder: Path, on_progress: OnProgress
) -> Report:
    """Run the evaluation; clips, a contact sheet and the report go into `folder`. A second run finds finished clips."""
    scenes = held_out(plan.prompts, plan.level)
    clips = folder / "clips" / generation_digest(models, plan)
    clips.mkdir(parents=True, exist_ok=True)
    made: list[Observation] = []
    for index, scene in enumerate(scenes):
        made.append(observe(judge, generated(models, plan, index, scene, clips / f"{index:05d}.npz")))
        on_progress("generate", index + 1, len(scenes))
    by = Yardstick(
        judge=judge,
        video=models.video,
        audio=models.audio,
        level=plan.level,
        size_px=plan.request.height,
        fitted_on=plan.fitted_on,
        media=plan.media,
    )
    renders = look_at_renders(scenes, by, on_progress)
    write_sheet(folder / "sheet.png", clips, made, scenes)
    report = Report(_about(models, judge, plan), all_figures(made, renders))
    report.write(folder / "report.json")
    return report


def held_out(count: int, level: int) -> list[Scene]:
    """Scenes of combinations that training never holds."""
    return [sample_scene(index, level=level, split="test") for index in range(count)]


def all_figures(made: Sequence[Observation], renders: Renders) -> list[Figure]:
    """Every figure of the report, in its order."""
    beside = ratios([o.statistics for o in made], [o.statistics for o in renders.real])
    return [
        *generated_figures(made, renders.scenes),
        *sound_figures(made, renders.real),
        *[ratio_figure("pictures, as multiples of real renders", name, value) for name, value in beside.items()],
        *renders.figures(),
    ]


def ratio_figure(group: str, name: str, value: float) -> Figure:
    """A statistic of pictures as a multiple of that of real ones; how sharp they are is only printed."""
    least, most = (None, None) if name == "sharpness" else LIKE_REAL
    return Figure(group, name.replace("_", " "), value, "ratio", bar=least, most=most)


def generated_figures(made: Sequence[Observation], scenes: Sequence[Scene]) -> list[Figure]:
    """Accuracy of generated clips beside its bars."""
    shares = accuracy([o.judgement for o in made], scenes)
    return [
        share_figure("generated clips", name, shares[name], bar=bar) for name, bar in BARS.items() if name in shares
    ]


def sound_figures(made: Sequence[Observation], real: Sequence[Observation]) -> list[Figure]:
    """How many events that are seen are heard within 80 ms: generated, with shuffled sound, and in real renders."""
    events, onsets = [o.judgement.events_s for o in made], [o.onsets_s for o in made]
    there = heard_share([o.judgement.events_s for o in real], [o.onsets_s for o in real])
    return [
        share_figure("sound", "seen events heard within 80 ms", heard_share(events, onsets), bar=HEARD_BAR),
        share_figure("sound", "  by chance: with the sound of other clips", chance_share(events, onsets)),
        share_figure("sound", "  the same in real renders", there),
    ]


def generation_digest(models: SovereignModels, plan: Plan) -> str:
    """Names the clips that these weights make of this plan's prompts, so that others are never taken for them.

    Settings of None and those of a second stage, which it has not, are not part of it: a version that has one more, not
    asked for, makes the same clips.
    """
    parts = (models.shdt, models.text_encoder, models.video, *([models.audio] if models.audio else []))
    asked = {name: value for name, value in asdict(plan.request).items() if value is not None and "refine" not in name}
    return digest([weights_digest(part) for part in parts], asked, plan.seed, plan.level)


def generated(models: SovereignModels, plan: Plan, index: int, scene: Scene, path: Path) -> Clip:
    """Clip `index` of a plan, which lies at `path`, or does from now on."""
    if not path.exists():
        request = replace(plan.request, prompt=caption(scene), seed=plan.seed + index)
        keep(Clip(*generate(models, request)), path)
    return recall(path)


def write_sheet(path: Path, clips: Path, made: Sequence[Observation], scenes: Sequence[Scene]) -> None:
    """The first clips under their prompts, each with what the judge says is wrong."""
    rows, titles = [], []
    for index, scene in enumerate(scenes[:SHEET_CLIPS]):
        expected, said = truth(scene), made[index].judgement.said
        wrong = ", ".join(f"{name} {said[name]}" for name in SEEN if said[name] != expected[name])
        rows.append(video_frames(recall(clips / f"{index:05d}.npz").video))
        titles.append(f"{caption(scene)}   [{'judged ' + wrong if wrong else 'all right'}]")
    contact_sheet(rows, titles, columns=SHEET_COLUMNS).save(path)


def _about(models: SovereignModels, judge: AttributeJudge, plan: Plan) -> dict[str, object]:
    return {
        "prompts": plan.prompts,
        "seed": plan.seed,
        "level": plan.level,
        "request": {name: str(value) for name, value in asdict(plan.request).items() if name not in ("prompt", "seed")},
        "clips": generation_digest(models, plan),
        "judge": weights_digest(judge),
    }
