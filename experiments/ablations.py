"""What the choices inside SHDT are worth: small runs on pictures from random weights, each with one thing changed.

Every run sees the same batches under one seed; a second seed of the shipped shape says how much is chance. Prints a
table of all runs that have ended and writes build/experiments/ablations.json; a run that was stopped goes on.

    aiprod data latents --frames 1 --count 12288 --output runs/latents-pictures
    python experiments/ablations.py --latents runs/latents-pictures
    python experiments/ablations.py --latents runs/latents-pictures --only "all softmax" --only "as shipped"
"""

import argparse
import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from aiprod_core.components.noisers import add_noise
from aiprod_core.family import SovereignModels
from aiprod_core.generation import generate
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.models.shdt import NANO, JointAttention, Mixing, SHDTConfig, hybrid
from aiprod_core.types import GenerationConfig, LatentState
from aiprod_pipelines.sovereignty import provision
from aiprod_trainer.config import TrainConfig
from aiprod_trainer.evaluation.attributes import judge_clip, truth
from aiprod_trainer.evaluation.nano import held_out
from aiprod_trainer.strategies.text_to_video import TextToVideo
from aiprod_trainer.trainer import Batch, Trainer
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.scene import FRAME_RATE_HZ

CONSOLE = Console()
RESULT_FILE = "result.json"
JUDGED_FRAMES = 5  # the judge wants a clip; its verdict on what is shown is of each frame by itself
RUN = {
    "training_strategy": {"name": "text_to_video"},
    "optimization": {
        "batch_size": 32,
        "learning_rate": 2e-3,
        "optimizer_type": "muon",
        "warmup_steps": 50,
        "decay_fraction": 0.2,
        "ema_decay": 0.98,
    },
    "acceleration": {"mixed_precision_mode": "bf16", "attention": "math"},
    "validation": {"interval": None},
    "checkpoints": {"interval": 100, "keep_last_n": 1},
    "tracking": {"interval": 50, "tensorboard": False},
}


class AllSoftmax(TextToVideo):
    """Every layer mixes by softmax attention and reads the text: the control."""

    @staticmethod
    def transformer(config: TrainConfig) -> SHDTConfig:
        return replace(NANO, mixers=hybrid(len(NANO.mixers), linear_between=0))


class EverySecondSoftmax(TextToVideo):
    @staticmethod
    def transformer(config: TrainConfig) -> SHDTConfig:
        return replace(NANO, mixers=hybrid(len(NANO.mixers), linear_between=1))


class SoftmaxAtTheEnds(TextToVideo):
    """Text is read in the first and the last layer only."""

    @staticmethod
    def transformer(config: TrainConfig) -> SHDTConfig:
        return replace(NANO, mixers=hybrid(len(NANO.mixers), linear_between=len(NANO.mixers)))


class TextApart(JointAttention):
    """Text answers in a softmax of its own, and the answers are added: cross-attention with shared queries."""

    def forward(self, x: Tensor, a: Tensor | None, mixing: Mixing) -> tuple[Tensor, Tensor | None]:
        assert mixing.words is not None
        assert a is None
        text_keys, text_values, readable = mixing.words
        queries, keys, values = self.video.rotated(rearrange(x, "b t h w d -> b (t h w) d"), mixing.turns.video)
        answers = F.scaled_dot_product_attention(queries, keys, values)
        answers = answers + F.scaled_dot_product_attention(
            queries, text_keys.to(queries), text_values.to(queries), attn_mask=rearrange(readable, "b n -> b 1 1 n")
        )
        return self.video.out(rearrange(answers, "b heads n e -> b n (heads e)")).view(x.shape), None


class TextUnheard(JointAttention):
    """Text answers nowhere: what is left of it is its mean in the modulation of every layer."""

    def forward(self, x: Tensor, a: Tensor | None, mixing: Mixing) -> tuple[Tensor, Tensor | None]:
        assert mixing.words is not None
        keys, values, readable = mixing.words
        return super().forward(x, a, replace(mixing, words=(keys, values, torch.zeros_like(readable))))


class CrossAttention(TextToVideo):
    attention: type[JointAttention] = TextApart

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        for layer in self.shdt.layers:
            if isinstance(layer.attention, JointAttention):
                layer.attention = self.attention(self.shdt.config)


class ModulationOnly(CrossAttention):
    attention = TextUnheard


class SelfAligned(TextToVideo):
    """What an early layer knows is drawn to what a late layer of the averaged model knows of a less noisy picture.

    Source: self-representation alignment (arXiv:2505.02831).
    """

    early, late, less, weight, decay = 3, 7, 0.2, 0.5, 0.98

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        width = self.shdt.config.video_width
        self.guess = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        self.model["guess"] = self.guess
        self.averaged = copy.deepcopy(self.shdt).requires_grad_(False)
        self.model["averaged"] = self.averaged  # so that a run which goes on has it still

    def _losses(self, batch: Batch, t_video: Tensor, t_audio: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        if not self.shdt.training:
            return super()._losses(batch, t_video, t_audio, generator)
        with torch.no_grad():
            for mean, p in zip(self.averaged.parameters(), self.shdt.parameters(), strict=True):
                mean.lerp_(p, 1 - self.decay)
        before = generator.get_state()
        with heard(self.shdt.layers[self.early]) as known:
            losses = super()._losses(batch, t_video, t_audio, generator)
        clean, mask = batch["video"].float(), batch["mask"]
        noise = torch.randn(clean.shape, generator=torch.Generator().set_state(before)).to(clean)
        t = (t_video - self.less).clamp_min(0)
        with torch.no_grad(), heard(self.averaged.layers[self.late]) as target:
            text = self.averaged.read(self.text_encoder(batch["ids"], mask), mask)
            state = LatentState(add_noise(clean, noise, t[:, None, :, None, None]), None)
            self.averaged(state, text, t, t_audio, FRAME_RATE_HZ)
        apart = 1 - F.cosine_similarity(self.guess(known[0]).float(), target[0].float(), dim=-1).mean()
        return losses | {"loss": losses["loss"] + self.weight * apart, "apart": apart}


@contextmanager
def heard(layer: nn.Module) -> Iterator[list[Tensor]]:
    """What `layer` makes of the video stream while the context is open."""
    outputs: list[Tensor] = []
    hook = layer.register_forward_hook(lambda module, given, made: outputs.append(made[0]))
    try:
        yield outputs
    finally:
        hook.remove()


VARIANTS: dict[str, tuple[type[TextToVideo], dict[str, Any]]] = {
    "as shipped": (TextToVideo, {}),
    "another seed": (TextToVideo, {"seed": 1}),
    "all softmax": (AllSoftmax, {}),
    "every second softmax": (EverySecondSoftmax, {}),
    "softmax at the ends": (SoftmaxAtTheEnds, {}),
    "text by cross-attention": (CrossAttention, {}),
    "text by modulation only": (ModulationOnly, {}),
    "times not shifted": (TextToVideo, {"shift": 1.0}),
    "times shifted by 4": (TextToVideo, {"shift": 4.0}),
    "self-alignment": (SelfAligned, {}),
}


def train(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Train one variant to its last step and measure it; a finished one is read back."""
    folder = asked.output / name.replace(" ", "-")
    if (folder / RESULT_FILE).exists():
        return dict(json.loads((folder / RESULT_FILE).read_text()))
    kind, options = VARIANTS[name]
    content = copy.deepcopy(RUN) | {"output_dir": folder, "seed": options.get("seed", 0)}
    content["training_strategy"] |= {"latents": asked.latents, "codec": asked.models / "hwvae.safetensors"}
    content["training_strategy"] |= {key: value for key, value in options.items() if key != "seed"}
    content["optimization"]["steps"] = asked.steps
    content["acceleration"]["threads"] = asked.threads
    config = TrainConfig.model_validate(content)
    torch.manual_seed(config.seed)
    strategy = kind(config)
    trainer = Trainer(config, strategy)
    trainer.run(report=lambda line: CONSOLE.print(f"{name}: {line}", highlight=False))
    result = measured(trainer, strategy, asked)
    (folder / RESULT_FILE).write_text(json.dumps(result, indent=2) + "\n")
    return result


def measured(trainer: Trainer, strategy: TextToVideo, asked: argparse.Namespace) -> dict[str, Any]:
    """Validation loss of averaged and of last weights, and what the judge says of pictures of held-out prompts."""
    result: dict[str, Any] = {
        "steps": trainer.step,
        "seconds_a_step": trainer.trained_s / trainer.step,
        "averaged": trainer.validate()["video"],
    }
    strategy.model.eval()
    with torch.no_grad():
        result["last"] = strategy.validate(trainer.folder / "validation", trainer.step + 1)["video"]
    with trainer.averaged():
        result["judged"] = judged(strategy, asked)
    return result


def judged(strategy: TextToVideo, asked: argparse.Namespace) -> dict[str, float]:
    """Share of generated pictures that show each attribute which a still picture shows, and all of them."""
    judge = AttributeJudge.load(asked.models / "judge.safetensors")
    assert strategy.codec is not None
    models = SovereignModels(strategy.shdt, strategy.text_encoder, strategy.tokenizer, strategy.codec, None)
    right: dict[str, int] = dict.fromkeys((*judge.config.shown, "all"), 0)
    for number, scene in enumerate(held_out(asked.prompts, strategy.latents.about.level)):
        request = GenerationConfig(prompt=caption(scene), seed=number, num_frames=1, audio=False)
        pixels, _ = generate(models, request)
        said = judge_clip(judge, pixels.expand(-1, JUDGED_FRAMES, -1, -1), None).said
        hits = {attribute: said[attribute] == truth(scene)[attribute] for attribute in judge.config.shown}
        for attribute, hit in {**hits, "all": all(hits.values())}.items():
            right[attribute] += hit
    return {attribute: count / asked.prompts for attribute, count in right.items()}


def show(results: dict[str, dict[str, Any]]) -> None:
    """The table."""
    attributes = [*next(iter(results.values()))["judged"]]
    table = Table("variant", "s a step", "loss, averaged", "loss, last", *attributes)
    for name, result in results.items():
        losses = [f"{result[which]:.4f}" for which in ("averaged", "last")]
        shares = [f"{100 * result['judged'][attribute]:.0f} %" for attribute in attributes]
        table.add_row(name, f"{result['seconds_a_step']:.2f}", *losses, *shares)
    CONSOLE.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=Path, required=True, help="latents of one frame each")
    parser.add_argument("--models", type=Path, default=provision.locate(), help="weights: the codec's and the judge's")
    parser.add_argument("--only", action="append", choices=[*VARIANTS], help="run this one; may be repeated")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--prompts", type=int, default=96, help="held-out prompts that are judged")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("runs/ablations"))
    asked = parser.parse_args()
    for name in asked.only or VARIANTS:
        train(name, asked)
    ended = {name: asked.output / name.replace(" ", "-") / RESULT_FILE for name in VARIANTS}
    results = {name: json.loads(path.read_text()) for name, path in ended.items() if path.exists()}
    show(results)
    path = Path("build/experiments/ablations.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
