"""The evaluation of the first weights: held-out prompts, generated, looked at by the judge, and set beside the bars.

The judge is judged first, on real renders of the same scenes and on those after a codec round trip: where it fails
there, what it says of generated clips means nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from aiprod_core.generation import SovereignModels, generate
from aiprod_core.models.hwvae import HWVAE, HWVAEConfig
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.types import GenerationConfig
from aiprod_trainer.data.latents import weights_digest
from aiprod_trainer.evaluation.attributes import HEARD, SEEN, Share, accuracy, chance, truth
from aiprod_trainer.evaluation.metrics import PrincipalCodec, psnr_db
from aiprod_trainer.evaluation.observation import Clip, Observation, digest, keep, observe, recall, round_trip
from aiprod_trainer.evaluation.real_video import real_videos
from aiprod_trainer.evaluation.report import Figure, Report, share_figure
from aiprod_trainer.evaluation.synchrony import chance_share, heard_share
from aiprod_trainer.evaluation.video_statistics import ratios
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.contact_sheet import contact_sheet
from aiprod_trainer.worlds.pixels import scene_video, video_frames
from aiprod_trainer.worlds.scene import Scene, sample_scene
from aiprod_trainer.worlds.sound import render_sound

OnProgress: TypeAlias = Callable[[str, int, int], None]  # stage, clips done, clips in all

JUDGE_BAR = 0.97
BARS = {"setting": 0.85, "time+weather": 0.85, "subject": 0.60, "colour": 0.80}
PSNR_BAR_DB, ABOVE_PRINCIPAL_BAR_DB = 30.0, 3.0
SHEET_CLIPS, SHEET_COLUMNS = 24, 8
FITTED_ON, FITTED_FRAMES = 128, 9
REAL_FRAMES, REAL_PX = 25, 256


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is evaluated. `request`: settings of every clip, whose prompt and seed are replaced. `media`: real video."""

    request: GenerationConfig
    prompts: int = 300
    seed: int = 0
    level: int = 1
    media: Path | None = None


def evaluate_nano(
    models: SovereignModels, judge: AttributeJudge, plan: Plan, folder: Path, on_progress: OnProgress
) -> Report:
    """Run the evaluation; clips, a contact sheet and the report go into `folder`. A second run finds finished clips."""
    scenes = [sample_scene(index, level=plan.level, split="test") for index in range(plan.prompts)]
    clips = folder / "clips" / generation_digest(models, plan)
    clips.mkdir(parents=True, exist_ok=True)
    made: list[Observation] = []
    for index, scene in enumerate(scenes):
        made.append(observe(judge, _generated(models, plan, scene, index, clips / f"{index:05d}.npz")))
        on_progress("generate", index + 1, len(scenes))
    codec = principal_codec(models.video.config, plan)
    real: list[Observation] = []
    recoded: list[Observation] = []
    psnr: list[tuple[float, float]] = []
    for index, scene in enumerate(scenes):
        clip = _real(scene, plan.request.height)
        again = round_trip(clip, models.video, models.audio)
        real.append(observe(judge, clip))
        recoded.append(observe(judge, again))
        psnr.append((psnr_db(clip.video, again.video), psnr_db(clip.video, codec.round_trip(clip.video))))
        on_progress("judge the judge", index + 1, len(scenes))
    figures = [
        *judge_figures("judge on real renders", real, scenes),
        *judge_figures("judge after a codec round trip", recoded, scenes),
        *generated_figures(made, scenes),
        *sound_figures(made, real),
        *codec_figures(psnr, _real_psnr_db(models.video, plan.media, on_progress)),
        *[
            Figure("pictures, as multiples of real renders", name.replace("_", " "), value, "ratio")
            for name, value in ratios([o.statistics for o in made], [o.statistics for o in real]).items()
        ],
    ]
    write_sheet(folder / "sheet.png", clips, made, scenes)
    report = Report(_about(models, judge, plan), figures)
    report.write(folder / "report.json")
    return report


def judge_figures(group: str, observations: Sequence[Observation], scenes: Sequence[Scene]) -> list[Figure]:
    """Accuracy of the judge on clips that are known to show their scenes, each attribute with its bar."""
    shares = accuracy([o.judgement for o in observations], scenes)
    return [share_figure(group, name, shares[name], bar=JUDGE_BAR) for name in (*SEEN, *HEARD) if name in shares]


def generated_figures(made: Sequence[Observation], scenes: Sequence[Scene]) -> list[Figure]:
    """Accuracy of generated clips: against the bar where there is one, else against always saying the same."""
    shares, guessed = accuracy([o.judgement for o in made], scenes), chance(scenes)
    names = ("setting", "time+weather", "subject", "colour", "action", "camera", "time", "weather", *HEARD, "all")
    return [
        share_figure(
            "generated clips",
            name,
            shares[name],
            bar=BARS.get(name),
            chance=None if name in BARS else guessed.get(name),
        )
        for name in names
        if name in shares
    ]


def sound_figures(made: Sequence[Observation], real: Sequence[Observation]) -> list[Figure]:
    """How many events that are seen are heard within 80 ms: generated, with shuffled sound, and in real renders."""
    events, onsets = [o.judgement.events_s for o in made], [o.onsets_s for o in made]
    if not any(onsets) or not any(events):
        return []
    guessed = chance_share(events, onsets)
    there = heard_share([o.judgement.events_s for o in real], [o.onsets_s for o in real])
    return [
        share_figure("sound", "events heard within 80 ms", heard_share(events, onsets), chance=guessed.value),
        share_figure("sound", "  of real renders", there),
    ]


def codec_figures(psnr: Sequence[tuple[float, float]], real_db: dict[str, float]) -> list[Figure]:
    """PSNR of HW-VAE on unseen clips, how far that is above principal components, and on real video."""
    codec_db, floor_db = (sum(column) / len(psnr) for column in zip(*psnr, strict=True))
    figures = [
        Figure("HW-VAE", "unseen world clips", codec_db, "dB", bar=PSNR_BAR_DB),
        Figure("HW-VAE", "above principal components", codec_db - floor_db, "dB", bar=ABOVE_PRINCIPAL_BAR_DB),
    ]
    if real_db:
        mean_db = sum(real_db.values()) / len(real_db)
        figures.append(Figure("HW-VAE", f"{len(real_db)} real clips at {REAL_PX} px", mean_db, "dB"))
        figures += [Figure("HW-VAE", f"  {name}", value, "dB") for name, value in real_db.items()]
    return figures


def principal_codec(config: HWVAEConfig, plan: Plan) -> PrincipalCodec:
    """The floor: principal components of training clips, with as many numbers a block as the codec has."""
    clips = []
    for index in range(-FITTED_ON, 0):
        first = -index % (plan.request.num_frames - FITTED_FRAMES + 1)
        scene = sample_scene(index, level=plan.level)
        frames = range(first, first + FITTED_FRAMES)
        clips.append(scene_video(scene, size_px=plan.request.height, frames=frames))
    return PrincipalCodec(clips, time=config.time, space=config.space, values=config.latent_channels)


def generation_digest(models: SovereignModels, plan: Plan) -> str:
    """Names the clips that these weights make of this plan's prompts, so that others are never taken for them."""
    parts = (models.shdt, models.text_encoder, models.video, *([models.audio] if models.audio else []))
    return digest([weights_digest(part) for part in parts], plan.request, plan.seed, plan.level)


def write_sheet(path: Path, clips: Path, made: Sequence[Observation], scenes: Sequence[Scene]) -> None:
    """The first clips under their prompts, each with what the judge says is wrong."""
    rows, titles = [], []
    for index, scene in enumerate(scenes[:SHEET_CLIPS]):
        expected, said = truth(scene), made[index].judgement.said
        wrong = ", ".join(f"{name} {said[name]}" for name in SEEN if said[name] != expected[name])
        rows.append(video_frames(recall(clips / f"{index:05d}.npz").video))
        titles.append(f"{caption(scene)}   [{'judged ' + wrong if wrong else 'all right'}]")
    contact_sheet(rows, titles, columns=SHEET_COLUMNS).save(path)


def _generated(models: SovereignModels, plan: Plan, scene: Scene, index: int, path: Path) -> Clip:
    if not path.exists():
        request = replace(plan.request, prompt=caption(scene), seed=plan.seed + index)
        keep(Clip(*generate(models, request)), path)
    return recall(path)


def _real(scene: Scene, size_px: int) -> Clip:
    return Clip(scene_video(scene, size_px=size_px), torch.from_numpy(render_sound(scene))[None])


@torch.inference_mode()
def _real_psnr_db(model: HWVAE, media: Path | None, on_progress: OnProgress) -> dict[str, float]:
    """PSNR of a round trip by file name; unreadable or short files are left out."""
    if media is None:
        return {}
    found = {}
    for name, video in real_videos(media, frames=REAL_FRAMES, size_px=REAL_PX):
        if video is not None:
            found[name] = psnr_db(video, _recoded(model, video))
        on_progress("real video", len(found), len(found))
    return found


def _recoded(model: HWVAE, video: Tensor) -> Tensor:
    return model.decode(model.encode(video[None]))[0]


def _about(models: SovereignModels, judge: AttributeJudge, plan: Plan) -> dict[str, object]:
    return {
        "prompts": plan.prompts,
        "seed": plan.seed,
        "level": plan.level,
        "request": {name: str(value) for name, value in asdict(plan.request).items() if name not in ("prompt", "seed")},
        "clips": generation_digest(models, plan),
        "judge": weights_digest(judge),
    }
