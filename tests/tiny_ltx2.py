"""Tiny, untrained, but whole LTX-2 pipelines on disk, in the formats that people have: folders as diffusers writes them
and single files with the names of Lightricks' own code. The versions differ as the real ones do."""

import re
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    FlowMatchEulerDiscreteScheduler,
    LTX2Pipeline,
    LTX2VideoTransformer3DModel,
)
from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel, LTX2TextConnectors, LTX2Vocoder, LTX2VocoderWithBWE
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, GemmaTokenizer

PROMPT = "a red cat walks on a beach"
HEADS, WIDTH = 2, 8  # of a head
LATENT_CHANNELS, TEXT_WIDTH, MEL_BINS = 32, 16, 16


def write_tiny_ltx2(folder: Path, version: str = "2.0") -> None:
    """Write a folder that `LTX2Pipeline` loads, with an upsampler beside it; `version`: "2.0", "2.3" or "2.5"."""
    torch.manual_seed(0)
    scheduler = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, shift_terminal=0.1, max_image_seq_len=4096
    )
    pipeline = LTX2Pipeline(
        scheduler=scheduler,
        vae=_video(version),
        audio_vae=_audio(),
        text_encoder=_text_encoder(),
        tokenizer=_tokenizer(),
        connectors=_connectors(version),
        transformer=_transformer(version),
        vocoder=_vocoder(version),
    )
    upsampler = LTX2LatentUpsamplerModel(
        in_channels=LATENT_CHANNELS, mid_channels=32, num_blocks_per_stage=1, use_rational_resampler=False
    )
    for model in (*pipeline.components.values(), upsampler):
        if isinstance(model, nn.Module):
            _without_zeros(model)
    pipeline.save_pretrained(folder)
    upsampler.save_pretrained(folder / "latent_upsampler")


def write_single_file(folder: Path, to: Path) -> Path:
    """A folder of `write_tiny_ltx2` as `to` with one file that holds all but the text encoder, and configurations."""
    shutil.copytree(folder, to)
    tensors: dict[str, torch.Tensor] = {}
    for name in OFFICIAL:
        weights = to / name / "diffusion_pytorch_model.safetensors"
        tensors |= {official(name, key): tensor for key, tensor in load_file(weights).items()}
        weights.unlink()
    tensors["vae.per_channel_statistics.mean-of-stds"] = torch.zeros(LATENT_CHANNELS)  # there, and read by nothing
    file = to / "ltx-2-19b-dev.safetensors"
    save_file(tensors, file)
    return file


OFFICIAL = {
    "transformer": "model.diffusion_model.",
    "connectors": "model.diffusion_model.",
    "vae": "vae.",
    "audio_vae": "audio_vae.",
    "vocoder": "vocoder.",
}
RENAMED = {
    "transformer": {
        r"^proj_in": "patchify_proj",
        r"^audio_proj_in": "audio_patchify_proj",
        r"^time_embed": "adaln_single",
        r"^audio_time_embed": "audio_adaln_single",
        r"^prompt_adaln": "prompt_adaln_single",
        r"^audio_prompt_adaln": "audio_prompt_adaln_single",
        r"^av_cross_attn_(video|audio)_scale_shift": r"av_ca_\1_scale_shift_adaln_single",
        r"^av_cross_attn_video_a2v_gate": "av_ca_a2v_gate_adaln_single",
        r"^av_cross_attn_audio_v2a_gate": "av_ca_v2a_gate_adaln_single",
        r"(video|audio)_a2v_cross_attn_scale_shift_table": r"scale_shift_table_a2v_ca_\1",
        r"norm_(q|k)\.": r"\1_norm.",
    },
    "connectors": {
        r"^text_proj_in": "text_embedding_projection.aggregate_embed",
        r"^(video|audio)_text_proj_in": r"text_embedding_projection.\1_aggregate_embed",
        r"^(video|audio)_connector": r"\1_embeddings_connector",
        r"transformer_blocks": "transformer_1d_blocks",
        r"norm_(q|k)\.": r"\1_norm.",
    },
    "vae": {
        r"latents_mean": "per_channel_statistics.mean-of-means",
        r"latents_std": "per_channel_statistics.std-of-means",
        r"resnets": "res_blocks",
    },
    "audio_vae": {
        r"latents_mean": "per_channel_statistics.mean-of-means",
        r"latents_std": "per_channel_statistics.std-of-means",
    },
    "vocoder": {
        r"upsamplers": "ups",
        r"resnets": "resblocks",
        r"conv_in": "conv_pre",
        r"conv_out": "conv_post",
        r"act_out": "act_post",
        r"downsample\.filter": "downsample.lowpass.filter",
    },
}


def official(part: str, key: str) -> str:
    """The name that Lightricks' own code has for a tensor of a part of a pipeline of diffusers."""
    if part == "vae":
        key = _numbered(key)
    for ours, theirs in RENAMED[part].items():
        key = re.sub(ours, theirs, key)
    return key if key.startswith("text_embedding_projection.") else OFFICIAL[part] + key


def _numbered(key: str) -> str:
    """Blocks of the video autoencoder stand in one row: of the encoder the middle last, of the decoder it first."""
    side, _, rest = key.partition(".")
    row = "down_blocks" if side == "encoder" else "up_blocks"
    first, middle = (0, 8) if side == "encoder" else (2, 0)
    if rest.startswith("mid_block."):
        return f"{side}.{row}.{middle}.{rest.removeprefix('mid_block.')}"
    if match := re.match(r"(?:down|up)_blocks\.(\d)\.(downsamplers|upsamplers)\.0\.(.*)", rest):
        return f"{side}.{row}.{2 * int(match[1]) + 1}.{match[3]}"
    if match := re.match(r"(?:down|up)_blocks\.(\d)\.(resnets.*)", rest):
        return f"{side}.{row}.{2 * int(match[1]) + first}.{match[2]}"
    return f"{side}.{rest}" if rest else side


def _video(version: str) -> AutoencoderKLLTX2Video:
    if version == "2.0":
        sides: dict[str, Any] = {
            "block_out_channels": (8, 16, 32, 64),
            "decoder_block_out_channels": (8, 16, 32),
            "decoder_layers_per_block": (1,) * 4,
        }
    else:
        sides = {
            "block_out_channels": (8, 16, 32, 32),
            "decoder_block_out_channels": (8, 16, 16, 32),
            "decoder_layers_per_block": (1,) * 5,
            "decoder_spatio_temporal_scaling": (True,) * 4,
            "decoder_inject_noise": (False,) * 5,
            "upsample_type": ("spatiotemporal", "spatiotemporal", "temporal", "spatial"),
            "upsample_residual": (False,) * 4,
            "upsample_factor": (2, 2, 1, 2),
        }
    return AutoencoderKLLTX2Video(
        latent_channels=LATENT_CHANNELS,
        layers_per_block=(1,) * 5,
        decoder_causal=False,
        spatial_compression_ratio=32,
        temporal_compression_ratio=8,
        **sides,
    )


def _audio() -> AutoencoderKLLTX2Audio:
    return AutoencoderKLLTX2Audio(
        base_channels=16, num_res_blocks=1, resolution=32, latent_channels=4, mel_bins=MEL_BINS
    )


def _transformer(version: str) -> LTX2VideoTransformer3DModel:
    newer: dict[str, Any] = {}
    if version != "2.0":
        newer = dict.fromkeys(("gated_attn", "cross_attn_mod", "audio_gated_attn", "audio_cross_attn_mod"), True)
        newer |= {"use_prompt_embeddings": False, "perturbed_attn": True}
    if version == "2.5":
        newer |= {"use_prompt_adaln_single": False, "ff_bias": False, "audio_ff_bias": False}
    return LTX2VideoTransformer3DModel(
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=HEADS,
        attention_head_dim=WIDTH,
        cross_attention_dim=HEADS * WIDTH,
        audio_in_channels=16,
        audio_out_channels=16,
        audio_num_attention_heads=HEADS,
        audio_attention_head_dim=WIDTH // 2,
        audio_cross_attention_dim=HEADS * WIDTH // 2,
        num_layers=2,
        caption_channels=TEXT_WIDTH,
        rope_type="split",
        **newer,
    )


def _connectors(version: str) -> LTX2TextConnectors:
    newer: dict[str, Any] = {}
    if version != "2.0":
        newer = dict.fromkeys(("per_modality_projections", "proj_bias", "video_gated_attn", "audio_gated_attn"), True)
        newer |= {"video_hidden_dim": HEADS * WIDTH, "audio_hidden_dim": HEADS * WIDTH // 2}
    return LTX2TextConnectors(
        caption_channels=TEXT_WIDTH,
        text_proj_in_factor=3,
        video_connector_num_attention_heads=HEADS,
        video_connector_attention_head_dim=WIDTH,
        video_connector_num_layers=1,
        video_connector_num_learnable_registers=8,
        audio_connector_num_attention_heads=HEADS,
        audio_connector_attention_head_dim=WIDTH if version == "2.0" else WIDTH // 2,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=8,
        connector_rope_base_seq_len=32,
        rope_type="split",
        **newer,
    )


def _vocoder(version: str) -> LTX2Vocoder | LTX2VocoderWithBWE:
    """Of 16 kHz · 24 000 / 16 000 · 160 samples a frame of mel: 240 of 2.0, 80 and 240 more of the later."""
    narrow: dict[str, Any] = {"in_channels": 2 * MEL_BINS, "hidden_channels": 32}
    if version == "2.0":
        return LTX2Vocoder(
            **narrow, upsample_kernel_sizes=[16, 15, 8], upsample_factors=[6, 5, 8], output_sampling_rate=24_000
        )
    return LTX2VocoderWithBWE(
        **narrow,
        upsample_kernel_sizes=[11, 8, 8],
        upsample_factors=[5, 4, 8],
        bwe_in_channels=2 * MEL_BINS,
        bwe_hidden_channels=32,
        bwe_upsample_kernel_sizes=[12, 11, 16],
        bwe_upsample_factors=[6, 5, 8],
        num_mel_channels=MEL_BINS,
    )


def _text_encoder() -> Gemma3ForConditionalGeneration:
    text = {
        "vocab_size": 300,
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
    }
    seeing = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    return Gemma3ForConditionalGeneration(
        Gemma3Config(text_config=text, vision_config=seeing, mm_tokens_per_image=4)
    ).eval()


def _tokenizer() -> GemmaTokenizer:
    """One token a letter."""
    marks = {mark: index for index, mark in enumerate(("<pad>", "<eos>", "<bos>", "<unk>", "<mask>"))}
    letters = {letter: len(marks) + index for index, letter in enumerate("▁abcdefghijklmnopqrstuvwxyz")}
    return GemmaTokenizer(vocab=marks | letters, merges=[], model_max_length=64)


@torch.no_grad()
def _without_zeros(model: nn.Module) -> None:
    """Numbers where a fresh model has zeros, so that every tensor is seen in what comes out."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point() and not tensor.any():
            tensor.normal_(std=0.2)
    if hasattr(model, "latents_std"):
        model.latents_std.uniform_(0.5, 1.5)
