"""Weights come back from what they made; what does not fit is adapted in order, or refused with what would help."""

from dataclasses import replace
from pathlib import Path

import pytest

from aiprod_core.errors import InputError
from aiprod_core.execution import Execution
from aiprod_core.offload import Offload
from aiprod_core.quantize import WeightFormat
from aiprod_core.types import GenerationConfig
from aiprod_pipelines.amounts import Load
from aiprod_pipelines.estimate import Estimate, Measured, Weights, estimate, fit, made_to_fit, size
from aiprod_pipelines.rendering import Setup
from aiprod_pipelines.workload import Shapes, workload

REQUEST = GenerationConfig(prompt="a red cat walks", width=64, height=64, num_frames=33)
SETUP = Setup(models_dir=Path("weights"))
FLOOR, PER_FRAME, PER_TILED_FRAME, WEIGHTS = 100, 10, 6, 50


def _told(config: GenerationConfig, setup: Setup) -> Estimate:
    """A machine whose renders take a floor, the weights, and so much for each frame."""
    frame = PER_TILED_FRAME if setup.execution.vae_tiling else PER_FRAME
    held = 0 if setup.execution.offload is Offload.DISK else WEIGHTS
    peak = FLOOR + held + frame * config.num_frames
    return Estimate(seconds=1.0, peak_memory_bytes=peak, stages_s={}, stages_bytes={})


def test_weights_come_back_from_exact_measurements() -> None:
    true = Weights(seconds=(0.5, 2e-3), bytes=(3e8, 4e4))
    renders = []
    for amount in (10.0, 500.0, 9000.0):
        load = Load((1, amount), (1, amount), known_bytes=1e6)
        renders.append({"denoise": Measured(load, 0.5 + 2e-3 * amount, 3e8 + 4e4 * amount + 1e6)})
    found = fit(renders)["denoise"]
    assert found.seconds == pytest.approx(true.seconds, rel=1e-6)
    assert found.bytes == pytest.approx(true.bytes, rel=1e-6)


def test_noise_makes_no_weight_negative() -> None:
    renders = [{"a": Measured(Load((1, n), (1, n)), 1.0 / n, 5.0)} for n in (1.0, 2.0, 3.0)]
    assert min(*fit(renders)["a"].seconds, *fit(renders)["a"].bytes) >= 0


def test_seconds_add_up_and_the_largest_stage_decides(family: Path) -> None:
    setup, shapes = Setup(models_dir=family), Shapes.of(family)
    loads = workload(REQUEST, setup, shapes)
    weights = {name: Weights((1.0,) + (0.0,) * (len(x.time) - 1), (7.0,) * len(x.memory)) for name, x in loads.items()}
    told = estimate(REQUEST, setup, shapes, weights)
    assert told.seconds == len(loads) - 1 + REQUEST.num_inference_steps  # one call a step
    assert told.peak_memory_bytes == max(told.stages_bytes.values()) == told.stages_bytes["decode video"]


@pytest.mark.parametrize(
    ("limit", "changes"),
    [
        (1000, ()),
        (480, ()),
        (479, ("--vae-tiling",)),
        (348, ("--vae-tiling",)),
        (347, ("--vae-tiling", "--offload disk")),
        (298, ("--vae-tiling", "--offload disk")),
    ],
)
def test_a_request_is_adapted_no_more_than_it_must_be(limit: int, changes: tuple[str, ...]) -> None:
    found = made_to_fit(REQUEST, SETUP, limit, _told)
    assert found.changes == changes
    assert found.estimate.peak_memory_bytes <= limit
    assert found.setup.execution == Execution(
        vae_tiling=bool(changes), offload=Offload.DISK if len(changes) == 2 else Offload.NONE
    )


def test_what_does_not_help_is_not_done() -> None:
    tiles_are_dear = replace(REQUEST, num_frames=1)

    def told(config: GenerationConfig, setup: Setup) -> Estimate:
        found = _told(config, setup)
        more = 5 if setup.execution.vae_tiling else 0
        return replace(found, peak_memory_bytes=found.peak_memory_bytes + more)

    found = made_to_fit(tiles_are_dear, SETUP, 115, told)
    assert found.changes == ("--offload disk",)
    assert not found.setup.execution.vae_tiling


def test_a_refusal_names_the_estimate_and_what_would_fit() -> None:
    with pytest.raises(InputError, match=r"takes .*--vae-tiling and --offload disk.*--num-frames 25 would fit"):
        made_to_fit(REQUEST, SETUP, 250, _told)
    with pytest.raises(InputError, match="smaller size, or allow more with --max-memory"):
        made_to_fit(REQUEST, SETUP, 50, _told)


def test_weights_brought_to_eight_bits_here_are_not_left_on_disk() -> None:
    with pytest.raises(InputError, match="with --vae-tiling,"):
        made_to_fit(REQUEST, replace(SETUP, quantization=WeightFormat.INT8), 300, _told)


def test_sizes_are_said_as_people_say_them() -> None:
    assert (size(2**30), size(3 * 2**19)) == ("1.00 GiB", "2 MiB")
