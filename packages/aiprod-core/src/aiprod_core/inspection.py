"""What a checkpoint contains, from the headers of its safetensors alone: no weight is read, whatever the file's size.

A file, a sharded set (its index, or any one shard), or a folder of components as diffusers writes it. Format:
https://huggingface.co/docs/safetensors (8 bytes of length, a JSON of that length, then the tensors).
"""

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiprod_core.errors import WeightsError
from aiprod_core.families import family_of

DTYPE_BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16,
    "U16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8, "F6_E2M3": 6, "F6_E3M2": 6,
    "F4": 4,
}  # fmt: skip
LONGEST_HEADER = 100_000_000  # bytes: the format's own limit

# Where files that hold several models keep each; what matches none is the model itself.
PARTS = {
    "model.diffusion_model.": "transformer",
    "diffusion_model.": "transformer",
    "first_stage_model.": "vae",
    "vae.": "vae",
    "audio_vae.": "audio_vae",
    "vocoder.": "vocoder",
    "cond_stage_model.": "text_encoder",
    "conditioner.": "text_encoder",
    "text_encoders.": "text_encoder",
    "text_encoder.": "text_encoder",
    "text_embedding_projection.": "text_projection",
}
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_QUERY = re.compile(
    r"^(.*?)\.?(?:to_q|to_qkv|q_proj|qkv|qkv_proj|q_linear|wq|query|img_attn\.qkv|in_proj_weight|q)(?:\.weight)?$"
)
_NUMBERED = re.compile(r"(?:^|\.)([A-Za-z_]\w*)\.(\d+)(?:\.|$)")


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of a header. `dtype` in the format's own names, as `BF16`."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Attention layers of one kind. `kind`: name of the module; `width`, `inner`: of the stream and of the queries."""

    kind: str
    count: int
    width: int | None
    inner: int | None


@dataclass(frozen=True, kw_only=True)
class Component:
    """One model within a checkpoint. `blocks`: how many of each numbered list of layers, the outermost alone.

    `metadata`: what the file says of itself, its configuration among it; JSON in it is parsed.
    """

    name: str
    family: str
    tensors: int
    parameters: int
    size_bytes: int
    dtypes: dict[str, int]  # parameters by dtype
    blocks: dict[str, int]
    attention: tuple[Attention, ...]
    metadata: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A checkpoint as its headers describe it; the largest component first."""

    path: Path
    files: tuple[Path, ...]
    components: tuple[Component, ...]

    @property
    def parameters(self) -> int:
        return sum(component.parameters for component in self.components)

    @property
    def size_bytes(self) -> int:
        return sum(component.size_bytes for component in self.components)


def inspect(path: Path) -> Inspection:
    """Look at a checkpoint. Raises `WeightsError` for a file that is missing, foreign, or shorter than it says."""
    files = _files_of(path)
    tensors: dict[str, list[TensorEntry]] = {}
    metadata: dict[str, dict[str, Any]] = {}
    for file in files:
        entries, said = read_entries(file)
        for entry in entries:
            part = _component_name(path, file, entry.name)
            tensors.setdefault(part, []).append(entry)
            metadata[part] = said
    components = (_component(part, entries, metadata[part]) for part, entries in tensors.items())
    ordered = tuple(sorted(components, key=lambda component: -component.size_bytes))
    return Inspection(path=path, files=files, components=ordered)


def read_entries(path: Path) -> tuple[list[TensorEntry], dict[str, Any]]:
    """The tensors and the metadata of one safetensors file. Raises `WeightsError` as `inspect` does."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= LONGEST_HEADER:
                raise ValueError("its first bytes are not the length of a header")
            content = file.read(length)
        if len(content) < length:
            raise ValueError(f"its header should have {length} bytes and has {len(content)}")
        header = json.loads(content)
        said = header.pop("__metadata__", {})
        entries = [_entry(name, row) for name, row in header.items()]
        end = 8 + length + max((row["data_offsets"][1] for row in header.values()), default=0)
    except FileNotFoundError as error:
        raise WeightsError(f"inspect: {path} is missing; name a .safetensors file, its index, or a folder") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(
            f"inspect: {path} is no readable safetensors file ({error}); other formats are not opened, since they "
            "could run code"
        ) from error
    found = path.stat().st_size
    if found < end:
        raise WeightsError(f"inspect: {path} is cut short: got {found} bytes, expected {end}; copy it again")
    return entries, {name: _parsed(value) for name, value in said.items()}


def part_of(name: str) -> tuple[str, str]:
    """The component a tensor belongs to by its prefix, and its name within."""
    for prefix, part in PARTS.items():
        if name.startswith(prefix):
            return part, name.removeprefix(prefix)
    return "model", name


def _component_name(root: Path, file: Path, tensor: str) -> str:
    """By the prefix of the tensor; in a folder, where that says nothing, by the subfolder or the file."""
    part, _ = part_of(tensor)
    if part != "model" or not root.is_dir():
        return part
    return file.parent.name if file.parent != root else _SHARD.sub("", file.stem)


def _files_of(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        files = sorted(path.glob("*.safetensors")) + sorted(path.glob("*/*.safetensors"))
        if not files:
            raise WeightsError(f"inspect: {path} holds no .safetensors file; name another folder")
        return tuple(files)
    if path.name.endswith(".safetensors.index.json"):
        try:
            shards = sorted(set(json.loads(path.read_text())["weight_map"].values()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"inspect: {path} is no readable index ({error}); name one of the shards") from error
        return tuple(path.parent / shard for shard in shards)
    if _SHARD.search(path.stem):
        pattern = _SHARD.sub("-*-of-" + path.stem[-5:], path.stem) + path.suffix
        shards = sorted(path.parent.glob(pattern))
        if shards and len(shards) < int(path.stem[-5:]):
            raise WeightsError(
                f"inspect: got {len(shards)} shards of {int(path.stem[-5:])} beside {path}; copy the rest"
            )
        return tuple(shards) or (path,)
    return (path,)


def _entry(name: str, row: Mapping[str, Any]) -> TensorEntry:
    begin, end = row["data_offsets"]
    entry = TensorEntry(name, row["dtype"], tuple(row["shape"]), end - begin)
    bits = DTYPE_BITS.get(entry.dtype)
    if bits is not None and (entry.parameters * bits + 7) // 8 != entry.size_bytes:
        raise ValueError(
            f"{name} should have {entry.parameters} numbers of {bits} bits and has {entry.size_bytes} bytes"
        )
    return entry


def _component(part: str, entries: list[TensorEntry], metadata: Mapping[str, Any]) -> Component:
    names = {part_of(entry.name)[1]: entry for entry in entries}
    dtypes: Counter[str] = Counter()
    for entry in entries:
        dtypes[entry.dtype] += entry.parameters
    return Component(
        name=part,
        family=family_of(names, metadata),
        tensors=len(entries),
        parameters=sum(entry.parameters for entry in entries),
        size_bytes=sum(entry.size_bytes for entry in entries),
        dtypes=dict(dtypes.most_common()),
        blocks=_blocks(names),
        attention=_attention(names),
        metadata=dict(metadata),
    )


def _blocks(names: Iterable[str]) -> dict[str, int]:
    """How many entries each outermost numbered list has, lists of one left out."""
    found: dict[str, set[int]] = {}
    for name in names:
        if match := _NUMBERED.search(name):
            found.setdefault(name[: match.end(1)], set()).add(int(match.group(2)))
    return {name: len(numbers) for name, numbers in found.items() if len(numbers) > 1}


def _attention(names: Mapping[str, TensorEntry]) -> tuple[Attention, ...]:
    """Layers that ask queries, by the name of their module; width and inner width from the first of them."""
    kinds: dict[str, list[TensorEntry]] = {}
    for name, entry in names.items():
        match = _QUERY.match(name)
        if match and len(entry.shape) == 2:
            words = [word for word in match.group(1).split(".") if not word.isdigit()]
            kinds.setdefault(words[-1] if words else "attention", []).append(entry)
    return tuple(
        Attention(
            kind=kind,
            count=len(entries),
            width=entries[0].shape[1],
            inner=entries[0].shape[0] // (3 if "qkv" in entries[0].name or "in_proj" in entries[0].name else 1),
        )
        for kind, entries in kinds.items()
    )


def _parsed(value: Any) -> Any:
    """Metadata are strings; those that hold JSON come back as what it says, at any depth."""
    if isinstance(value, dict):
        return {name: _parsed(inner) for name, inner in value.items()}
    if not (isinstance(value, str) and value.lstrip()[:1] in ("{", "[")):
        return value
    try:
        return _parsed(json.loads(value))
    except ValueError:
        return value
