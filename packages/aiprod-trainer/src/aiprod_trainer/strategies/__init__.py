"""Strategies: what a batch is and what is lost on it, one file a model."""

from importlib import import_module

from aiprod_core.errors import InputError
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.trainer import Strategy

STRATEGIES = {
    "video_autoencoder": "VideoAutoencoder",
    "audio_autoencoder": "AudioAutoencoder",
    "text_to_video": "TextToVideo",
    "few_steps": "FewSteps",
    "latent_upsampler": "LatentUpsampling",
    "lora": "LoraTraining",
    "attribute_judge": "AttributeJudge",
}


def build(config: TrainConfig) -> Strategy:
    """The strategy that a training file names. Raises `InputError` for a name that is not one."""
    name = config.training_strategy.get("name")
    if name not in STRATEGIES:
        raise InputError(f"training_strategy.name: got {name!r}, expected one of {', '.join(STRATEGIES)}")
    module = import_module(f"aiprod_trainer.strategies.{name}")
    strategy: Strategy = getattr(module, STRATEGIES[name])(config)
    return strategy
