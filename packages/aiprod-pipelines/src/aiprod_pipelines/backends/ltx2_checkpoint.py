"""LTX-2 weights as they lie on the disk: which files there are, which version they are, whether any is missing.

Reads headers and configurations alone, so that a wrong path is refused before gigabytes are read. Two layouts: a
folder as diffusers writes it, and a single file of Lightricks that lies in such a folder, whose configurations, text
encoder, tokenizer and scheduler are used. Imports neither diffusers nor transformers.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiprod_core.errors import WeightsError
from aiprod_core.families import UNKNOWN, family_of
from aiprod_core.inspection import read_entries
from aiprod_core.types import Compression
from aiprod_pipelines.backends.ltx2_names import placed

INDEX = "model_index.json"
CONFIGS = {
    "transformer": "config.json",
    "connectors": "config.json",
    "vae": "config.json",
    "audio_vae": "config.json",
    "vocoder": "config.json",
    "text_encoder": "config.json",
    "tokenizer": "tokenizer_config.json",
    "scheduler": "scheduler_config.json",
}
IN_SINGLE_FILE = ("transformer", "connectors", "vae", "audio_vae", "vocoder")
WITH_WEIGHTS = (*IN_SINGLE_FILE, "text_encoder")
UPSAMPLER = "latent_upsampler"
DISTILLED_LORA = "*distilled-lora*.safetensors"
READ_SUFFIXES = (".safetensors", ".json", ".model", ".jinja", ".txt")
FAMILY = "LTX-2 transformer"

# A version is known by what only its transformer has; the first that is found counts.
MARKS = {"2.0": "caption_projection.", "2.3": "prompt_adaln", "2.5": "prompt_scale_shift_table"}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """LTX-2 weights. `folder`: the components; `single_file`: holds the weights of those in `IN_SINGLE_FILE`."""

    folder: Path
    single_file: Path | None
    version: str
    compression: Compression
    layers: int  # of the transformer

    @property
    def upsampler(self) -> Path:
        """The folder of its latent upsampler, for two stages."""
        return self.folder / UPSAMPLER

    def check_upsampler(self) -> None:
        """Raise `WeightsError` where there is none."""
        _check_component(self.upsampler, "config.json", weights=True)

    @property
    def distilled_lora(self) -> Path | None:
        """The LoRA that refines in a second stage, where one lies beside the components."""
        return next(iter(sorted(self.folder.glob(DISTILLED_LORA))), None)

    def files(self, *, two_stages: bool) -> list[Path]:
        """Every file that loading reads: all of them together decide what the model does."""
        found = [self.folder / INDEX]
        for name in CONFIGS:
            inside = name in IN_SINGLE_FILE and self.single_file is not None
            found += [path for path in _read(self.folder / name) if not (inside and path.suffix == ".safetensors")]
        if self.single_file is not None:
            found.append(self.single_file)
        if two_stages:
            found += _read(self.upsampler)
            found += [self.distilled_lora] if self.distilled_lora is not None else []
        return found

    def names(self, component: str) -> set[str]:
        """Tensors of a component, named as diffusers does."""
        if self.single_file is None or component not in IN_SINGLE_FILE:
            return {entry.name for file in weight_files(self.folder / component) for entry in read_entries(file)[0]}
        spots = (placed(entry.name) for entry in read_entries(self.single_file)[0])
        return {spot[1] for spot in spots if spot is not None and spot[0] == component}


def open_checkpoint(path: Path) -> Checkpoint:
    """Look at LTX-2 weights. Raises `WeightsError` for what is missing, cut short, or no LTX-2."""
    folder, single_file = (path, None) if path.is_dir() else (path.parent, path)
    if single_file is not None:
        _check_family(single_file, [entry.name for entry in read_entries(single_file)[0]])
    if not (folder / INDEX).is_file():
        raise WeightsError(
            f"ltx2: {folder} holds no {INDEX}, expected the folder of an LTX-2 release as diffusers has it; a single "
            "file goes into that folder, of which it uses the configurations, the text encoder and the tokenizer"
        )
    for name, config in CONFIGS.items():
        inside = single_file is not None and name in IN_SINGLE_FILE
        _check_component(folder / name, config, weights=name in WITH_WEIGHTS and not inside)
    video = read_config(folder / "vae" / "config.json")
    sound = read_config(folder / "audio_vae" / "config.json")
    transformer = read_config(folder / "transformer" / "config.json")
    checkpoint = Checkpoint(
        folder=folder,
        single_file=single_file,
        version="",
        compression=Compression(
            time=video.get("temporal_compression_ratio") or 8,
            space=video.get("spatial_compression_ratio") or 32,
            hop=4 * int(sound.get("mel_hop_length", 160)),
            patch=transformer.get("patch_size", 1),
        ),
        layers=int(transformer.get("num_layers", 48)),
    )
    return _versioned(checkpoint)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of a component."""
    return sorted(folder.glob("*.safetensors"))


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object. Raises `WeightsError` where the file holds none."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise WeightsError(f"ltx2: {path} is no readable configuration ({error}); copy it again") from error
    if not isinstance(content, dict):
        raise WeightsError(f"ltx2: {path} holds no JSON object; copy it again")
    return content


def _versioned(checkpoint: Checkpoint) -> Checkpoint:
    names = checkpoint.names("transformer")
    _check_family(checkpoint.single_file or checkpoint.folder / "transformer", names)
    for version, mark in MARKS.items():
        if any(mark in name for name in names):
            return Checkpoint(**{**vars(checkpoint), "version": version})
    raise WeightsError(
        f"ltx2: {checkpoint.folder} is of a version that is not known here, expected one of {', '.join(MARKS)}"
    )


def _check_family(path: Path, names: Iterable[str]) -> None:
    own = [(placed(name) or ("", name))[1] for name in names]
    family = family_of(own, {})
    if family != FAMILY:
        got = "no model that is known" if family == UNKNOWN else f"a {family}"
        raise WeightsError(
            f"ltx2: {path} holds {got}, expected an LTX-2 transformer with its autoencoders; see what it is with "
            "'aiprod inspect'"
        )


def _check_component(folder: Path, config: str, *, weights: bool) -> None:
    lacking = None if (folder / config).is_file() else folder / config
    if weights and lacking is None and not weight_files(folder):
        lacking = folder / "*.safetensors"
    if lacking is not None:
        raise WeightsError(
            f"ltx2: {lacking} is missing, expected the component {folder.name} of an LTX-2 release; copy it there from "
            "the same release"
        )


def _read(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in READ_SUFFIXES)
