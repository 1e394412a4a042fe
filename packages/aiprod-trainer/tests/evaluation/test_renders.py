"""The codec is measured against its floor, and the floor is the closed form that it says it is."""

import torch

from aiprod_core.models import hwvae
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.judge import AttributeJudge
from aiprod_trainer.evaluation.metrics import psnr_db
from aiprod_trainer.evaluation.renders import Yardstick, codec_figures, principal_codec, render
from aiprod_trainer.strategies.attribute_judge import judge_config
from aiprod_trainer.worlds.scene import sample_scene


def test_the_codec_has_to_beat_its_floor() -> None:
    figures = codec_figures([(31.0, 27.0), (33.0, 29.0)], {})
    assert [(figure.value, figure.met) for figure in figures] == [(32.0, True), (4.0, True)]
    assert [figure.met for figure in codec_figures([(33.0, 31.0)], {})] == [True, False]


def test_the_floor_is_an_orthonormal_basis_that_holds_most_of_a_picture() -> None:
    torch.manual_seed(0)
    by = Yardstick(judge=AttributeJudge(judge_config(1)), video=HWVAE(hwvae.NANO), audio=None, size_px=64, fitted_on=24)
    floor = principal_codec(by.video.config, by)
    assert floor.basis.shape == (hwvae.NANO.latent_channels, 3 * 4 * 8 * 8)
    torch.testing.assert_close(floor.basis @ floor.basis.T, torch.eye(len(floor.basis)).double(), atol=1e-8, rtol=0)
    clip = render(sample_scene(0, split="test"), 64)
    assert clip.sound is not None
    assert clip.sound.shape == (1, 60_000)
    assert psnr_db(clip.video, floor.round_trip(clip.video)) > 18
