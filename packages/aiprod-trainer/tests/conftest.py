"""What the tests of this package share: presets small enough to train in a test."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from tiny_family import write_tiny_family

from aiprod_core.family import SovereignModels
from aiprod_core.models import hwvae, nac, shdt, text_encoder
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.models.nac import NAC
from aiprod_trainer import tokenizer
from aiprod_trainer.strategies import text_to_video, video_autoencoder
from aiprod_trainer.strategies.attribute_judge import judge_config

HWVAE_TINY = replace(
    hwvae.NANO, latent_channels=8, widths=(16, 32), encoder_depths=(1, 1), decoder_depths=(1, 1)
)  # fmt: skip
NAC_TINY = replace(
    nac.NANO, latent_channels=8, width=32, encoder_depth=1, decoder_depth=1, fine_width=32, fine_depth=1
)  # fmt: skip
SHDT_TINY = replace(
    shdt.NANO, video_channels=8, audio_channels=8, text_width=32, video_width=32, audio_width=32, heads=2,
    head_width=16, mixers=shdt.hybrid(3, linear_between=1),
)  # fmt: skip
TEXT_TINY = replace(text_encoder.NANO, width=32, layers=1, heads=2)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nano presets, and the text encoder, at a hundredth of their size."""
    monkeypatch.setitem(video_autoencoder.PRESETS, "nano", HWVAE_TINY)
    monkeypatch.setitem(text_to_video.PRESETS, "nano", SHDT_TINY)
    monkeypatch.setattr(text_encoder, "NANO", TEXT_TINY)
    monkeypatch.setattr(text_to_video, "train_tokenizer", _learned_once)


@pytest.fixture(scope="session")
def video_codec() -> HWVAE:
    torch.manual_seed(0)
    return HWVAE(HWVAE_TINY).eval()


@pytest.fixture(scope="session")
def audio_codec() -> NAC:
    torch.manual_seed(0)
    return NAC(NAC_TINY).eval()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny family of models that knows nothing."""
    folder: Path = tmp_path_factory.mktemp("weights") / "tiny"
    write_tiny_family(folder)
    return folder


@pytest.fixture(scope="session")
def models(weights: Path) -> SovereignModels:
    return SovereignModels.load(weights)


@pytest.fixture(scope="session")
def judge() -> AttributeJudge:
    """A judge that knows nothing."""
    torch.manual_seed(0)
    return AttributeJudge(judge_config(1)).eval()


@cache
def _learned_once(vocabulary: int) -> str:
    return tokenizer.train_tokenizer(vocabulary)
