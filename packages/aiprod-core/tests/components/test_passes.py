"""The passes that are reckoned with are those that the guider makes."""

import subprocess
import sys

import pytest

from aiprod_core.components.passes import Pass, passes_of
from aiprod_core.generation import guider_of
from aiprod_core.types import GenerationConfig


@pytest.mark.parametrize("audio", [True, False])
@pytest.mark.parametrize("video_scales", [(1.0, 0.0, 1.0), (4.0, 0.0, 1.0), (1.0, 1.0, 1.0), (4.0, 0.5, 2.0)])
@pytest.mark.parametrize("audio_scales", [(None, None, None), (1.0, 0.0, 1.0), (2.0, 1.0, 3.0), (None, 0.0, None)])
def test_a_request_needs_the_passes_of_its_guider(
    video_scales: tuple[float, float, float], audio_scales: tuple[float | None, ...], audio: bool
) -> None:
    config = GenerationConfig(
        prompt="a red cat",
        audio=audio,
        **dict(zip(("guidance_scale", "stg_scale", "modality_scale"), video_scales, strict=True)),
        **dict(zip(("audio_guidance_scale", "audio_stg_scale", "audio_modality_scale"), audio_scales, strict=True)),
    )
    assert passes_of(config) == guider_of(config, layers=4).passes
    assert Pass.PROMPTED in passes_of(config)


def test_what_a_request_costs_is_reckoned_without_torch() -> None:
    code = "import sys, aiprod_pipelines.amounts, aiprod_pipelines.calibrated; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
