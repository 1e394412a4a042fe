"""LTX-2.x through diffusers: the request of every other pipeline, on weights that the owner downloaded.

Text, pictures at any frame, a reference clip, one stage or two, many steps or the distilled eight. Files are local,
whole and hashed; the licence and the ancestry of the weights go with every clip. Needs the extra `ltx2`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

import torch
from torch import nn

from aiprod_core.errors import InputError
from aiprod_core.generation import Snapshots
from aiprod_core.lora import Lora, LoraFile, Loras, read_lora
from aiprod_core.previews import Previews
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import Compression, GenerationConfig
from aiprod_pipelines.backends.ltx2_checkpoint import Checkpoint, open_checkpoint
from aiprod_pipelines.backends.ltx2_given import reference_scale
from aiprod_pipelines.backends.ltx2_loading import import_diffusers, load_components, load_upsampler
from aiprod_pipelines.backends.ltx2_names import lora_key
from aiprod_pipelines.backends.ltx2_render import Render, Studio, distilled_sigmas
from aiprod_pipelines.backends.ltx2_requests import (
    DISTILLED,
    IC_LORA,
    ONE_STAGE,
    REFINING,
    TWO_STAGES,
    check_mode,
    check_request,
    legal_sizes,
    unguided,
)
from aiprod_pipelines.media import Clip
from aiprod_pipelines.pipeline import DTYPES
from aiprod_pipelines.sovereignty.digests import remembered_digests

NAME = "ltx2"
LICENCE = "LTX-2 Community License Agreement"


class LTX2Backend:
    """Renders clips with LTX-2.x in one of `ltx2_requests.MODES`. `weights`: file → SHA-256 of all that was loaded."""

    def __init__(self, checkpoint: Checkpoint, mode: str, *, device: str, dtype: torch.dtype) -> None:
        """Load the weights; `open_checkpoint` looked at them, `check_mode` at the mode."""
        import_diffusers()
        self.checkpoint, self.mode = checkpoint, mode
        self.weights = weights_of(checkpoint, mode)
        self._dtype = dtype
        self._components = load_components(checkpoint, device=device, dtype=dtype)
        self._upsampler = load_upsampler(checkpoint, device=device, dtype=dtype) if mode == TWO_STAGES else None
        self._wearing = _Wearing(self._components["transformer"], self._components["connectors"])
        self._loras = Loras(self._wearing)
        self._worn: list[tuple[Lora, float]] = []
        self._reference_scale = 1
        refiner = checkpoint.distilled_lora if mode == TWO_STAGES else None
        self._refiner = None if refiner is None else read_lora(refiner, self._wearing, lora_key)

    @classmethod
    def from_pretrained(
        cls, path: Path, *, pipeline: str = ONE_STAGE, device: str = "cpu", precision: Literal["fp32", "bf16"] = "fp32"
    ) -> Self:
        """Load a single file or a folder, for one pipeline.

        Raises `InputError` for a pipeline that LTX-2 does not offer and without the extra `ltx2`, `WeightsError` for
        weights that are missing, damaged or no LTX-2.
        """
        check_mode(pipeline)
        return cls(open_checkpoint(path), pipeline, device=device, dtype=DTYPES[precision])

    @property
    def compression(self) -> Compression:
        return legal_sizes(self.checkpoint, self.mode)

    def unknown_words(self, prompt: str) -> list[str]:
        """None: its text encoder reads any word."""
        return []

    def quantize(self, stored_as: WeightFormat) -> None:
        """Store the transformer in eight bits, computed with in its own type. Raises `InputError` for int8."""
        if stored_as is not WeightFormat.FP8_E4M3:
            raise InputError(
                f"quantization: got {stored_as}, expected {WeightFormat.FP8_E4M3}, the one that LTX-2 has; take that"
            )
        transformer = self._components["transformer"]
        transformer.enable_layerwise_casting(storage_dtype=stored_as.dtype, compute_dtype=self._dtype)

    def set_loras(self, loras: Sequence[LoraFile]) -> None:
        """Put LoRAs on instead of any before. Raises `WeightsError` for a key that fits no module."""
        self._worn = [(read_lora(lora.path, self._wearing, lora_key), lora.strength) for lora in loras]
        self._reference_scale = max((reference_scale(lora.path) for lora in loras), default=1)
        self._loras.set(self._worn)

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        """The request as it is carried out: distilled models, and second stages, have steps of their own."""
        if self.mode == DISTILLED:
            return replace(unguided(config), num_inference_steps=len(distilled_sigmas()))
        return replace(config, **REFINING) if self.mode == TWO_STAGES else config  # type: ignore[arg-type]

    def __call__(
        self,
        config: GenerationConfig,
        *,
        on_progress: Callable[[str, int, int], None] | None = None,
        snapshots: Snapshots | None = None,
        previews: Previews | None = None,
    ) -> Clip:
        """Render one clip.

        `on_progress` is told (stage, done, total); stages are "text", "denoise", "upsample", "refine", "decode".
        Raises `InputError` for an illegal request and `MediaError` for a picture or film that cannot be read.
        """
        check_request(config, self.mode, self.checkpoint)
        if snapshots is not None:
            raise InputError("snapshot-every: got one for LTX-2, which keeps no snapshots; leave it out")
        if previews is not None:
            raise InputError("preview: got one for LTX-2, which shows none; leave it out")
        if self.mode == IC_LORA and not self._worn:
            raise InputError("lora: got none, expected the IC-LoRA that reads the source; add --lora PATH STRENGTH")
        studio = Studio(
            checkpoint=self.checkpoint,
            mode=self.mode,
            components=self._components,
            upsampler=self._upsampler,
            reference_scale=self._reference_scale,
            refining=None if self._refiner is None else self._refining,
        )
        return Render(studio, self.fitted(config), on_progress or _silent).clip()

    def batch(
        self,
        configs: Sequence[GenerationConfig],
        *,
        on_progress: Callable[[str, int, int], None] | None = None,
        previews: Previews | None = None,
    ) -> list[Clip]:
        """Raises `InputError`: requests of LTX-2 are rendered one by one."""
        raise InputError(
            f"batch: got {len(configs)} requests for LTX-2, expected one at a time; render them one by one"
        )

    @contextmanager
    def _refining(self) -> Iterator[None]:
        assert self._refiner is not None
        self._loras.set([*self._worn, (self._refiner, 1.0)])
        try:
            yield
        finally:
            self._loras.set(self._worn)


class _Wearing(nn.Module):
    """The two models that LoRAs of LTX-2 are for, as one."""

    def __init__(self, transformer: nn.Module, connectors: nn.Module) -> None:
        super().__init__()
        self.transformer, self.connectors = transformer, connectors


def lineage_of(checkpoint: Checkpoint) -> str:
    """What the weights come from."""
    return f"Lightricks LTX-{checkpoint.version}"


def notice_of(checkpoint: Checkpoint) -> str:
    """What has to be known before rendering with these weights, in one line."""
    return (
        f"note: weights of {lineage_of(checkpoint)}, {LICENCE}: films made with them and models derived from them are "
        "bound by it and are not sovereign"
    )


def weights_of(checkpoint: Checkpoint, mode: str) -> dict[str, str]:
    """File → SHA-256 of all that a mode loads: slow where the files are seen first, remembered after that."""
    digests = remembered_digests(checkpoint.files(two_stages=mode == TWO_STAGES))
    return {path.relative_to(checkpoint.folder).as_posix(): digest for path, digest in digests.items()}


def _silent(stage: str, done: int, total: int) -> None:
    return None
