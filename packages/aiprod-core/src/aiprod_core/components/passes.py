"""What the model is asked in one denoising step, and which of it a request needs. Loads no torch."""

from enum import StrEnum

from aiprod_core.types import GenerationConfig


class Pass(StrEnum):
    """What the model is asked in one pass."""

    PROMPTED = "prompted"
    UNPROMPTED = "unprompted"  # with the negative prompt instead
    PERTURBED = "perturbed"  # with the prompt, but tokens not attending to each other in some layers
    ISOLATED = "isolated"  # with the prompt, but pictures and sound not attending to each other


def needed(*, scale: float, stg_scale: float, modality_scale: float) -> frozenset[Pass]:
    """The passes of one modality: every scale has a value at which its pass changes nothing."""
    wanted = {
        Pass.PROMPTED: True,
        Pass.UNPROMPTED: scale != 1.0,
        Pass.PERTURBED: stg_scale != 0.0,
        Pass.ISOLATED: modality_scale != 1.0,
    }
    return frozenset(name for name, is_wanted in wanted.items() if is_wanted)


def passes_of(config: GenerationConfig) -> frozenset[Pass]:
    """The passes of a request: those of its pictures, and of its sound, which is guided as they are or by itself."""
    video = {
        "scale": config.guidance_scale,
        "stg_scale": config.stg_scale,
        "modality_scale": config.modality_scale if config.audio else 1.0,
    }
    own = {
        "scale": config.audio_guidance_scale,
        "stg_scale": config.audio_stg_scale,
        "modality_scale": config.audio_modality_scale,
    }
    audio = video | {name: value for name, value in own.items() if value is not None}
    return needed(**video) | (needed(**audio) if config.audio else frozenset())
