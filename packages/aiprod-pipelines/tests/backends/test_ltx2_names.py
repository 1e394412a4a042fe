"""Names are held against the converters of diffusers, which know those of 2.0 and of LoRAs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers.loaders import lora_conversion_utils, single_file_utils
from safetensors import safe_open

from aiprod_pipelines.backends.ltx2_names import lora_key, placed

CONVERTERS = {
    "transformer": (single_file_utils.convert_ltx2_transformer_to_diffusers, "model.diffusion_model."),
    "vae": (single_file_utils.convert_ltx2_vae_to_diffusers, "vae."),
    "audio_vae": (single_file_utils.convert_ltx2_audio_vae_to_diffusers, "audio_vae."),
}


@pytest.mark.parametrize("component", CONVERTERS)
def test_a_file_of_2_0_is_read_as_diffusers_reads_it(component: str, single_file: Callable[[str], Path]) -> None:
    converter, prefix = CONVERTERS[component]
    with safe_open(single_file("2.0"), framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
    theirs = set(converter({name: torch.zeros(1) for name in names}))
    ours = {spot[1] for spot in map(placed, names) if spot is not None and spot[0] == component}
    assert len(ours) > 20
    assert ours == theirs


def test_what_no_component_reads_is_left_out() -> None:
    assert placed("vae.per_channel_statistics.mean-of-stds") is None
    assert placed("duration_head.weight") is None


@pytest.mark.parametrize(
    "module",
    [
        "transformer_blocks.0.attn1.to_q",
        "transformer_blocks.0.audio_to_video_attn.to_out.0",
        "patchify_proj",
        "audio_adaln_single.emb.timestep_embedder.linear_1",
        "av_ca_a2v_gate_adaln_single.linear",
        "prompt_adaln_single.linear",
    ],
)
def test_a_lora_is_read_as_diffusers_reads_it(module: str) -> None:
    key = f"diffusion_model.{module}.lora_A.weight"
    assert list(lora_conversion_utils._convert_non_diffusers_ltx2_lora_to_diffusers({key: 0})) == [lora_key(key)]


def test_loras_in_other_layouts() -> None:
    inside = "transformer_blocks.0.attn1.to_q.lora_A.weight"
    for prefix in ("", "transformer.", "base_model.model.", "model.diffusion_model."):
        assert lora_key(prefix + inside) == f"transformer.{inside}"
    assert lora_key("lora_unet_proj_in.alpha") == "lora_unet_transformer_proj_in.alpha"
    projection = "text_embedding_projection.video_aggregate_embed.lora_B.weight"
    assert lora_key(projection) == "connectors.video_text_proj_in.lora_B.weight"
    connector = "diffusion_model.audio_embeddings_connector.transformer_1d_blocks.0.attn1.to_q.lora_B.weight"
    assert lora_key(connector) == "connectors.audio_connector.transformer_blocks.0.attn1.to_q.lora_B.weight"
