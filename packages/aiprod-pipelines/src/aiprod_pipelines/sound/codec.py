"""The sound codec for storage: NAC and its codebooks together, sound in and codes out, and back.

Knows no file format. A sound is coded whole, in memory: about 2 GB for ten minutes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from aiprod_core.checkpoint import weights_digest
from aiprod_core.errors import InputError, MediaError, WeightsError
from aiprod_core.family import AUDIO_FILE, load_model
from aiprod_core.models.nac import NAC
from aiprod_core.models.rvq import CODEBOOKS_FILE, ResidualQuantizer
from aiprod_pipelines.picture import Sound
from aiprod_pipelines.sound.codes import SoundCodes

LONGEST_S = 600


@dataclass(frozen=True, kw_only=True)
class SoundCodec:
    """The two models; `digest` tells apart what can read each other's codes."""

    nac: NAC
    quantiser: ResidualQuantizer
    digest: str

    @classmethod
    def load(cls, weights: Path) -> "SoundCodec":
        """The codec in a folder of weights. Raises `WeightsError` for files missing, damaged, or not a pair."""
        nac = load_model(NAC, weights / AUDIO_FILE).eval()
        quantiser = ResidualQuantizer.load(weights / CODEBOOKS_FILE)
        of = weights_digest(nac)
        if quantiser.config.codec != of:
            raise WeightsError(
                f"weights: {weights / CODEBOOKS_FILE} is fitted to codec {quantiser.config.codec}, expected {of}, "
                f"which {AUDIO_FILE} is; fit it again with 'aiprod train codebooks'"
            )
        return cls(nac=nac, quantiser=quantiser, digest=weights_digest(torch.nn.ModuleList([nac, quantiser])))

    @torch.inference_mode()
    def encode(self, sound: Sound, codebooks: int | None = None) -> SoundCodes:
        """Codes of a sound at the codec's rate and of its channels, or of one; by the first `codebooks`, or all.

        Raises `InputError` for another rate, other channels, what is no number, longer than ten minutes, or empty.
        """
        config, (channels, samples) = self.nac.config, sound.samples.shape
        if sound.rate_hz != config.sample_rate_hz or channels not in (1, config.channels):
            raise InputError(
                f"sound: got {channels} channels at {sound.rate_hz} Hz, expected 1 or {config.channels} at "
                f"{config.sample_rate_hz} Hz; convert it first"
            )
        self._check_length(samples)
        if not np.isfinite(sound.samples).all():
            raise InputError("sound: got samples that are no numbers, expected finite ones; export it again")
        wave = torch.from_numpy(sound.samples).expand(1, config.channels, -1)
        codes = self.quantiser.encode(self.nac.encode(wave), codebooks)[0]
        return SoundCodes(
            codes=codes.numpy(),
            code_bits=self.quantiser.config.code_bits,
            sample_rate_hz=config.sample_rate_hz,
            samples=samples,
            codec=self.digest,
        )

    @torch.inference_mode()
    def decode(self, stored: SoundCodes) -> Sound:
        """The sound of codes, float32 `[c s]` in [-1, 1]: the same codes always give the same.

        Raises `MediaError` for codes of another codec, or of another length than they say.
        """
        config = self.nac.config
        if stored.codec != self.digest or stored.sample_rate_hz != config.sample_rate_hz:
            raise MediaError(
                f"got codes of codec {stored.codec}, expected {self.digest}; use the weights that made them"
            )
        self._check_length(stored.samples)
        latents = -(-stored.samples // config.hop)
        if stored.codes.shape[1] != latents:
            raise MediaError(
                f"got {stored.codes.shape[1]} latents for {stored.samples} samples, expected {latents}; encode it again"
            )
        sound = self.nac.decode(self.quantiser.decode(torch.from_numpy(stored.codes)[None]), stored.samples)
        return Sound(sound[0].clamp(-1, 1).numpy(), config.sample_rate_hz)

    def _check_length(self, samples: int) -> None:
        duration_s = samples / self.nac.config.sample_rate_hz
        if not 0 < duration_s <= LONGEST_S:
            raise InputError(f"sound: got {duration_s:.1f} s, expected up to {LONGEST_S} s; cut it into parts")
