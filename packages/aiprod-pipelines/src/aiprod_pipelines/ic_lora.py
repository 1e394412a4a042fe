"""A film made from another one, by an in-context LoRA: `ICLoraPipeline`.

Run it as `python -m aiprod_pipelines.ic_lora PROMPT --source film.mp4 …`, which is `aiprod generate --pipeline
ic_lora`. The LoRA says what it looks at, the source itself or the edges of it, which are made here; the prompt says
what to make of it. Without a `--lora` of that kind, the family's own is used: the source at another time of day.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from aiprod_core.edges import edges
from aiprod_core.errors import InputError
from aiprod_core.family import RELIGHT_LORA_FILE
from aiprod_core.generation import Conditions
from aiprod_core.lora import LoraFile, read_lora
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.cli import main
from aiprod_pipelines.pipeline import SovereignPipeline
from aiprod_pipelines.source import matched_film, read_film, source_of

VIEWS: dict[str, Callable[[Tensor], Tensor]] = {"clips": torch.clone, "relit": torch.clone, "edges": edges}


class ICLoraPipeline(SovereignPipeline):
    """A sentence and a film become another film of the same structure."""

    own_lora: Path
    view: str

    @classmethod
    def from_pretrained(cls, models_dir: Path, **options: Any) -> Self:
        pipeline = super().from_pretrained(models_dir, **options)
        pipeline.own_lora = models_dir / RELIGHT_LORA_FILE
        pipeline.set_loras(())
        return pipeline

    def set_loras(self, loras: Sequence[LoraFile]) -> None:
        """As any pipeline, and the family's own in-context LoRA where none of `loras` is one.

        Raises `InputError` for more than one, and for one that looks at something unknown.
        """
        views = self._views(loras)
        if not views:
            loras = [LoraFile(self.own_lora), *loras]
            views = self._views(loras)
        if len(views) != 1 or views[0] not in VIEWS:
            raise InputError(
                f"lora: got in-context LoRAs that look at {', '.join(views) or 'nothing'}, expected one that looks at "
                f"one of {', '.join(VIEWS)}; name another"
            )
        self.view = views[0]
        super().set_loras(loras)

    def _views(self, loras: Sequence[LoraFile]) -> list[str]:
        """What those of `loras` that are in-context LoRAs look at."""
        looked_at = (read_lora(lora.path, self.models.shdt).reference for lora in loras)
        return [view for view in looked_at if view is not None]

    def fitted(self, config: GenerationConfig) -> GenerationConfig:
        source_of(config)
        return config

    def given(self, config: GenerationConfig) -> Conditions:
        film = VIEWS[self.view](matched_film(config, read_film(config)))
        latents = self.models.encode_video(film[None].to(self.models.device))
        return Conditions(reference=latents.to(self.models.dtype))


if __name__ == "__main__":
    main(["generate", "--pipeline", "ic_lora", *sys.argv[1:]])
