"""Codebooks take away what is missing, one after the other, stand beside their codec, and leave it as it was."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_family import write_tiny_family
from typer.testing import CliRunner

from aiprod_core.checkpoint import weights_digest
from aiprod_core.errors import InputError, WeightsError
from aiprod_core.family import AUDIO_FILE, load_model
from aiprod_core.models.nac import NAC
from aiprod_core.models.rvq import CODEBOOKS_FILE, ResidualQuantizer, RVQConfig
from aiprod_pipelines.sovereignty import provision
from aiprod_trainer.codebooks import fit_codebooks, training_latents
from aiprod_trainer.commands.train import app
from aiprod_trainer.strategies.audio_autoencoder import mel_difference_db
from aiprod_trainer.worlds.scene import sample_scene
from aiprod_trainer.worlds.sound import render_sound

CONFIG = RVQConfig(channels=4, codebooks=5, entries=16, latent_rate_hz=25.0, codec="0123456789ab")


def _drawn(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((2000, 4)).astype(np.float32)


def _errors(quantiser: ResidualQuantizer, latents: torch.Tensor) -> list[float]:
    """Mean squared error of the first codebook, the first two …"""
    codes = quantiser.encode(latents)
    decoded = [quantiser.decode(codes[:, :count]) for count in range(1, codes.shape[1] + 1)]
    return [float((latents - one).square().mean()) for one in decoded]


def test_every_codebook_takes_away_of_what_it_has_not_seen() -> None:
    quantiser = fit_codebooks(_drawn(0), CONFIG)
    unseen = torch.from_numpy(_drawn(1)).T[None]
    errors = [1.0, *_errors(quantiser, unseen)]
    assert all(after < 0.6 * before for before, after in pairwise(errors)), errors
    codes = quantiser.encode(unseen)
    decoded = quantiser.decode(codes)
    second = quantiser.decode(quantiser.encode(decoded))
    assert (second - decoded).square().mean() < (decoded - unseen).square().mean(), "a copy of a copy loses less"


def test_the_same_latents_give_the_same_codebooks_as_they_are_stored() -> None:
    books, again = (fit_codebooks(_drawn(0), CONFIG).codebooks for _ in range(2))
    assert torch.equal(books, again)
    assert torch.equal(books, books.to(torch.bfloat16).float())


def test_latents_that_repeat_still_fill_a_codebook() -> None:
    few = np.repeat(_drawn(0)[:5], 20, axis=0)
    quantiser = fit_codebooks(few, CONFIG)
    assert _errors(quantiser, torch.from_numpy(few).T[None])[-1] < 1e-4


def test_too_few_latents_are_refused() -> None:
    with pytest.raises(InputError, match="latents: got 15, expected 16 or more"):
        fit_codebooks(_drawn(0)[:15], CONFIG)


def test_latents_are_those_of_training_scenes_outside_every_batch(audio_codec: NAC) -> None:
    latents = training_latents(audio_codec, 2)
    assert (latents.shape, latents.dtype) == ((2 * 63, 8), np.float32)
    last = torch.from_numpy(render_sound(sample_scene(-1, level=3)))[None, None]
    np.testing.assert_array_equal(latents[63:], audio_codec.encode(last)[0].T.detach().numpy())


def test_the_command_writes_beside_the_codec_and_seals(tmp_path: Path) -> None:
    weights = tmp_path / "tiny"
    write_tiny_family(weights)
    before = (weights / AUDIO_FILE).read_bytes()
    asked = ["codebooks", "--models", str(weights), "--scenes", "2", "--codebooks", "3", "--entries", "32"]
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "up to 0.375 kb/s" in done.stdout
    assert (weights / AUDIO_FILE).read_bytes() == before
    assert CODEBOOKS_FILE in provision.verify(weights)
    quantiser = ResidualQuantizer.load(weights / CODEBOOKS_FILE)
    assert quantiser.config.codec == weights_digest(load_model(NAC, weights / AUDIO_FILE))
    assert quantiser.codebooks.shape == (3, 32, 8)


def test_shipped_codebooks_come_close_to_continuous_latents_on_scenes_never_trained_on() -> None:
    try:
        weights = provision.locate()
    except WeightsError as error:
        pytest.skip(f"the nano weights are not here: {error}")
    nac = load_model(NAC, weights / AUDIO_FILE).eval()
    quantiser = ResidualQuantizer.load(weights / CODEBOOKS_FILE)
    sounds = [torch.from_numpy(render_sound(sample_scene(n, level=1 + n, split="test")))[None] for n in range(3)]
    with torch.inference_mode():
        latents = torch.cat([nac.encode(sound[None]) for sound in sounds])
        errors = [1.0, *_errors(quantiser, latents)]
        assert all(after < 0.75 * before for before, after in pairwise(errors)), errors
        coded = nac.decode(quantiser.decode(quantiser.encode(latents)), sounds[0].shape[-1])
        plain = nac.decode(latents, sounds[0].shape[-1])
    for sound, one, other in zip(sounds, coded, plain, strict=True):
        assert mel_difference_db(sound, one) < mel_difference_db(sound, other) + 0.1
