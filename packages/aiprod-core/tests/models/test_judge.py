"""The judge is the same whatever the size of the picture and the place in the clip, and survives its checkpoint."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.errors import InputError, WeightsError
from aiprod_core.models.judge import AttributeJudge, JudgeConfig

CONFIG = JudgeConfig(
    shown={"subject": ("cat", "dog", "car"), "colour": ("red", "blue")},
    moving={"camera": ("static", "pan")},
    heard={"ambience": ("rain", "snow", "fog", "clear")},
    still_widths=(16, 24, 32),
    motion_widths=(16, 24, 32),
    motion_width=32,
    sound_width=24,
)


@pytest.fixture(name="judge", scope="module")
def _judge() -> AttributeJudge:
    torch.manual_seed(0)
    judge = AttributeJudge(CONFIG).eval()
    for head in (judge.motion.event, judge.sound.onset):
        torch.nn.init.normal_(head.weight)  # far from zero, so that differences show
    return judge


def _video(frames: int = 25, side: int = 64, batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(frames + side)
    return torch.rand(batch, 3, frames, side, side, generator=generator) * 2 - 1


def _sound(samples: int = 60_000) -> Tensor:
    return 0.1 * torch.randn(2, 1, samples, generator=torch.Generator().manual_seed(samples))


@torch.no_grad()
def test_every_attribute_has_its_classes(judge: AttributeJudge) -> None:
    verdict = judge(_video(), _sound())
    assert {name: logits.shape for name, logits in verdict.attributes.items()} == {
        name: (2, len(classes)) for name, classes in CONFIG.classes.items()
    }
    assert verdict.events.shape == (2, 25)
    assert verdict.onsets.shape == (2, 60_000 // CONFIG.hop)


@torch.no_grad()
def test_large_pictures_are_judged_by_the_means_of_their_areas(judge: AttributeJudge) -> None:
    small = _video()
    large = F.interpolate(small.flatten(0, 1), scale_factor=4, mode="nearest").unflatten(0, (2, 3))
    for name, logits in judge.see(large)[0].items():
        torch.testing.assert_close(logits, judge.see(small)[0][name], rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_small_and_oblong_pictures_are_taken(judge: AttributeJudge) -> None:
    flat = torch.full((1, 3, 9, 32, 48), 0.3)
    expected = judge.see(torch.full((1, 3, 9, 64, 64), 0.3))[0]
    for name, logits in judge.see(flat)[0].items():
        torch.testing.assert_close(logits, expected[name], rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_a_clip_is_judged_alone(judge: AttributeJudge) -> None:
    video, sound = _video(), _sound()
    together, alone = judge(video, sound), judge(video[1:], sound[1:])
    torch.testing.assert_close(together.events[1:], alone.events, rtol=1e-3, atol=1e-4)
    for name, logits in alone.attributes.items():
        torch.testing.assert_close(together.attributes[name][1:], logits, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_events_and_onsets_move_with_the_clip(judge: AttributeJudge) -> None:
    """No frame knows its number: away from the ends, a clip that starts later has the same logits earlier."""
    video, sound = _video(frames=25 + 5), _sound(60_000 + 10 * CONFIG.hop)
    events, onsets = judge.see(video)[1], judge.hear(sound)[1]
    later_events, later_onsets = judge.see(video[:, :, 5:])[1], judge.hear(sound[..., 10 * CONFIG.hop :])[1]
    torch.testing.assert_close(later_events[:, 10:-10], events[:, 15:-10], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(later_onsets[:, 30:-30], onsets[:, 40:-30], rtol=1e-3, atol=1e-4)
    assert events.std() > 1e-2
    assert onsets.std() > 1e-2


@torch.no_grad()
def test_a_checkpoint_brings_back_classes_and_verdict(judge: AttributeJudge, tmp_path: Path) -> None:
    path = tmp_path / "judge.safetensors"
    lineage = Lineage(initialised_from="random", trained_on=("tests",), steps=0, core_hours=0.0)
    save_checkpoint(path, "judge", judge.config, judge.state_dict(), lineage)
    loaded = AttributeJudge.load(path)
    assert loaded.config == CONFIG
    assert not any(p.requires_grad for p in loaded.parameters())
    assert torch.equal(loaded.see(_video())[0]["subject"], judge.see(_video())[0]["subject"])
    with pytest.raises(WeightsError, match="missing"):
        AttributeJudge.load(tmp_path / "other.safetensors")


def test_the_usual_size_is_small() -> None:
    with torch.device("meta"):
        judge = AttributeJudge(JudgeConfig(shown=CONFIG.shown, moving=CONFIG.moving, heard=CONFIG.heard))
    assert sum(p.numel() for p in judge.parameters()) <= 1_500_000


@pytest.mark.parametrize("shape", [(1, 3, 4, 64, 64), (1, 1, 9, 64, 64), (3, 9, 64, 64)])
def test_wrong_video_is_refused(judge: AttributeJudge, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expected"):
        judge.see(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 2, 9000), (1, 1, 100), (9000,)])
def test_wrong_sound_is_refused(judge: AttributeJudge, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expected"):
        judge.hear(torch.zeros(shape))
