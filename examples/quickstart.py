"""A sentence in, a film out, from Python. Run it from anywhere once `aiprod` is installed; it writes quickstart.mp4."""

from pathlib import Path

from aiprod_core.types import GenerationConfig
from aiprod_pipelines.media import write_clip
from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.ti2vid_one_stage import TI2VidOneStagePipeline

pipeline = TI2VidOneStagePipeline.from_pretrained(provision.locate())
request = GenerationConfig(
    prompt="a blue bird flying to the right in a forest at dusk in the rain, static camera",
    seed=7,
)
clip = pipeline(request)
write_clip(clip, Path("quickstart.mp4"))
