"""Headers tell what a checkpoint contains: single files, shards, folders, several models in one, and broken files."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.errors import WeightsError
from aiprod_core.families import FAMILIES, UNKNOWN, family_of
from aiprod_core.inspection import inspect
from aiprod_core.models import text_encoder


def _header_file(
    path: Path, shapes: dict[str, tuple[str, list[int], int]], metadata: dict[str, str] | None = None
) -> Path:
    """A file of the right length that holds nothing but its header: the rest is a hole."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, (dtype, shape, size) in shapes.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    content = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(content)) + content)
        file.truncate(8 + len(content) + end)
    return path


def _ltx2_layer(number: int, width: int = 4096) -> dict[str, tuple[str, list[int], int]]:
    prefix = f"model.diffusion_model.transformer_blocks.{number}."
    names = ("attn1.to_q", "attn1.to_k", "attn2.to_q", "audio_to_video_attn.to_q", "ff.net.0.proj")
    return {f"{prefix}{name}.weight": ("BF16", [width, width], 2 * width * width) for name in names}


def test_our_own_checkpoint_says_what_it_is(tmp_path: Path) -> None:
    model = text_encoder.TextEncoder(text_encoder.NANO)
    lineage = Lineage(initialised_from="random", trained_on=("a world",), steps=3, core_hours=0.1)
    save_checkpoint(tmp_path / "t.safetensors", "text_encoder", model.config, model.state_dict(), lineage)
    found = inspect(tmp_path / "t.safetensors")
    (component,) = found.components
    assert component.family == "AIPROD text_encoder"
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert found.size_bytes == 4 * found.parameters
    assert component.dtypes == {"F32": found.parameters}
    assert component.blocks == {"layers": 4}
    assert [(a.count, a.width, a.inner) for a in component.attention] == [(4, 256, 256)]
    assert component.metadata["aiprod"]["config"]["width"] == 256  # JSON within JSON is opened
    assert component.metadata["aiprod"]["lineage"]["steps"] == 3


def test_a_file_of_27_gb_is_read_by_its_header_alone(tmp_path: Path) -> None:
    shapes = {name: row for n in range(160) for name, row in _ltx2_layer(n).items()}
    shapes["vae.decoder.conv_in.conv.weight"] = ("BF16", [8, 8, 3, 3, 3], 2 * 8 * 8 * 27)
    config = json.dumps({"transformer": {"num_layers": 160}})
    path = _header_file(tmp_path / "ltx-2.safetensors", shapes, {"config": config})
    assert path.stat().st_size > 26e9
    found = inspect(path)
    transformer, vae = found.components
    assert (transformer.name, transformer.family, vae.name) == ("transformer", "LTX-2 transformer", "vae")
    assert transformer.blocks == {"transformer_blocks": 160}
    assert {(a.kind, a.count) for a in transformer.attention} == {
        ("attn1", 160),
        ("attn2", 160),
        ("audio_to_video_attn", 160),
    }
    assert transformer.metadata["config"]["transformer"]["num_layers"] == 160


def test_one_shard_or_the_index_finds_the_others(tmp_path: Path) -> None:
    for n in (1, 2):
        save_file(
            {f"layers.{n}.self_attn.q_proj.weight": torch.zeros(4, 4)}, tmp_path / f"m-0000{n}-of-00002.safetensors"
        )
    index = {"weight_map": {f"layers.{n}.x": f"m-0000{n}-of-00002.safetensors" for n in (1, 2)}}
    (tmp_path / "m.safetensors.index.json").write_text(json.dumps(index))
    for path in (tmp_path / "m-00002-of-00002.safetensors", tmp_path / "m.safetensors.index.json", tmp_path):
        found = inspect(path)
        assert len(found.files) == 2
        assert [component.parameters for component in found.components] == [32]
        assert found.components[0].blocks == {"layers": 2}
    (tmp_path / "m-00001-of-00002.safetensors").unlink()
    with pytest.raises(WeightsError, match="got 1 shards of 2"):
        inspect(tmp_path / "m-00002-of-00002.safetensors")


def test_a_folder_of_components_names_them_by_subfolder(tmp_path: Path) -> None:
    for name in ("transformer", "vae"):
        (tmp_path / name).mkdir()
        save_file({"x": torch.zeros(2)}, tmp_path / name / "model.safetensors")
    assert {component.name for component in inspect(tmp_path).components} == {"transformer", "vae"}


def test_packed_types_are_counted_in_numbers_and_in_bytes(tmp_path: Path) -> None:
    path = _header_file(
        tmp_path / "q.safetensors", {"a": ("F8_E4M3", [4, 4], 16), "b": ("F4", [4, 4], 8), "c": ("NEW", [2], 5)}
    )
    (component,) = inspect(path).components
    assert (component.parameters, component.size_bytes) == (34, 29)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not the length of a header"),
        (b"\x80\x02}q\x00.", "not the length of a header"),  # a pickle
        (struct.pack("<Q", 2**60) + b"{}", "not the length of a header"),
        (struct.pack("<Q", 50) + b"{}", "should have 50 bytes and has 2"),
        (struct.pack("<Q", 2) + b"[]", "no readable safetensors"),
        (struct.pack("<Q", 9) + b'{"a":"b"}', "no readable safetensors"),
    ],
)
def test_a_foreign_file_is_refused_and_never_run(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        inspect(tmp_path / "x.safetensors")


def test_a_file_cut_short_and_a_lying_header_are_told(tmp_path: Path) -> None:
    path = _header_file(tmp_path / "cut.safetensors", {"a": ("F32", [4], 16)})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="cut short"):
        inspect(path)
    with pytest.raises(WeightsError, match="should have 4 numbers of 32 bits and has 12 bytes"):
        inspect(_header_file(tmp_path / "lie.safetensors", {"a": ("F32", [4], 12)}))
    with pytest.raises(WeightsError, match="is missing"):
        inspect(tmp_path / "nowhere.safetensors")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match=r"holds no \.safetensors"):
        inspect(tmp_path / "empty")


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (
            ["diffusion_model.transformer_blocks.0.attn1.to_q.lora_A.weight", "x.lora_B.weight"],
            "LoRA (diffusers, PEFT)",
        ),
        (["lora_unet_blocks_0_attn_to_q.lora_down.weight"], "LoRA (kohya)"),
        (["patchify_proj.weight", "transformer_blocks.0.scale_shift_table"], "LTX-Video transformer"),
        (["double_blocks.0.x", "single_blocks.0.x", "img_in.weight"], "FLUX transformer"),
        (["double_blocks.0.x", "single_blocks.0.x", "txt_in.individual_token_refiner.x"], "HunyuanVideo transformer"),
        (["encoder.block.0.layer.0.SelfAttention.q.weight"], "T5 text encoder"),
        (["model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight"], "causal language model"),
        (["something.else"], UNKNOWN),
    ],
)
def test_families_are_told_from_names(names: list[str], family: str) -> None:
    assert family_of(names, {}) == family


def test_families_have_names_of_their_own() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
