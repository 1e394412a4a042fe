"""The models that make a clip, together: loaded from a folder of checkpoints, each of the size that its file says."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from aiprod_core.checkpoint import load_weights, read_header
from aiprod_core.errors import WeightsError
from aiprod_core.execution import PLAINLY, Execution
from aiprod_core.language_model import BridgedEncoder, LanguageTokenizer, load_bridged
from aiprod_core.models.hwvae import HWVAE, HWVAEConfig
from aiprod_core.models.nac import NAC, Hearing, NACConfig
from aiprod_core.models.shdt import SHDT, SHDTConfig, TextContext
from aiprod_core.models.text_encoder import TextEncoder, TextEncoderConfig, TextTokenizer
from aiprod_core.models.tiling import decode_tiled, encode_tiled
from aiprod_core.models.upsampler import LatentUpsampler, UpsamplerConfig
from aiprod_core.offload import Offload, Weightless, offload_to_cpu, offload_to_disk
from aiprod_core.types import Compression

CONFIGS: dict[type[nn.Module], Any] = {
    SHDT: SHDTConfig,
    HWVAE: HWVAEConfig,
    NAC: NACConfig,
    TextEncoder: TextEncoderConfig,
    LatentUpsampler: UpsamplerConfig,
}
T = TypeVar("T", bound=nn.Module)

SHDT_FILE, VIDEO_FILE, AUDIO_FILE, TEXT_FILE = (
    f"{name}.safetensors" for name in ("shdt", "hwvae", "nac", "text_encoder")
)
DISTILLED_FILE, UPSAMPLER_FILE, RELIGHT_LORA_FILE = (
    f"{name}.safetensors" for name in ("shdt_distilled", "upsampler", "ic_lora_relight")
)
TOKENIZER_FILE = "tokenizer.json"
WORDS_FILE = "words.json"


@dataclass
class SovereignModels:
    """The models that make a clip, on one device in one type. `words`: what the text encoder was trained on."""

    shdt: SHDT
    text_encoder: TextEncoder | BridgedEncoder
    tokenizer: TextTokenizer | LanguageTokenizer
    video: HWVAE
    audio: NAC | None
    words: frozenset[str] = frozenset()
    execution: Execution = PLAINLY

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        execution: Execution = PLAINLY,
        transformer: str = SHDT_FILE,
        language_model: Path | None = None,
    ) -> "SovereignModels":
        """Load a folder of checkpoints. Raises `WeightsError` for files that are missing, damaged, or do not fit.

        `transformer`: its file; a family may have several. `language_model`: folder of the one a text bridge is from.
        Raises `InputError` where the models cannot be run here as `execution` asks.
        """
        where = torch.device(device)
        execution.check(where, dtype)
        bridged = load_bridged(folder / TEXT_FILE, language_model, where, dtype)
        try:
            text_encoder, tokenizer = bridged or _own_text(folder, where, dtype, execution.offload)
            words = frozenset(json.loads((folder / WORDS_FILE).read_text()))
        except OSError as error:
            raise WeightsError(f"weights: {error.filename} is missing; run 'aiprod models verify'") from error
        except ValueError as error:
            raise WeightsError(f"weights: {folder / WORDS_FILE} is damaged; run 'aiprod models verify'") from error
        models = cls(
            shdt=_load_streamable(SHDT, folder / transformer, where, dtype, execution.offload),
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            video=load_model(HWVAE, folder / VIDEO_FILE),
            audio=load_model(NAC, folder / AUDIO_FILE),
            words=words,
            execution=execution,
        )
        for model in (models.video, models.audio):
            if model is not None:
                model.eval().requires_grad_(False).to(where)
        if execution.compile:
            for layer in models.shdt.layers:  # one by one: layers that are alike share their code
                layer.compile()
        return models

    @property
    def compression(self) -> Compression:
        return self.shdt.config.compression

    @property
    def sample_rate_hz(self) -> int:
        return self.shdt.config.sample_rate_hz

    @property
    def device(self) -> torch.device:
        return self.shdt.video_in.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.shdt.video_in.weight.dtype

    def decode_video(self, latents: Tensor) -> Tensor:
        """Latents `[b c t h w]` → video `[b 3 t h w]`, about [-1, 1], not clamped."""
        latents = latents.float()
        return decode_tiled(self.video, latents) if self.execution.vae_tiling else self.video.decode_chunked(latents)

    def encode_video(self, video: Tensor) -> Tensor:
        """Video `[b 3 t h w]` in [-1, 1] → latents `[b c t h w]`."""
        return encode_tiled(self.video, video) if self.execution.vae_tiling else self.video.encode(video)

    def read(self, prompts: Sequence[str], *, full: bool = False) -> TextContext:
        """The prompts as SHDT reads them; where `full`, each as long as the longest there may be.

        Raises `InputError` for one that is too long.
        """
        ids, mask = self.tokenizer(list(prompts), full=full)
        ids, mask = ids.to(self.device), mask.to(self.device)
        return self.shdt.read(self.text_encoder(ids, mask), mask)


def load_model(model: type[T], path: Path) -> T:
    """A model from its checkpoint, of the size that the checkpoint says. Raises `WeightsError` if it cannot be read."""
    module = _build(model, path)
    load_weights(module, path)
    return module


def _own_text(
    folder: Path, device: torch.device, dtype: torch.dtype, offload: Offload
) -> tuple[TextEncoder, TextTokenizer]:
    encoder = _load_streamable(TextEncoder, folder / TEXT_FILE, device, dtype, offload)
    return encoder, TextTokenizer((folder / TOKENIZER_FILE).read_text(), encoder.config.longest)


def _load_streamable(model: type[T], path: Path, device: torch.device, dtype: torch.dtype, offload: Offload) -> T:
    """A model that is ready to run, its weights on the device or where `offload` says."""
    if offload is Offload.DISK:
        with Weightless():
            module = _build(model, path).eval()
        offload_to_disk(module, path, device, dtype)
        return module
    module = load_model(model, path).eval().requires_grad_(False).to(dtype)
    if offload is Offload.CPU:
        offload_to_cpu(module, device)
        return module
    return module.to(device)


def _build(model: type[T], path: Path) -> T:
    """The model that a checkpoint describes, before its weights."""
    return model(read_config(model, path))


def read_config(model: type[nn.Module], path: Path) -> Any:
    """The config in a checkpoint of `model`. Raises `WeightsError` where it is not that model's."""
    try:
        return _parse(CONFIGS[model], json.loads(read_header(path)["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"weights: {path} describes a model that is not {model.__name__} of this version ({error}); "
            "use the weights that belong to it"
        ) from error


def _parse(config: Any, fields: dict[str, Any]) -> Any:
    """A config from the JSON of its checkpoint: nested dataclasses and tuples come back as what they were."""
    nested: dict[str, Callable[[Any], Any]] = {
        "compression": lambda value: Compression(**value),
        "hearings": lambda value: tuple(Hearing(**h) for h in value),
    }
    return config(
        **{
            name: nested[name](value) if name in nested else tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        }
    )
