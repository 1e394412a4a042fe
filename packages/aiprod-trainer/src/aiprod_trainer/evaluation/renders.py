"""Real renders as the yardstick: whether the judge is right about them, and what the codecs leave of them.

Nothing here is generated. Where the judge fails on real renders, or on those after a codec round trip, what it says of
generated clips means nothing.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch

from aiprod_core.models.hwvae import HWVAE, HWVAEConfig
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.models.nac import NAC
from aiprod_trainer.evaluation.attributes import HEARD, SEEN, accuracy
from aiprod_trainer.evaluation.metrics import PrincipalCodec, psnr_db
from aiprod_trainer.evaluation.observation import Clip, Observation, observe, round_trip
from aiprod_trainer.evaluation.real_video import real_videos
from aiprod_trainer.evaluation.report import Figure, share_figure
from aiprod_trainer.worlds.pixels import scene_video
from aiprod_trainer.worlds.scene import NUM_FRAMES, Scene, sample_scene
from aiprod_trainer.worlds.sound import render_sound

OnProgress: TypeAlias = Callable[[str, int, int], None]  # stage, clips done, clips in all

JUDGE_BAR = 0.97
PSNR_BAR_DB, ABOVE_PRINCIPAL_BAR_DB = 32.0, 3.0
EXCERPT_PX, EXCERPT_FRAMES = 64, 9
REAL_FRAMES, REAL_PX = 25, 256


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """What renders are measured with. `fitted_on`: excerpts that the principal components are taken from. `media`:
    a folder of real video for the codec, or None."""

    judge: AttributeJudge
    video: HWVAE
    audio: NAC | None
    level: int = 1
    size_px: int = 128
    fitted_on: int = 192
    media: Path | None = None


@dataclass(frozen=True)
class Renders:
    """What was measured on each scene: its render, the render after the codecs, and (codec, floor) PSNR in dB."""

    scenes: Sequence[Scene]
    real: Sequence[Observation]
    recoded: Sequence[Observation]
    psnr_db: Sequence[tuple[float, float]]
    real_video_db: dict[str, float]

    def figures(self) -> list[Figure]:
        """The judge's accuracy and the codec's PSNR, beside their bars."""
        return [
            *judge_figures("judge on real renders", self.real, self.scenes),
            *judge_figures("judge after a codec round trip", self.recoded, self.scenes),
            *codec_figures(self.psnr_db, self.real_video_db),
        ]


@torch.inference_mode()
def look_at_renders(scenes: Sequence[Scene], by: Yardstick, on_progress: OnProgress) -> Renders:
    """Render every scene, take it through the codecs, and measure both."""
    floor = principal_codec(by.video.config, by)
    real: list[Observation] = []
    recoded: list[Observation] = []
    psnr: list[tuple[float, float]] = []
    for scene in scenes:
        clip = render(scene, by.size_px)
        again = round_trip(clip, by.video, by.audio)
        real.append(observe(by.judge, clip))
        recoded.append(observe(by.judge, again))
        psnr.append((psnr_db(clip.video, again.video), psnr_db(clip.video, floor.round_trip(clip.video))))
        on_progress("real renders", len(real), len(scenes))
    return Renders(scenes, real, recoded, psnr, _real_video_db(by, on_progress))


def judge_figures(group: str, observations: Sequence[Observation], scenes: Sequence[Scene]) -> list[Figure]:
    """Accuracy of the judge on clips that are known to show their scenes, each attribute with its bar."""
    shares = accuracy([o.judgement for o in observations], scenes)
    return [share_figure(group, name, shares[name], bar=JUDGE_BAR) for name in (*SEEN, *HEARD) if name in shares]


def codec_figures(psnr: Sequence[tuple[float, float]], real_video_db: dict[str, float]) -> list[Figure]:
    """PSNR of HW-VAE on unseen clips, how far that is above principal components, and on real video."""
    codec_db, floor_db = (sum(column) / len(psnr) for column in zip(*psnr, strict=True))
    figures = [
        Figure("HW-VAE", "unseen world clips", codec_db, "dB", bar=PSNR_BAR_DB),
        Figure("HW-VAE", "above principal components", codec_db - floor_db, "dB", bar=ABOVE_PRINCIPAL_BAR_DB),
    ]
    if real_video_db:
        mean_db = sum(real_video_db.values()) / len(real_video_db)
        figures.append(Figure("HW-VAE", f"{len(real_video_db)} real clips at {REAL_PX} px", mean_db, "dB"))
        figures += [Figure("HW-VAE", f"  {name}", value, "dB") for name, value in real_video_db.items()]
    return figures


def principal_codec(config: HWVAEConfig, by: Yardstick) -> PrincipalCodec:
    """The floor: principal components of excerpts of training clips, with as many numbers a block as the codec has."""
    side, clips = min(EXCERPT_PX, by.size_px), []
    for index in range(-by.fitted_on, 0):
        rng = random.Random(f"principal {index}")
        first = rng.randrange(NUM_FRAMES - EXCERPT_FRAMES + 1)
        x, y = (rng.randrange(by.size_px - side + 1) for _ in range(2))
        frames = range(first, first + EXCERPT_FRAMES)
        video = scene_video(sample_scene(index, level=by.level), size_px=by.size_px, frames=frames)
        clips.append(video[:, :, y : y + side, x : x + side])
    return PrincipalCodec(clips, time=config.time, space=config.space, values=config.latent_channels)


def render(scene: Scene, size_px: int) -> Clip:
    """A scene as a clip."""
    return Clip(scene_video(scene, size_px=size_px), torch.from_numpy(render_sound(scene))[None])


def _real_video_db(by: Yardstick, on_progress: OnProgress) -> dict[str, float]:
    """PSNR of a round trip by file name; unreadable or short files are left out."""
    found: dict[str, float] = {}
    if by.media is not None:
        for name, video in real_videos(by.media, frames=REAL_FRAMES, size_px=REAL_PX):
            if video is not None:
                found[name] = psnr_db(video, by.video.decode(by.video.encode(video[None]))[0])
            on_progress("real video", len(found), len(found))
    return found
