"""The receipt beside every film: all that made it, so that anybody with the weights can make it again and check.

A receipt names what was asked, with what, on what, and what came out. It holds nothing of the environment, no account,
no host name and no absolute path: pictures that were pinned are named relative to the film's own folder.
"""

import hashlib
import os
import platform
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

import aiprod_core
import aiprod_pipelines
from aiprod_core.camera import CameraMove
from aiprod_core.errors import InputError, MediaError
from aiprod_core.execution import PLAINLY, Execution
from aiprod_core.family import SovereignModels
from aiprod_core.language_model import LIBRARY as LANGUAGE_MODEL_LIBRARY
from aiprod_core.lora import LoraFile
from aiprod_core.models.text_bridge import TextBridgeConfig
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import GenerationConfig, ImageCondition, SourceCondition
from aiprod_pipelines.backends import Backend
from aiprod_pipelines.backends.ltx2_loading import LIBRARIES as LTX2_LIBRARIES
from aiprod_pipelines.proof.paper import SUFFIX, Part, Sha256, invalid

SCHEMA: Literal["aiprod.receipt/1"] = "aiprod.receipt/1"
LIBRARIES = ("torch", "numpy", "scipy", "pillow", "av", "einops", "safetensors", "tokenizers")


class PinnedImage(Part):
    """A picture pinned into the film; `path` relative to the folder of the film."""

    path: str
    sha256: Sha256
    frame: int
    strength: float


class Source(Part):
    """The film or sound that the film was made from; `path` relative to the folder of the film."""

    path: str
    sha256: Sha256
    start_s: float
    end_s: float | None


class Settings(Part):
    """Everything of the request besides the words and the seed; units as in `GenerationConfig`."""

    width: int
    height: int
    num_frames: int
    frame_rate: float
    num_inference_steps: int
    guidance_scale: float
    guidance_rescale: float
    apg_eta: float = 1.0  # receipts from before these existed have none of them
    apg_norm_threshold: float = 0.0
    stg_scale: float = 0.0
    stg_blocks: tuple[int, ...] = ()
    refine_steps: int = 3
    refine_start: float = 0.2
    modality_scale: float = 1.0
    audio_guidance_scale: float | None = None
    audio_guidance_rescale: float | None = None
    audio_stg_scale: float | None = None
    audio_modality_scale: float | None = None
    audio: bool
    camera: CameraMove | None = None
    images: tuple[PinnedImage, ...] = ()
    source: Source | None = None


class LoraUse(Part):
    """A LoRA that was on the model; `path` relative to the folder of the film."""

    path: str
    sha256: Sha256
    strength: float


class LanguageModelUse(Part):
    """The language model that the weights read through; `sha256`: of its folder, as `aiprod_core.language_model` says.

    Where it lies is not recorded: it belongs to no film.
    """

    name: str
    sha256: Sha256


class Model(Part):
    """The weights, by name and by content. `lineage`, `licence`: of weights that are not our own."""

    backend: Backend = Backend.SOVEREIGN
    name: str
    version: str
    weights: dict[str, Sha256]
    loras: tuple[LoraUse, ...] = ()
    language_model: LanguageModelUse | None = None
    lineage: str | None = None
    licence: str | None = None

    @property
    def libraries(self) -> tuple[str, ...]:
        """What it runs on besides `LIBRARIES`."""
        if self.backend is Backend.LTX2:
            return LTX2_LIBRARIES
        return () if self.language_model is None else (LANGUAGE_MODEL_LIBRARY,)


class Code(Part):
    """The program: versions, and one digest over the sources that rendered."""

    aiprod: str
    source_sha256: Sha256
    python: str
    libraries: dict[str, str]


class Place(Part):
    """Where it ran: bits repeat where all of this is equal, PSNR > 55 dB holds elsewhere."""

    device: str
    precision: Literal["fp32", "bf16"]
    quantization: WeightFormat | None = None
    execution: Execution = PLAINLY
    threads: int
    batch: int = 1  # clips that were denoised together
    isa: str
    processor: str
    system: str


class Output(Part):
    """What came out."""

    file: str
    sha256: Sha256
    size_bytes: int
    duration_s: float


class Cost(Part):
    """Time of the machine, its price where a rate was given, and the most memory the process ever held."""

    compute_s: float
    peak_memory_bytes: int
    rate_eur_per_h: float
    cost_eur: float


class Receipt(Part):
    """A whole receipt; `made_at` is UTC in ISO 8601, `timings_s` seconds per stage."""

    schema_name: Literal["aiprod.receipt/1"] = Field(default=SCHEMA, alias="schema")
    made_at: datetime
    prompt: str
    negative_prompt: str
    seed: int
    pipeline: str = "ti2vid_one_stage"
    settings: Settings
    unknown_words: tuple[str, ...]
    model: Model
    code: Code
    place: Place
    output: Output
    timings_s: dict[str, float]
    cost: Cost

    def to_json(self) -> bytes:
        """The file's content: UTF-8, indented, keys in the order of this class."""
        return (self.model_dump_json(by_alias=True, indent=2) + "\n").encode()


def read_receipt(path: Path) -> Receipt:
    """Read and check a receipt. Raises `InputError` naming the first thing that is wrong with it."""
    if not path.name.endswith(SUFFIX):
        raise InputError(f"{path}: got another name, expected one ending in {SUFFIX}; give the file beside the film")
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path}: cannot read it ({error.strerror}); give the file that stands beside the film"
        ) from error
    except ValidationError as error:
        raise invalid(path, error, SCHEMA) from error


def settings_of(config: GenerationConfig, film: Path) -> Settings:
    """The settings of a request whose film is to stand at `film`."""
    folder = film.resolve().parent
    images = tuple(
        PinnedImage(
            path=_relative(image.path, folder),
            sha256=_digest(image.path),
            frame=image.frame,
            strength=image.strength,
        )
        for image in config.images
    )
    source = None
    if config.source is not None:
        source = Source(
            path=_relative(config.source.path, folder),
            sha256=_digest(config.source.path),
            start_s=config.source.start_s,
            end_s=config.source.end_s,
        )
    asked = {name: getattr(config, name) for name in Settings.model_fields if name not in ("images", "source")}
    return Settings(**asked, images=images, source=source)


def config_of(receipt: Receipt, folder: Path) -> GenerationConfig:
    """The request a receipt answers, its pictures and its source looked for from `folder`.

    Raises `MediaError` where one of them is missing, `InputError` where it has another content.
    """
    images = tuple(
        ImageCondition(path=_unchanged(image, folder), frame=image.frame, strength=image.strength)
        for image in receipt.settings.images
    )
    source, made_from = None, receipt.settings.source
    if made_from is not None:
        path = _unchanged(made_from, folder)
        source = SourceCondition(path=path, start_s=made_from.start_s, end_s=made_from.end_s)
    return GenerationConfig(
        prompt=receipt.prompt,
        negative_prompt=receipt.negative_prompt,
        seed=receipt.seed,
        **{**receipt.settings.model_dump(), "camera": receipt.settings.camera, "images": images, "source": source},
    )


def loras_of(loras: Sequence[LoraFile], film: Path) -> tuple[LoraUse, ...]:
    """LoRAs as the receipt of `film` names them."""
    folder = film.resolve().parent
    return tuple(
        LoraUse(path=_relative(lora.path, folder), sha256=_digest(lora.path), strength=lora.strength) for lora in loras
    )


def language_model_of(models: SovereignModels) -> LanguageModelUse | None:
    """The language model that a family reads through, as receipts name it."""
    config = models.text_encoder.config
    if not isinstance(config, TextBridgeConfig):
        return None
    return LanguageModelUse(name=config.language_model, sha256=config.language_model_sha256)


def loras_in(receipt: Receipt, folder: Path) -> tuple[LoraFile, ...]:
    """The LoRAs of a receipt, looked for from `folder`. Raises as `config_of` does."""
    return tuple(LoraFile(_unchanged(lora, folder), lora.strength) for lora in receipt.model.loras)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder)).as_posix()


def _unchanged(part: PinnedImage | Source | LoraUse, folder: Path) -> Path:
    path = folder / part.path
    if _digest(path) != part.sha256:
        raise InputError(f"{path}: got another file, expected SHA-256 {part.sha256[:12]}…; put the first one back")
    return path


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(
            f"{path}: cannot read it ({error.strerror}), expected a picture, a film or a sound; check the path"
        ) from error


@cache
def this_code(*libraries: str) -> Code:
    """The program that is running; `libraries`: those it used besides `LIBRARIES`."""
    return Code(
        aiprod=metadata.version("aiprod-pipelines"),
        source_sha256=_source_digest(),
        python=platform.python_version(),
        libraries={name: metadata.version(name) for name in (*LIBRARIES, *libraries)},
    )


def _source_digest() -> str:
    digest = hashlib.sha256()
    for package in (aiprod_core, aiprod_pipelines):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{content}  {root.name}/{path.relative_to(root).as_posix()}\n".encode())
    return digest.hexdigest()
