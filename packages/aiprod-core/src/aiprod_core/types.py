"""The types that travel: shapes of pixels, sound and latents, and the request for one clip.

Legend, here and everywhere: `b` batch, `c` channels, `t` frames, `h w` size, `l` tokens, `d` width,
`s` audio samples. Pixels are `[b c t h w]` in [-1, 1]; sound is `[b c s]` in [-1, 1]; video latents are
`[b c t h w]`; audio latents are `[b c l]`. This module knows nothing of files, networks or devices, and loads no
torch: a gateway reads requests too.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from aiprod_core.camera import CameraMove
from aiprod_core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


class ModalityType(StrEnum):
    """What a stream of tokens stands for."""

    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class Compression:
    """How many pixels, frames and samples one latent stands for.

    `time`, `space`: frames and pixels a latent step spans in HW-VAE; the first frame is a latent of its own.
    `hop`: audio samples a latent step spans in NAC. `patch`: latents a side that SHDT joins into one token.
    """

    time: int
    space: int
    hop: int
    patch: int = 1

    @property
    def size_multiple_px(self) -> int:
        """Width and height must be multiples of this."""
        return self.space * self.patch

    def latent_frames(self, frames: int) -> int:
        """Latent frames that so many pixel frames become; the last, partly filled one counts."""
        return -(-(frames - 1) // self.time) + 1

    def audio_tokens(self, samples: int) -> int:
        """Audio latents that so many samples become; the last, partly filled one counts."""
        return -(-samples // self.hop)


@dataclass(frozen=True)
class VideoPixelShape:
    """Shape of a batch of clips, `[b c t h w]`."""

    batch: int
    frames: int
    height: int
    width: int
    channels: int = 3

    @property
    def dims(self) -> tuple[int, int, int, int, int]:
        return (self.batch, self.channels, self.frames, self.height, self.width)


@dataclass(frozen=True)
class VideoLatentShape:
    """Shape of video latents, `[b c t h w]`."""

    batch: int
    channels: int
    frames: int
    height: int
    width: int

    @property
    def dims(self) -> tuple[int, int, int, int, int]:
        return (self.batch, self.channels, self.frames, self.height, self.width)

    @classmethod
    def of(cls, pixels: VideoPixelShape, channels: int, by: Compression) -> "VideoLatentShape":
        """Latent shape of a legal clip: frames `k·n + 1` become `n + 1`."""
        return cls(
            batch=pixels.batch,
            channels=channels,
            frames=by.latent_frames(pixels.frames),
            height=pixels.height // by.space,
            width=pixels.width // by.space,
        )


@dataclass(frozen=True)
class AudioShape:
    """Shape of a batch of sounds, `[b c s]`."""

    batch: int
    samples: int
    channels: int = 1

    @property
    def dims(self) -> tuple[int, int, int]:
        return (self.batch, self.channels, self.samples)


@dataclass(frozen=True)
class AudioLatentShape:
    """Shape of audio latents, `[b c l]`."""

    batch: int
    channels: int
    length: int

    @property
    def dims(self) -> tuple[int, int, int]:
        return (self.batch, self.channels, self.length)

    @classmethod
    def of(cls, sound: AudioShape, channels: int, by: Compression) -> "AudioLatentShape":
        """Latent shape of a sound: the last, partly filled hop counts."""
        return cls(batch=sound.batch, channels=channels, length=by.audio_tokens(sound.samples))


@dataclass(frozen=True)
class LatentState:
    """Where a denoising run stands: the two latents, either of which may be absent."""

    video: "Tensor | None"  # [b c t h w]
    audio: "Tensor | None"  # [b c l]


@dataclass(frozen=True, kw_only=True)
class ImageCondition:
    """A picture pinned into the clip.

    `frame`: index of the frame it stands at, in [0, num_frames). `strength`: 1 keeps it exactly, 0 ignores it.
    """

    path: Path
    frame: int = 0
    strength: float = 1.0


@dataclass(frozen=True, kw_only=True)
class SourceCondition:
    """A film, or a sound, that a clip is made from. What the span of time means is the pipeline's to say.

    `start_s`: ≥ 0. `end_s`: > start_s; None is the end of the source.
    """

    path: Path
    start_s: float = 0.0
    end_s: float | None = None


GUIDANCE_RANGES = {
    "guidance_scale": (0.0, 50.0),
    "guidance_rescale": (0.0, 1.0),
    "apg_eta": (0.0, 1.0),
    "apg_norm_threshold": (0.0, 1000.0),
    "stg_scale": (0.0, 20.0),
    "modality_scale": (0.0, 50.0),
    "audio_guidance_scale": (0.0, 50.0),
    "audio_guidance_rescale": (0.0, 1.0),
    "audio_stg_scale": (0.0, 20.0),
    "audio_modality_scale": (0.0, 50.0),
}


@dataclass(frozen=True, kw_only=True)
class GenerationConfig:
    """The request for one clip; it validates itself and says what to do.

    `compression` comes from the model that is to render it, since legal sizes are the model's own.
    """

    prompt: str
    negative_prompt: str = ""
    seed: int = 0  # [0, 2**63)
    width: int = 128  # px, a multiple of compression.size_multiple_px
    height: int = 128  # px, likewise
    num_frames: int = 25  # compression.time · n + 1
    frame_rate: float = 10.0  # Hz
    num_inference_steps: int = 10  # [1, 1000]
    refine_steps: int = 3  # of the second stage, where there is one; 0 = none
    refine_start: float = 0.2  # [0, 1): the noise level it begins at; 0 = none
    guidance_scale: float = 2.0  # 1 = no guidance
    guidance_rescale: float = 0.0  # [0, 1]
    apg_eta: float = 1.0  # [0, 1]; 1 = guidance as it is, 0 = nothing along the prediction itself
    apg_norm_threshold: float = 0.0  # root mean square of what guidance may add to a latent; 0 = no limit
    stg_scale: float = 0.0  # 0 = none
    stg_blocks: tuple[int, ...] = ()  # layers that STG perturbs; () = the middle one
    modality_scale: float = 1.0  # 1 = pictures and sound follow each other as they do
    audio_guidance_scale: float | None = None  # None = as for video, here and below
    audio_guidance_rescale: float | None = None
    audio_stg_scale: float | None = None
    audio_modality_scale: float | None = None
    audio: bool = True
    camera: CameraMove | None = None
    images: tuple[ImageCondition, ...] = field(default_factory=tuple)
    source: SourceCondition | None = None

    @property
    def duration_s(self) -> float:
        return self.num_frames / self.frame_rate

    def validate(self, by: Compression, *, max_side_px: int = 2048, max_frames: int = 1025) -> None:
        """Raise `InputError` naming the nearest legal value for the first thing that is not legal."""
        if not self.prompt.strip():
            raise InputError(
                "prompt: got an empty one; describe the clip in a sentence, e.g. 'a red cat walking on a beach'"
            )
        for name, side in (("width", self.width), ("height", self.height)):
            _check_multiple(name, side, by.size_multiple_px, max_side_px)
        _check_frames(self.num_frames, by.time, max_frames)
        _check_range("seed", self.seed, 0, 2**63 - 1)
        _check_range("frame-rate", self.frame_rate, 1.0, 120.0)
        _check_range("num-inference-steps", self.num_inference_steps, 1, 1000)
        _check_range("refine-steps", self.refine_steps, 0, 1000)
        _check_range("refine-start", self.refine_start, 0.0, 0.99)
        for name, (low, high) in GUIDANCE_RANGES.items():
            value = getattr(self, name)
            if value is not None:
                _check_range(name.replace("_", "-"), value, low, high)
        if self.camera is not None:
            self.camera.validate()
        for image in self.images:
            _check_range("image frame", image.frame, 0, self.num_frames - 1)
            _check_range("image strength", image.strength, 0.0, 1.0)
        if self.source is not None:
            _check_range("start", self.source.start_s, 0.0, 86400.0)
            if self.source.end_s is not None and self.source.end_s <= self.source.start_s:
                raise InputError(
                    f"end: got {self.source.end_s} s, expected after start, {self.source.start_s} s; move one of them"
                )


def half_size(config: GenerationConfig, multiple_px: int) -> GenerationConfig:
    """The request of the first of two stages. Raises `InputError` for a size whose half is not legal."""
    for name, side in (("width", config.width), ("height", config.height)):
        if side % (2 * multiple_px):
            below = max(side // (2 * multiple_px), 1) * 2 * multiple_px
            raise InputError(
                f"{name}: got {side}, expected a multiple of {2 * multiple_px} for two stages; "
                f"use {below} or {below + 2 * multiple_px}"
            )
    return replace(config, width=config.width // 2, height=config.height // 2)


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{name}: got {value}, expected {low} to {high}; choose a value in that range")


def _check_multiple(name: str, side: int, multiple: int, most: int) -> None:
    if side % multiple == 0 and multiple <= side <= most:
        return
    nearest = _nearest(side, multiple, multiple, most)
    raise InputError(f"{name}: got {side}, expected a multiple of {multiple} up to {most}; use {nearest}")


def _check_frames(frames: int, step: int, most: int) -> None:
    if (frames - 1) % step == 0 and 1 <= frames <= most:
        return
    nearest = _nearest(frames, 1, step, most)
    raise InputError(f"num-frames: got {frames}, expected {step}·n + 1 up to {most}; use {nearest}")


def _nearest(value: int, first: int, step: int, most: int) -> str:
    """The legal values on both sides of `value`, out of `first`, `first + step`, … up to `most`."""
    below, last = (value - first) // step, (most - first) // step
    around = sorted({min(max(n, 0), last) for n in (below, below + 1)})
    return " or ".join(str(first + n * step) for n in around)
