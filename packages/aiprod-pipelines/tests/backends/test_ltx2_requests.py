from collections.abc import Callable
from pathlib import Path

import pytest

from aiprod_core.camera import CameraMove
from aiprod_core.errors import InputError, WeightsError
from aiprod_core.types import GenerationConfig, ImageCondition, SourceCondition
from aiprod_pipelines.backends.ltx2_checkpoint import open_checkpoint
from aiprod_pipelines.backends.ltx2_requests import (
    DISTILLED,
    IC_LORA,
    KEYFRAMES,
    MODES,
    ONE_STAGE,
    TWO_STAGES,
    ZERO,
    check_request,
    guidance,
)

Written = Callable[[str], Path]
Request = Callable[..., GenerationConfig]


@pytest.mark.parametrize(
    ("mode", "wanted", "said"),
    [
        ("retake", {}, f"choose one of {', '.join(MODES)}"),
        (ONE_STAGE, {"prompt": " "}, "prompt: got an empty one"),
        (ONE_STAGE, {"width": 100}, "expected a multiple of 32 up to 3840; use 96 or 128"),
        (TWO_STAGES, {"width": 96}, "expected a multiple of 64 up to 3840; use 64 or 128"),
        (ONE_STAGE, {"num_frames": 24}, "use 17 or 25"),
        (DISTILLED, {"negative_prompt": "rain"}, "which has no guidance to follow it"),
        (TWO_STAGES, {"refine_steps": 9}, "refine-steps: got 9, expected 3"),
        (KEYFRAMES, {"images": (ImageCondition(path=Path("a.png")),)}, "image: got 1, expected two or more"),
        (ONE_STAGE, {"source": SourceCondition(path=Path("a.mp4"))}, "source: got one"),
        (IC_LORA, {}, "source: got none"),
        (ONE_STAGE, {"camera": CameraMove("pan-left")}, "camera: got pan-left, which LTX-2 is not steered by"),
        (ONE_STAGE, {"apg_eta": 0.0}, "which LTX-2 does not have"),
        (ONE_STAGE, {"guidance_scale": 0.5}, "guidance-scale: got 0.5, expected 1"),
        (ONE_STAGE, {"stg_blocks": (2,)}, "expected layers 0 to 1"),
    ],
)
def test_what_cannot_be_done_is_refused(
    mode: str, wanted: dict[str, object], said: str, folder: Written, request_of: Request
) -> None:
    with pytest.raises(InputError, match=said):
        check_request(request_of(**wanted), mode, open_checkpoint(folder("2.0")))


def test_two_stages_need_an_upsampler(folder: Written, request_of: Request, tmp_path: Path) -> None:
    bare = tmp_path / "ltx2"
    bare.mkdir()
    for path in folder("2.0").iterdir():
        if path.name != "latent_upsampler":
            (bare / path.name).symlink_to(path)
    check_request(request_of(), ONE_STAGE, open_checkpoint(bare))
    with pytest.raises(WeightsError, match="latent_upsampler"):
        check_request(request_of(), TWO_STAGES, open_checkpoint(bare))


def test_guidance_is_said_in_full(folder: Written, request_of: Request) -> None:
    asked = guidance(request_of(stg_scale=1.0, audio_stg_scale=0.0), open_checkpoint(folder("2.3")))
    assert asked["guidance_scale"] == 3.0
    assert asked["stg_scale"] == 1.0
    assert asked["audio_stg_scale"] == ZERO  # 0 would be taken for "as the pictures", which is 1
    assert asked["audio_guidance_scale"] is None
    assert asked["spatio_temporal_guidance_blocks"] == [1]  # the advised layer, 28, is beyond a model of two
