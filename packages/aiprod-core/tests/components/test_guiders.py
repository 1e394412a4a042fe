"""Guidance reduces to the prompt alone, to no prompt, and to the prompt's own deviation where it should."""

import pytest
import torch
from torch import Tensor

from aiprod_core.components.guiders import Guidance, MultiModalGuider, Pass, Projection

X, T = torch.randn(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor(0.7)


def _flows(shape: tuple[int, ...] = (2, 4, 3, 8, 8)) -> dict[Pass, Tensor]:
    generator = torch.Generator().manual_seed(0)
    drawn = {name: torch.randn(shape, generator=generator) for name in Pass}
    return drawn | {Pass.UNPROMPTED: 2 * drawn[Pass.UNPROMPTED] + 1}


def _guided(guidance: Guidance, flows: dict[Pass, Tensor]) -> Tensor:
    assert guidance.passes <= flows.keys()
    asked = {name: flow for name, flow in flows.items() if name in guidance.passes}  # and no more than it asks for
    return guidance(asked, X[:, :, 0, 0] if flows[Pass.PROMPTED].ndim == 3 else X, T)


@pytest.mark.parametrize("rescale", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("projection", [Projection(), Projection(eta=0.0, norm_threshold=0.1)])
def test_everything_off_is_the_prompt_alone_in_one_pass(rescale: float, projection: Projection) -> None:
    guidance, flows = Guidance(rescale=rescale, projection=projection), _flows()
    assert guidance.passes == {Pass.PROMPTED}
    torch.testing.assert_close(_guided(guidance, flows), flows[Pass.PROMPTED])


@pytest.mark.parametrize(
    ("guidance", "needed"),
    [
        (Guidance(scale=3.0), Pass.UNPROMPTED),
        (Guidance(stg_scale=1.0), Pass.PERTURBED),
        (Guidance(modality_scale=2.0), Pass.ISOLATED),
    ],
)
def test_each_scale_asks_for_its_pass_and_changes_nothing_where_the_pass_does_not(
    guidance: Guidance, needed: Pass
) -> None:
    flows = _flows()
    assert guidance.passes == {Pass.PROMPTED, needed}
    assert not torch.allclose(_guided(guidance, flows), flows[Pass.PROMPTED])
    torch.testing.assert_close(_guided(guidance, flows | {needed: flows[Pass.PROMPTED]}), flows[Pass.PROMPTED])


def test_scale_zero_is_without_the_prompt_and_scales_are_linear() -> None:
    flows = _flows()
    torch.testing.assert_close(_guided(Guidance(scale=0.0), flows), flows[Pass.UNPROMPTED])
    two, three, four = (_guided(Guidance(scale=scale), flows) for scale in (2.0, 3.0, 4.0))
    torch.testing.assert_close(two + four, 2 * three)


def test_scales_add_up_as_the_formula_says() -> None:
    flows = _flows()
    prompted = flows[Pass.PROMPTED]
    expected = (
        prompted
        + 2 * (prompted - flows[Pass.UNPROMPTED])
        + 0.5 * (prompted - flows[Pass.PERTURBED])
        + 1.5 * (prompted - flows[Pass.ISOLATED])
    )
    guidance = Guidance(scale=3.0, stg_scale=0.5, modality_scale=2.5)
    torch.testing.assert_close(_guided(guidance, flows), expected)


@pytest.mark.parametrize("shape", [(2, 4, 3, 8, 8), (2, 4, 8)])
def test_full_rescale_keeps_the_deviation_of_each_sample(shape: tuple[int, ...]) -> None:
    axes, flows = tuple(range(1, len(shape))), _flows(shape)
    prompted = flows[Pass.PROMPTED]
    guided, washed_out = (_guided(Guidance(scale=6.0, rescale=rescale), flows) for rescale in (1.0, 0.0))
    assert guided.shape == shape
    torch.testing.assert_close(guided.std(dim=axes), prompted.std(dim=axes))
    assert (washed_out.std(dim=axes) > 2 * prompted.std(dim=axes)).all()
    half = _guided(Guidance(scale=6.0, rescale=0.5), flows)
    torch.testing.assert_close(half, (guided + washed_out) / 2)


def test_projection_at_one_is_plain_guidance_and_at_zero_adds_nothing_along_the_prediction() -> None:
    flows, axes = _flows(), (1, 2, 3, 4)
    plain = _guided(Guidance(scale=4.0), flows)
    limitless = Guidance(scale=4.0, projection=Projection(eta=1.0, norm_threshold=1e6))
    torch.testing.assert_close(_guided(limitless, flows), plain, atol=1e-4, rtol=1e-4)
    projected = _guided(Guidance(scale=4.0, projection=Projection(eta=0.0)), flows)
    clean = X - T * flows[Pass.PROMPTED]
    added = (X - T * projected) - clean
    along = (added * clean).sum(dim=axes) / (added.norm() * clean.norm())
    assert along.abs().max() < 1e-5
    assert ((X - T * plain - clean) * clean).sum(dim=axes).abs().max() > 1


def test_the_threshold_limits_what_is_added_to_the_clean_latents() -> None:
    flows = _flows()
    limited = Guidance(scale=2.0, projection=Projection(norm_threshold=0.05))
    added = T * (flows[Pass.PROMPTED] - _guided(limited, flows))
    torch.testing.assert_close(added.square().mean(dim=(1, 2, 3, 4)).sqrt(), torch.full((2,), 0.05))


def test_a_pinned_frame_whose_time_is_zero_stays_finite() -> None:
    flows, guidance = _flows(), Guidance(scale=4.0, projection=Projection(eta=0.0))
    clock = torch.tensor([0.0, 0.7, 0.7]).view(1, 1, 3, 1, 1)
    assert guidance(flows, X, clock).isfinite().all()


def test_a_run_makes_the_passes_that_either_modality_needs() -> None:
    guider = MultiModalGuider(video=Guidance(scale=3.0), audio=Guidance(modality_scale=3.0))
    assert guider.passes == {Pass.PROMPTED, Pass.UNPROMPTED, Pass.ISOLATED}
