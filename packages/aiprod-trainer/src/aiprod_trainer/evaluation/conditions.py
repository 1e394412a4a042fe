"""What is made of what is given: pinned pictures, clips at twice the size, and clips from the same at another time.

Each figure stands beside what it is to be compared with: the codec alone, interpolation, a reference of another clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from aiprod_core.edges import steepness
from aiprod_core.family import RELIGHT_LORA_FILE, UPSAMPLER_FILE, SovereignModels, load_model
from aiprod_core.generation import Conditions, generate
from aiprod_core.lora import Loras, read_lora
from aiprod_core.models.upsampler import LatentUpsampler
from aiprod_core.pinning import PinnedFrame, pin_pictures
from aiprod_core.types import GenerationConfig
from aiprod_trainer.data.latents import relit
from aiprod_trainer.evaluation.metrics import psnr_db
from aiprod_trainer.evaluation.nano import held_out
from aiprod_trainer.evaluation.renders import OnProgress
from aiprod_trainer.evaluation.report import Figure
from aiprod_trainer.evaluation.upsampling import upsampled
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.contact_sheet import contact_sheet
from aiprod_trainer.worlds.pixels import scene_video, video_frames
from aiprod_trainer.worlds.scene import Scene

PINNED = (0, 12, 24)  # frames
WITHIN_DB, ABOVE_LATENT_DB, ABOVE_PIXEL_DB, STRUCTURE_BAR = -1.0, 2.0, 1.0, 2.0
REACH_PX = 1  # how far a line may lie from the one it follows
LINES = 0.05  # share of the pixels of a frame that are lines
LARGE_FRAMES = 9


@dataclass(frozen=True, kw_only=True)
class Given:
    """The folder of weights, the request of every clip, and how many held-out scenes are looked at."""

    weights: Path
    request: GenerationConfig
    scenes: int
    level: int = 1


def evaluate_conditions(models: SovereignModels, given: Given, sheet: Path, on_progress: OnProgress) -> list[Figure]:
    """Every figure; references, what was made of them and the real clips are drawn on `sheet`."""
    scenes = held_out(given.scenes, given.level)
    return [
        *keyframe_figures(models, given, scenes, on_progress),
        *upsampler_figures(models, given, scenes, on_progress),
        *reference_figures(models, given, scenes, sheet, on_progress),
    ]


@torch.inference_mode()
def keyframe_figures(
    models: SovereignModels, given: Given, scenes: Sequence[Scene], on_progress: OnProgress
) -> list[Figure]:
    """PSNR of a clip at frames that real pictures are pinned to, and of those pictures through the codec alone."""
    found, alone = [], []
    for index, scene in enumerate(scenes):
        real = scene_video(scene, size_px=given.request.height)
        pictures = [PinnedFrame(real[:, frame], frame, 1.0) for frame in PINNED]
        pins = pin_pictures(models, given.request.num_frames, pictures)
        request = replace(given.request, prompt=caption(scene), seed=index)
        made, _ = generate(models, request, Conditions(video=pins))
        found += [psnr_db(made[:, frame], real[:, frame]) for frame in PINNED]
        stills = [real[:, frame : frame + 1].expand(-1, 1 + models.compression.time, -1, -1) for frame in PINNED]
        alone += [psnr_db(_coded(models, still)[:, -1], still[:, 0]) for still in stills]
        on_progress("keyframes", index + 1, len(scenes))
    found_db, alone_db = _mean(found), _mean(alone)
    return [
        Figure("keyframes", "pictures at their frames", found_db, "dB"),
        Figure("keyframes", "  through the codec alone", alone_db, "dB"),
        Figure("keyframes", "  difference", found_db - alone_db, "dB", bar=WITHIN_DB),
    ]


@torch.inference_mode()
def upsampler_figures(
    models: SovereignModels, given: Given, scenes: Sequence[Scene], on_progress: OnProgress
) -> list[Figure]:
    """PSNR of unseen clips at twice the size, against renders at that size."""
    upsampler = load_model(LatentUpsampler, given.weights / UPSAMPLER_FILE).eval()
    size_px, frames = given.request.height, range(LARGE_FRAMES)
    found: dict[str, list[float]] = {}
    for index, scene in enumerate(scenes):
        low, high = (scene_video(scene, size_px=px, frames=frames) for px in (size_px, 2 * size_px))
        for name, video in upsampled(models.video, upsampler, low).items():
            found.setdefault(name, []).append(psnr_db(video, high))
        found.setdefault("codec", []).append(psnr_db(_coded(models, high), high))
        on_progress("upsampler", index + 1, len(scenes))
    learned = _mean(found["learned"])
    by_latent, by_pixel = (learned - _mean(found[name]) for name in ("bicubic_latent", "bicubic_pixel"))
    return [
        Figure("upsampler", "unseen clips at twice the size", learned, "dB"),
        Figure("upsampler", "  the codec at that size, the most there is", _mean(found["codec"]), "dB"),
        Figure("upsampler", "  above latents interpolated", by_latent, "dB", bar=ABOVE_LATENT_DB),
        Figure("upsampler", "  above pixels interpolated", by_pixel, "dB", bar=ABOVE_PIXEL_DB),
    ]


@torch.inference_mode()
def reference_figures(
    models: SovereignModels, given: Given, scenes: Sequence[Scene], sheet: Path, on_progress: OnProgress
) -> list[Figure]:
    """A clip from one at another time of day: how well its lines follow that, and how near it is to the real one.

    Beside it, the lines of clips of the same prompts and seeds that were made of no reference: at level 1 of the world
    much is decided by the words alone.
    """
    loras, lora = Loras(models.shdt), read_lora(given.weights / RELIGHT_LORA_FILE, models.shdt)
    shown, made, alone, rows = [], [], [], []
    near: dict[str, list[float]] = {"made": [], "alone": [], "reference": []}
    for index, scene in enumerate(scenes):
        real, reference = (scene_video(s, size_px=given.request.height) for s in (scene, relit(scene)))
        request = replace(given.request, prompt=caption(scene), seed=index)
        loras.clear()
        alone.append(generate(models, request)[0])
        loras.set([(lora, 1.0)])
        clip, _ = generate(models, request, Conditions(reference=models.encode_video(reference[None])))
        shown.append(reference)
        made.append(clip)
        for name, video in (("made", clip), ("alone", alone[-1]), ("reference", reference)):
            near[name].append(psnr_db(video, real))
        rows += [video_frames(video) for video in (reference, clip, real)]
        on_progress("references", index + 1, len(scenes))
    loras.clear()
    titles = [title for s in scenes for title in (f"reference: {caption(relit(s))}", f"made: {caption(s)}", "real")]
    sheet.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(rows[:24], titles[:24], columns=8).save(sheet)
    own, unled = (
        _mean([line_f1(found, wanted) for found, wanted in zip(clips, shown, strict=True)]) for clips in (made, alone)
    )
    other = _mean([line_f1(found, wanted) for found, wanted in zip(made, [*shown[1:], shown[0]], strict=True)])
    group = "in-context LoRA: another time of day"
    return [
        Figure(group, "lines that follow the reference, F1", own, "share"),
        Figure(group, "  those of another clip, F1", other, "share"),
        Figure(group, "  ratio", own / other, "ratio", bar=STRUCTURE_BAR),
        Figure(group, "  of clips made of the prompt alone, F1", unled, "share"),
        Figure(group, "near the real clip at that time", _mean(near["made"]), "dB"),
        Figure(group, "  of clips made of the prompt alone", _mean(near["alone"]), "dB"),
        Figure(group, "  the reference itself", _mean(near["reference"]), "dB"),
    ]


def line_f1(found: Tensor, wanted: Tensor) -> float:
    """F1 of the lines of two clips `[3 t h w]`: found that are wanted and wanted that are found, `REACH_PX` apart."""
    lines = [steepest(clip) for clip in (found, wanted)]
    near = [F.max_pool2d(line, 2 * REACH_PX + 1, stride=1, padding=REACH_PX) for line in lines]
    precision, recall = (
        (line * other).sum().item() / max(line.sum().item(), 1.0)
        for line, other in ((lines[0], near[1]), (lines[1], near[0]))
    )
    return 2 * precision * recall / max(precision + recall, 1e-9)


def steepest(clip: Tensor) -> Tensor:
    """The steepest `LINES` of the pixels of each frame, `[t h w]` of 0 and 1: lines by day and by night alike."""
    slopes = steepness(clip)
    least = torch.quantile(slopes.flatten(1), 1 - LINES, dim=1)[:, None, None]
    return ((slopes >= least) & (slopes > 0)).float()


def _coded(models: SovereignModels, video: Tensor) -> Tensor:
    return models.video.decode(models.video.encode(video[None]))[0].clamp(-1, 1)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
