"""What the tests of this package share: tiny, untrained, but whole models."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.family import AUDIO_FILE, SHDT_FILE, TEXT_FILE, TOKENIZER_FILE, VIDEO_FILE, WORDS_FILE, SovereignModels
from aiprod_core.models import hwvae, nac, shdt, text_encoder
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.nac import NAC
from aiprod_core.models.shdt import SHDT
from aiprod_core.models.text_encoder import END, PAD, START, TextEncoder, TextTokenizer

SENTENCES = ("a red cat walks on a beach on a clear day.", "a blue bird flies over a meadow at dusk in the rain.")
LINEAGE = Lineage(initialised_from="random", trained_on=("nothing",), steps=3, core_hours=0.5)

SHDT_TINY = replace(
    shdt.NANO, video_channels=8, audio_channels=8, text_width=32, video_width=32, audio_width=32, heads=2,
    head_width=16, mixers=shdt.hybrid(4, linear_between=2),
)  # fmt: skip
HWVAE_TINY = replace(
    hwvae.NANO, latent_channels=8, widths=(16, 32), encoder_depths=(1, 1), decoder_depths=(2, 1)
)  # fmt: skip
NAC_TINY = replace(
    nac.NANO, latent_channels=8, width=32, encoder_depth=1, decoder_depth=1, fine_width=32, fine_depth=1
)  # fmt: skip
TEXT_TINY = replace(text_encoder.NANO, vocabulary=128, width=32, layers=1, heads=2, longest=32)


def alive(model: nn.Module, seed: int = 0) -> Any:
    """The model with its zeros drawn at random too, as if it had learned something."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model.eval().requires_grad_(False)


@pytest.fixture
def transformer() -> SHDT:
    torch.manual_seed(0)
    return alive(SHDT(SHDT_TINY))  # type: ignore[no-any-return]


@pytest.fixture
def video_codec() -> HWVAE:
    torch.manual_seed(0)
    return alive(HWVAE(HWVAE_TINY))  # type: ignore[no-any-return]


@pytest.fixture
def text_model() -> TextEncoder:
    torch.manual_seed(0)
    return alive(TextEncoder(TEXT_TINY))  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def tokenizer_json() -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=128, special_tokens=[PAD, START, END], show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    ends = [(mark, tokenizer.token_to_id(mark)) for mark in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return str(tokenizer.to_str())


@pytest.fixture
def tokenizer(tokenizer_json: str) -> TextTokenizer:
    return TextTokenizer(tokenizer_json, longest=32)


@pytest.fixture
def family(tmp_path: Path, tokenizer_json: str) -> Path:
    """A folder of weights, as `SovereignModels.load` expects it."""
    torch.manual_seed(0)
    folder = tmp_path / "family"
    folder.mkdir()
    parts: dict[str, tuple[type[nn.Module], Any]] = {
        SHDT_FILE: (SHDT, SHDT_TINY),
        VIDEO_FILE: (HWVAE, HWVAE_TINY),
        AUDIO_FILE: (NAC, NAC_TINY),
        TEXT_FILE: (TextEncoder, TEXT_TINY),
    }
    for name, (model, config) in parts.items():
        save_checkpoint(folder / name, Path(name).stem, config, alive(model(config)).state_dict(), LINEAGE)
    (folder / TOKENIZER_FILE).write_text(tokenizer_json)
    (folder / WORDS_FILE).write_text(json.dumps(["a", "red", "cat"]))
    return folder


@pytest.fixture(name="models")
def loaded(family: Path) -> SovereignModels:
    return SovereignModels.load(family)
