"""A tiny, untrained, but whole family of models on disk: real code and real files, in a second."""

import dataclasses
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from aiprod_core.adapters import Adapters, AdaptersConfig
from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.family import (
    AUDIO_FILE,
    DISTILLED_FILE,
    RELIGHT_LORA_FILE,
    SHDT_FILE,
    TEXT_FILE,
    TOKENIZER_FILE,
    UPSAMPLER_FILE,
    VIDEO_FILE,
    WORDS_FILE,
)
from aiprod_core.models import hwvae, nac, shdt, text_encoder, upsampler
from aiprod_pipelines.sovereignty import provision

TRANSFORMER = dataclasses.replace(
    shdt.NANO,
    video_channels=8,
    audio_channels=8,
    text_width=32,
    video_width=32,
    audio_width=32,
    heads=2,
    head_width=16,
    mixers=shdt.hybrid(2, linear_between=1),
)
SENTENCES = ["a red cat walks on a beach on a clear day.", "a blue bird flies over a meadow at dusk in the rain."]
PROMPT = "A red cat walks on a beach."


def write_tiny_family(folder: Path) -> None:
    """Write a folder of weights that every pipeline loads: 96 tokens of text, 8 px latents, 24 kHz."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    transformer = shdt.SHDT(TRANSFORMER)
    edges = AdaptersConfig(base="tiny", rank=2, targets=r"attention\.video", reference="edges")
    parts = {
        SHDT_FILE: transformer,
        DISTILLED_FILE: shdt.SHDT(dataclasses.replace(TRANSFORMER, spans=True)),
        UPSAMPLER_FILE: upsampler.LatentUpsampler(
            upsampler.UpsamplerConfig(channels=8, widths=(32, 16), depths=(1, 1, 1))
        ),
        RELIGHT_LORA_FILE: Adapters(edges, transformer),
        VIDEO_FILE: hwvae.HWVAE(
            dataclasses.replace(
                hwvae.NANO, latent_channels=8, widths=(16, 32), encoder_depths=(1, 1), decoder_depths=(1, 1)
            )
        ),
        AUDIO_FILE: nac.NAC(
            dataclasses.replace(
                nac.NANO, latent_channels=8, width=32, encoder_depth=1, decoder_depth=1, fine_width=32, fine_depth=1
            )
        ),
        TEXT_FILE: text_encoder.TextEncoder(
            dataclasses.replace(text_encoder.NANO, vocabulary=128, longest=96, width=32, layers=1, heads=2)
        ),
    }
    for name, part in parts.items():
        tensors = {key: torch.randn_like(t) * 0.2 if not t.any() else t for key, t in part.state_dict().items()}
        lineage = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)
        save_checkpoint(folder / name, Path(name).stem, part.config, tensors, lineage)
    (folder / TOKENIZER_FILE).write_text(_tokenizer().to_str())
    words = sorted({word.strip(".") for sentence in SENTENCES for word in sentence.split()})
    (folder / WORDS_FILE).write_text(json.dumps(words))
    seal(folder)


def seal(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir() if path.name not in (provision.MANIFEST, provision.CHECKSUMS))
    manifest = {"name": folder.name, "version": "0", "files": {name: {} for name in names}}
    (folder / provision.MANIFEST).write_text(json.dumps(manifest))
    (folder / provision.CHECKSUMS).write_text(provision.checksum_lines(folder))


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    marks = [text_encoder.START, text_encoder.END, text_encoder.PAD]
    tokenizer.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=128, special_tokens=marks))
    pair = [(mark, tokenizer.token_to_id(mark)) for mark in marks[:2]]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{text_encoder.START} $A {text_encoder.END}", special_tokens=pair
    )
    return tokenizer
