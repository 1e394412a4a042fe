"""Codebooks for storing sound: residual k-means on NAC's latents of training scenes, beside the codec's weights.

Fitted, not learned: NAC and its latents stay what they are. The distance is the plain one between normalised latents;
one weighted by how much each direction changes what is heard was tried, and told nothing apart (docs/LOG.md). Entries
are rounded to what is stored before the next codebook is fitted, which so makes good the rounding, too.
"""

import time
import warnings
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq

from aiprod_core.checkpoint import Lineage, read_header, save_checkpoint, weights_digest
from aiprod_core.errors import InputError
from aiprod_core.family import AUDIO_FILE, load_model
from aiprod_core.models.nac import NAC
from aiprod_core.models.rvq import CODEBOOKS_FILE, ResidualQuantizer, RVQConfig
from aiprod_trainer.release import as_shipped, seal
from aiprod_trainer.worlds.scene import MAX_LEVEL, sample_scene
from aiprod_trainer.worlds.sound import render_sound
from aiprod_trainer.worlds.vocabulary import WORLD_VERSION

ITERATIONS = 20


def fit_release(weights: Path, *, scenes: int, codebooks: int, entries: int) -> ResidualQuantizer:
    """Fit codebooks to the NAC in a folder of weights, write them beside it and seal the folder.

    Raises `WeightsError` where the codec is missing or damaged, `InputError` where the scenes are too few.
    """
    began_s = time.process_time()
    nac = load_model(NAC, weights / AUDIO_FILE).eval()
    config = RVQConfig(
        channels=nac.config.latent_channels,
        codebooks=codebooks,
        entries=entries,
        latent_rate_hz=nac.config.latent_rate_hz,
        codec=weights_digest(nac),
    )
    quantiser = fit_codebooks(training_latents(nac, scenes), config)
    lineage = Lineage(
        initialised_from=read_header(weights / AUDIO_FILE)["model"],
        trained_on=(f"aiprod-world {WORLD_VERSION} level {MAX_LEVEL} train",),
        steps=codebooks * ITERATIONS,
        core_hours=round((time.process_time() - began_s) / 3600, 2),
    )
    tensors = {name: as_shipped(name, tensor) for name, tensor in quantiser.state_dict().items()}
    save_checkpoint(weights / CODEBOOKS_FILE, Path(CODEBOOKS_FILE).stem, config, tensors, lineage)
    seal(weights)
    return quantiser


@torch.inference_mode()
def training_latents(nac: NAC, scenes: int) -> NDArray[np.float32]:
    """Latents `[n c]` of scenes that no batch of NAC's own training held; all levels take turns."""
    latents = []
    for index in range(-scenes, 0):
        scene = sample_scene(index, level=1 + index % MAX_LEVEL)
        sound = torch.from_numpy(render_sound(scene, sample_rate_hz=nac.config.sample_rate_hz))
        latents.append(nac.encode(sound.expand(1, nac.config.channels, -1)))
    return rearrange(torch.cat(latents), "n c l -> (n l) c").numpy()


def fit_codebooks(latents: NDArray[np.float32], config: RVQConfig, *, seed: int = 0) -> ResidualQuantizer:
    """A quantiser whose entries are k-means centres of `latents` `[n c]`, then of what each codebook leaves over.

    Raises `InputError` where there are fewer latents than entries.
    """
    if len(latents) < config.entries:
        raise InputError(
            f"latents: got {len(latents)}, expected {config.entries} or more, one an entry; fit on more scenes"
        )
    rng, missing = np.random.default_rng(seed), latents
    quantiser = ResidualQuantizer(config)
    for book in quantiser.codebooks:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # that an entry is nobody's nearest
            centres, _ = kmeans2(missing, config.entries, iter=ITERATIONS, minit="points", rng=rng)
        book.copy_(as_shipped("codebooks", torch.from_numpy(centres)))
        nearest, _ = vq(missing, book.numpy())
        missing = missing - book.numpy()[nearest]
    return quantiser
