"""Families of models, told from the names of their tensors: what a checkpoint most likely is.

A family is known by names that it alone has. The first family in the list of which all marks occur is taken, so that
special ones stand before general ones.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Family:
    """`marks`: regular expressions, each of which must be found in the name of some tensor."""

    name: str
    marks: tuple[str, ...]


FAMILIES = (
    Family("LoRA (diffusers, PEFT)", (r"\.lora_A\.", r"\.lora_B\.")),
    Family("LoRA (kohya)", (r"lora_(unet|te\d?|transformer)_.*\.lora_down\.",)),
    Family("LoRA", (r"\.lora_(down|A)\b", r"\.lora_(up|B)\b")),
    Family("LTX-2 transformer", (r"^transformer_blocks\.\d+\.audio_to_video_attn\.",)),
    Family("LTX-Video transformer", (r"^patchify_proj\.", r"^transformer_blocks\.\d+\.scale_shift_table")),
    Family("LTX-Video transformer (diffusers)", (r"^proj_in\.", r"^transformer_blocks\.\d+\.scale_shift_table")),
    Family("Wan transformer", (r"^blocks\.\d+\.self_attn\.q\.", r"^patch_embedding\.", r"^head\.modulation")),
    Family("Wan transformer (diffusers)", (r"^blocks\.\d+\.attn1\.to_q\.", r"^condition_embedder\.")),
    Family("HunyuanVideo transformer", (r"^double_blocks\.", r"^txt_in\.individual_token_refiner\.")),
    Family("FLUX transformer", (r"^double_blocks\.", r"^single_blocks\.")),
    Family("FLUX transformer (diffusers)", (r"^single_transformer_blocks\.", r"^x_embedder\.")),
    Family("Mochi transformer", (r"^blocks\.\d+\.attn\.qkv_x\.",)),
    Family("CogVideoX transformer", (r"^patch_embed\.proj\.", r"^transformer_blocks\.\d+\.norm1\.linear\.")),
    Family("Stable Diffusion 3 transformer", (r"^joint_blocks\.\d+\.context_block\.",)),
    Family("Sana transformer", (r"^blocks\.\d+\.cross_attn\.kv_linear\.",)),
    Family("Stable Diffusion XL UNet", (r"^input_blocks\.", r"^label_emb\.")),
    Family("Stable Diffusion UNet", (r"^input_blocks\.", r"^output_blocks\.")),
    Family("Stable Diffusion UNet (diffusers)", (r"^down_blocks\.\d+\.attentions\.", r"^time_embedding\.")),
    Family("vocoder", (r"(^|\.)(ups|resblocks)\.\d+\.", r"(^|\.)conv_(pre|post)\.")),
    Family("T5 text encoder", (r"(^|\.)block\.\d+\.layer\.\d+\.SelfAttention\.",)),
    Family("CLIP text encoder", (r"text_model\.encoder\.layers\.",)),
    Family("causal language model", (r"(^|\.)layers\.\d+\.self_attn\.q_proj\.", r"embed_tokens\.")),
    Family("autoencoder", (r"^encoder\..*conv.*\.weight$", r"^decoder\..*conv.*\.weight$")),
)


def family_of(names: Collection[str], metadata: Mapping[str, Any]) -> str:
    """The family whose marks `names` carry, our own by what the file says of itself; `UNKNOWN` if none."""
    own = metadata.get("aiprod")
    if isinstance(own, Mapping) and "model" in own:
        return f"AIPROD {own['model']}"
    for family in FAMILIES:
        if all(any(re.search(mark, name) for name in names) for mark in family.marks):
            return family.name
    return UNKNOWN
