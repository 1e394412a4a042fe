"""Training the attribute judge on real renders of the world, damaged as decoding and generating damage pictures.

Its scenes are none that a generator is trained on (they are numbered from ten million), and the frozen result is
used for evaluation alone. Given the codecs, it learns from clips that went through them too: what a generator makes
is decoded by them.
"""

import math
import random
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.checkpoint import weights_digest
from aiprod_core.family import AUDIO_FILE, VIDEO_FILE, load_model
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.judge import AttributeJudge as Judge
from aiprod_core.models.judge import JudgeConfig
from aiprod_core.models.nac import NAC
from aiprod_trainer.config import Section, TrainConfig, parse
from aiprod_trainer.evaluation.attributes import Judgement, accuracy, judge_clip
from aiprod_trainer.evaluation.metrics import PrincipalCodec
from aiprod_trainer.evaluation.observation import Clip, digest, round_trip
from aiprod_trainer.strategies.damage import damaged_sound, damaged_video
from aiprod_trainer.trainer import Batch
from aiprod_trainer.worlds.contact_sheet import contact_sheet
from aiprod_trainer.worlds.motion import events_of
from aiprod_trainer.worlds.pixels import video_frames, video_tensor
from aiprod_trainer.worlds.recordings import Recordings, Sound
from aiprod_trainer.worlds.render import Pixels
from aiprod_trainer.worlds.scene import FRAME_RATE_HZ, NUM_FRAMES, Scene
from aiprod_trainer.worlds.sound import SAMPLE_RATE_HZ
from aiprod_trainer.worlds.vocabulary import ACTIONS, CAMERAS, COLOURS, SETTINGS, SUBJECTS, TIMES, WEATHERS, words_at

FIRST_SCENE = 10_000_000
CODEC_BLOCK, CODEC_FRAMES = 8, 4
WHOLE_EVERY = 5  # so often a batch holds whole clips, otherwise excerpts


class Options(Section):
    """`clips`: renders to learn from. `excerpt`: frames of a training sample, so that no event has a fixed place.

    `codecs`: a folder of released codecs; `recoded_share` of the samples are then of `recoded_clips` round trips.
    """

    name: str
    recordings: Path = Path("runs/judge-data")
    clips: int = 6000
    excerpt: int = 17
    event_weight: float = 1.0
    onset_weight: float = 1.0
    fitted_on: int = 64  # clips that the damaging codec's principal components are taken from
    codec_values: int = 96
    validated_on: int = 256
    codecs: Path | None = None
    recoded_clips: int = 1024
    recoded_share: float = 0.5


class AttributeJudge:
    """Strategy: damaged clips in, the attributes of their scenes out."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.options: Options = parse(Options, config.training_strategy, "training_strategy")
        self.model = Judge(judge_config(config.data.level))
        folder, level, size_px = self.options.recordings, config.data.level, self.model.config.size_px
        self.learnt = Recordings(folder, "train", level, FIRST_SCENE, size_px)
        self.unseen = Recordings(folder, "test", level, FIRST_SCENE, size_px)
        self.recoded: Recordings | None = None
        if self.options.codecs is not None:
            codecs = RoundTrip(self.options.codecs)
            kind = f"recoded-{codecs.digest}"
            self.recoded = Recordings(folder, "train", level, FIRST_SCENE, size_px, kind, codecs)

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"judge": self.model}

    @property
    def files(self) -> dict[str, str]:
        return {}

    def begin(self) -> None:
        """From random weights."""

    @cached_property
    def codec(self) -> PrincipalCodec:
        """A linear codec of the world, for damage."""
        clips = [video_tensor(self.learnt.clip(number)[0]) for number in range(self.options.fitted_on)]
        return PrincipalCodec(clips, time=CODEC_FRAMES, space=CODEC_BLOCK, values=self.options.codec_values)

    def batch(self, step: int) -> Batch:
        size = self.config.optimization.batch_size
        frames = NUM_FRAMES if step % WHOLE_EVERY == 0 else self.options.excerpt
        samples = [self._sample(place, frames) for place in range(step * size, (step + 1) * size)]
        return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        o, verdict = self.options, self.model(batch["video"], batch["sound"])
        losses = [F.cross_entropy(logits, batch[name]) for name, logits in verdict.attributes.items()]
        right = [(logits.argmax(dim=1) == batch[name]).float().mean() for name, logits in verdict.attributes.items()]
        events = F.binary_cross_entropy_with_logits(verdict.events, batch["events"])
        onsets = F.binary_cross_entropy_with_logits(verdict.onsets, batch["onsets"])
        attributes = torch.stack(losses).sum()
        return {
            "loss": attributes + o.event_weight * events + o.onset_weight * onsets,
            "attributes": attributes,
            "events": events,
            "onsets": onsets,
            "right": torch.stack(right).mean(),
        }

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """Accuracy on unseen renders, as they are and damaged; a sheet of damaged ones."""
        numbers = range(self.options.validated_on)
        scenes = [self.unseen.scene(number) for number in numbers]
        clips = [self._whole(number) for number in numbers]
        rng = random.Random("validation")
        worn = [(damaged_video(video, self.codec, rng), damaged_sound(sound, rng)) for video, sound in clips]
        titles = [" ".join(scene.attributes.values()) for scene in scenes[:12]]
        folder.mkdir(parents=True, exist_ok=True)
        contact_sheet([video_frames(video) for video, _ in worn[:12]], titles).save(folder / f"step-{step:08d}.png")
        judged = [self._judged(clip) for clip in clips]
        shares = accuracy(judged, scenes)
        figures = {name: share.value for name, share in shares.items()} | self._events_found(judged, scenes)
        shares = accuracy([self._judged(clip) for clip in worn], scenes)
        return figures | {f"damaged {name}": share.value for name, share in shares.items()}

    def _judged(self, clip: tuple[Tensor, Tensor]) -> Judgement:
        device = self.model.sound.window.device
        return judge_clip(self.model, clip[0].to(device), clip[1][None].to(device))

    def _events_found(self, judged: Sequence[Judgement], scenes: Sequence[Scene]) -> dict[str, float]:
        """Of the frames in which something happens, how many are named; of those named, how many are right."""
        found = named = there = 0
        for judgement, scene in zip(judged, scenes, strict=True):
            expected = {frame_of(event.time_s) for event in events_of(scene)}
            said = {frame_of(moment) for moment in judgement.events_s}
            found, named, there = found + len(expected & said), named + len(said), there + len(expected)
        return {"events_found": found / max(there, 1), "events_right": found / max(named, 1)}

    def _whole(self, number: int) -> tuple[Tensor, Tensor]:
        frames, sound = self.unseen.clip(number)
        return video_tensor(frames), torch.from_numpy(sound)

    def _sample(self, place: int, frames: int) -> dict[str, Tensor]:
        """An excerpt of `frames` frames, damaged, with its labels; a function of `place` and the seed."""
        epoch, position = divmod(place, self.options.clips)
        number, recordings = _shuffled(self.options.clips, epoch)[position], self.learnt
        rng = random.Random(f"{self.config.seed} judge {place}")
        if self.recoded is not None and rng.random() < self.options.recoded_share:
            number, recordings = rng.randrange(self.options.recoded_clips), self.recoded
        first = rng.randrange(NUM_FRAMES - frames + 1)
        pictures, sound = recordings.clip(number)
        video = damaged_video(video_tensor(pictures[first : first + frames]), self.codec, rng)
        per_frame = round(SAMPLE_RATE_HZ / FRAME_RATE_HZ)
        heard = torch.from_numpy(sound[first * per_frame : (first + frames) * per_frame])
        sample = {"video": video, "sound": damaged_sound(heard, rng)[None]}
        return sample | self._labels(self.learnt.scene(number), first, frames)

    def _labels(self, scene: Scene, first: int, frames: int) -> dict[str, Tensor]:
        config, begins_s = self.model.config, first / FRAME_RATE_HZ
        named = scene.attributes | {"ambience setting": scene.setting, "ambience weather": scene.weather}
        labels = {name: torch.tensor(names.index(named[name])) for name, names in config.classes.items()}
        moments_s = [event.time_s - begins_s for event in events_of(scene)]
        hop_hz = config.sample_rate_hz / config.hop
        return labels | {
            "events": marked(moments_s, frames, config.frame_rate_hz),
            "onsets": marked(moments_s, round(frames / config.frame_rate_hz * hop_hz), hop_hz),
        }


class RoundTrip:
    """Pictures and sound through the released codecs of a folder, as `Recordings` keep them."""

    def __init__(self, folder: Path) -> None:
        self.video = load_model(HWVAE, folder / VIDEO_FILE).eval()
        self.audio = load_model(NAC, folder / AUDIO_FILE).eval()

    @property
    def digest(self) -> str:
        """Names the codecs by their weights, so that no other's round trips are taken for theirs."""
        return digest(weights_digest(self.video), weights_digest(self.audio))

    def __call__(self, frames: Pixels, sound: Sound) -> tuple[Pixels, Sound]:
        """uint8 `[t h w c]` and float32 `[s]`, each as it comes back."""
        clip = round_trip(Clip(video_tensor(frames), torch.from_numpy(sound)[None]), self.video, self.audio)
        assert clip.sound is not None
        return video_frames(clip.video), clip.sound[0].numpy()


def judge_config(level: int) -> JudgeConfig:
    """A judge that knows the words of the world at `level`."""
    tables = {
        "subject": SUBJECTS, "colour": COLOURS, "setting": SETTINGS, "time": TIMES, "weather": WEATHERS,
        "action": ACTIONS, "camera": CAMERAS,
    }  # fmt: skip
    names = {attribute: words_at(level, words) for attribute, words in tables.items()}  # type: ignore[arg-type]
    return JudgeConfig(
        shown={attribute: names[attribute] for attribute in ("subject", "colour", "setting", "time", "weather")},
        moving={attribute: names[attribute] for attribute in ("action", "camera")},
        heard={"ambience setting": names["setting"], "ambience weather": names["weather"]},
    )


def marked(moments_s: Sequence[float], count: int, rate_hz: float) -> Tensor:
    """`[count]`: 1 for each interval of 1/rate_hz seconds in which a moment falls, else 0."""
    marks = torch.zeros(count)
    for place in (frame_of(moment, rate_hz) for moment in moments_s):
        if 0 <= place < count:
            marks[place] = 1.0
    return marks


def frame_of(moment_s: float, rate_hz: float = FRAME_RATE_HZ) -> int:
    """The interval of 1/rate_hz seconds in which a moment falls; moments are rounded to microseconds."""
    return math.floor(moment_s * rate_hz + 1e-4)


@lru_cache(maxsize=2)
def _shuffled(count: int, epoch: int) -> list[int]:
    """In order at first, so that renders are made as they are needed; then shuffled."""
    order = list(range(count))
    if epoch:
        random.Random(f"epoch {epoch}").shuffle(order)
    return order
