"""The names that Lightricks' own LTX-2 code gives to tensors and LoRA keys, as the models of diffusers have them.

Single files and most LoRAs are written with the first. LTX-2.0, 2.3 and 2.5 share one table: what a version lacks is
not there to be renamed. Names were read off the converters of diffusers; tests hold them against those.
"""

import re

TRANSFORMER_PREFIX = "model.diffusion_model."
PROJECTION_PREFIX = "text_embedding_projection."
CONNECTORS = ("video_embeddings_connector.", "audio_embeddings_connector.")
PREFIXES = {"audio_vae.": "audio_vae", "vae.": "vae", "vocoder.": "vocoder"}
LORA_PREFIXES = ("base_model.model.", TRANSFORMER_PREFIX, "diffusion_model.", "transformer.")
KOHYA_PREFIX = "lora_unet_"

# What lies between two dots of a name.
WORDS = {
    "transformer": {
        "patchify_proj": "proj_in",
        "audio_patchify_proj": "audio_proj_in",
        "adaln_single": "time_embed",
        "audio_adaln_single": "audio_time_embed",
        "prompt_adaln_single": "prompt_adaln",
        "audio_prompt_adaln_single": "audio_prompt_adaln",
        "av_ca_video_scale_shift_adaln_single": "av_cross_attn_video_scale_shift",
        "av_ca_audio_scale_shift_adaln_single": "av_cross_attn_audio_scale_shift",
        "av_ca_a2v_gate_adaln_single": "av_cross_attn_video_a2v_gate",
        "av_ca_v2a_gate_adaln_single": "av_cross_attn_audio_v2a_gate",
        "scale_shift_table_a2v_ca_video": "video_a2v_cross_attn_scale_shift_table",
        "scale_shift_table_a2v_ca_audio": "audio_a2v_cross_attn_scale_shift_table",
        "q_norm": "norm_q",
        "k_norm": "norm_k",
    },
    "connectors": {
        "aggregate_embed": "text_proj_in",
        "video_aggregate_embed": "video_text_proj_in",
        "audio_aggregate_embed": "audio_text_proj_in",
        "video_embeddings_connector": "video_connector",
        "audio_embeddings_connector": "audio_connector",
        "transformer_1d_blocks": "transformer_blocks",
        "q_norm": "norm_q",
        "k_norm": "norm_k",
    },
    "vae": {
        "res_blocks": "resnets",
        "last_time_embedder": "time_embedder",
        "last_scale_shift_table": "scale_shift_table",
    },
    "audio_vae": {},
    "vocoder": {
        "ups": "upsamplers",
        "resblocks": "resnets",
        "conv_pre": "conv_in",
        "conv_post": "conv_out",
        "act_post": "act_out",
    },
}
STATISTICS = "per_channel_statistics."
KEPT_STATISTICS = {"mean-of-means": "latents_mean", "std-of-means": "latents_std"}  # the others are read by nothing
ENCODER_MIDDLE, DECODER_MIDDLE = 8, 0  # where the middle block stands in the row of blocks

_BLOCK = re.compile(r"^(?P<side>encoder|decoder)\.(?P<row>down|up)_blocks\.(?P<number>\d+)\.(?P<rest>.*)$")


def placed(name: str) -> tuple[str, str] | None:
    """Component and name within it of a tensor of a single file; None for one that no component reads."""
    if name.startswith(PROJECTION_PREFIX):
        return "connectors", _renamed("connectors", name.removeprefix(PROJECTION_PREFIX))
    if name.startswith(TRANSFORMER_PREFIX):
        own = name.removeprefix(TRANSFORMER_PREFIX)
        component = "connectors" if own.startswith(CONNECTORS) else "transformer"
        return component, _renamed(component, own)
    for prefix, component in PREFIXES.items():
        if name.startswith(prefix):
            own = name.removeprefix(prefix)
            if not own.startswith(STATISTICS):
                return component, _renamed(component, own)
            kept = KEPT_STATISTICS.get(own.removeprefix(STATISTICS))
            return None if kept is None else (component, kept)
    return None


def lora_key(key: str) -> str:
    """A key of a LoRA with the name of its module below `transformer.` or `connectors.`."""
    if key.startswith(KOHYA_PREFIX):
        return f"{KOHYA_PREFIX}transformer_{key.removeprefix(KOHYA_PREFIX)}"
    if key.startswith("connectors."):
        return key
    for prefix in LORA_PREFIXES:
        key = key.removeprefix(prefix)
    name = key if key.startswith(PROJECTION_PREFIX) else TRANSFORMER_PREFIX + key
    component, own = placed(name) or ("transformer", key)
    return f"{component}.{own}"


def _renamed(component: str, name: str) -> str:
    if component == "vae":
        name = _unrolled(name)
    if component == "vocoder":
        name = name.replace("downsample.lowpass.", "downsample.")
    return ".".join(WORDS[component].get(word, word) for word in name.split("."))


def _unrolled(name: str) -> str:
    """A block of the video autoencoder: Lightricks numbers blocks and resamplers in one row, diffusers nests them."""
    match = _BLOCK.match(name)
    if match is None:
        return name
    side, row, number, rest = match["side"], match["row"], int(match["number"]), match["rest"]
    encoding = side == "encoder"
    if number == (ENCODER_MIDDLE if encoding else DECODER_MIDDLE):
        return f"{side}.mid_block.{rest}"
    if number % 2:
        return f"{side}.{row}_blocks.{number // 2}.{row}samplers.0.{rest}"
    return f"{side}.{row}_blocks.{number // 2 - (0 if encoding else 1)}.{rest}"
