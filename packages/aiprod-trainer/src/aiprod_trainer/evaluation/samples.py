"""What a model in training makes of held-out prompts, drawn with fixed seeds."""

from dataclasses import replace
from pathlib import Path

from aiprod_core.family import SovereignModels
from aiprod_core.generation import generate
from aiprod_core.types import GenerationConfig
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.contact_sheet import contact_sheet
from aiprod_trainer.worlds.pixels import video_frames
from aiprod_trainer.worlds.scene import sample_scene

REQUEST = GenerationConfig(prompt="to be replaced")


def draw_samples(
    path: Path,
    models: SovereignModels,
    *,
    frames: int,
    level: int,
    count: int = 12,
    steps: int = 16,
    guidance_scale: float = 2.0,
) -> None:
    """Render `count` held-out prompts, pictures if `frames` is 1, and write them as a contact sheet."""
    asked = replace(REQUEST, num_inference_steps=steps, guidance_scale=guidance_scale)
    clips, titles = [], []
    for index in range(count):
        prompt = caption(sample_scene(index, level=level, split="test"))
        request = replace(asked, prompt=prompt, seed=index, num_frames=frames, audio=frames > 1)
        pixels, _ = generate(models, request)
        clips.append(video_frames(pixels))
        titles.append(prompt)
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(clips, titles, columns=min(frames, 6)).save(path)
