"""The transformer: shapes, what may and may not influence what, and attention that equals its definition."""

from dataclasses import replace

import pytest
import torch

from aiprod_core.models.rotary import Turn, rotary_angles
from aiprod_core.models.shdt import (
    EVERYTHING,
    NANO,
    SHDT,
    SMALL,
    Attending,
    SHDTConfig,
    TextContext,
    hybrid,
    linear_attention,
)
from aiprod_core.types import LatentState

FRAMES, LENGTH = 3, 9


def _latents(batch: int = 1, *, audio: bool = True, seed: int = 0, frames: int = FRAMES) -> LatentState:
    generator = torch.Generator().manual_seed(seed)
    video = torch.randn(batch, 8, frames, 4, 6, generator=generator)
    sound = torch.randn(batch, 8, LENGTH, generator=generator)
    return LatentState(video, sound if audio else None)


def _text(model: SHDT, batch: int = 1, tokens: int = 5, seed: int = 1) -> TextContext:
    features = torch.randn(batch, tokens, 32, generator=torch.Generator().manual_seed(seed))
    return model.read(features, torch.ones(batch, tokens, dtype=torch.bool))


def _flow(
    model: SHDT, state: LatentState, text: TextContext, t_video: float | torch.Tensor = 0.6, t_audio: float = 0.6
) -> tuple[torch.Tensor, torch.Tensor | None]:
    assert state.video is not None
    batch, frames = state.video.shape[0], state.video.shape[2]
    clock = torch.as_tensor(t_video).expand(batch, frames)
    flow = model(state, text, clock, torch.full((batch, 1), t_audio), 10.0)
    return flow.video, flow.audio


def test_velocities_have_the_shape_of_their_latents(transformer: SHDT) -> None:
    state = _latents(batch=2)
    video, audio = _flow(transformer, state, _text(transformer, batch=2))
    assert state.video is not None
    assert state.audio is not None
    assert audio is not None
    assert video.shape == state.video.shape
    assert audio.shape == state.audio.shape


def test_pictures_alone_work_and_sound_is_heard_by_them(transformer: SHDT) -> None:
    text = _text(transformer)
    video, audio = _flow(transformer, _latents(audio=False), text)
    assert audio is None
    with_sound, _ = _flow(transformer, _latents(), text)
    assert not torch.allclose(video, with_sound, atol=1e-3)
    assert _flow(transformer, _latents(audio=False, frames=1), text)[0].shape == (1, 8, 1, 4, 6)


def test_samples_of_a_batch_do_not_touch_each_other(transformer: SHDT) -> None:
    both, text = _latents(batch=2), _text(transformer, batch=2)
    video, audio = _flow(transformer, both, text)
    assert both.video is not None
    assert both.audio is not None
    one = LatentState(both.video[:1], both.audio[:1])
    alone = TextContext(
        tuple(k[:1] for k in text.keys), tuple(v[:1] for v in text.values), text.mask[:1], text.pooled[:1]
    )
    video_alone, audio_alone = _flow(transformer, one, alone)
    torch.testing.assert_close(video[:1], video_alone, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(audio[:1], audio_alone, atol=1e-4, rtol=1e-4)  # type: ignore[index]


def test_the_padding_of_a_text_does_not_matter_and_its_words_do(transformer: SHDT) -> None:
    features = torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(1))
    padded = torch.cat([features, torch.full((1, 4, 32), 9.0)], dim=1)
    mask = torch.arange(9)[None] < 5
    plain, _ = _flow(transformer, _latents(), transformer.read(features, mask[:, :5]))
    with_padding, _ = _flow(transformer, _latents(), transformer.read(padded, mask))
    torch.testing.assert_close(with_padding, plain, atol=1e-5, rtol=1e-5)
    other, _ = _flow(transformer, _latents(), _text(transformer, seed=2))
    assert not torch.allclose(other, plain, atol=1e-3)


def test_a_context_holds_keys_for_the_softmax_layers_alone(transformer: SHDT) -> None:
    text = _text(transformer, batch=2, tokens=7)
    assert transformer.config.mixers == ("softmax", "linear", "linear", "softmax")
    assert len(text.keys) == len(text.values) == 2
    assert text.keys[0].shape == (2, 2, 7, 16)
    assert text.pooled.shape == (2, 32)


def test_each_frame_runs_on_its_own_clock(transformer: SHDT) -> None:
    text, state = _text(transformer), _latents()
    same, _ = _flow(transformer, state, text, torch.tensor([0.6, 0.6, 0.6]))
    torch.testing.assert_close(same, _flow(transformer, state, text, 0.6)[0])
    first, _ = _flow(transformer, state, text, torch.tensor([0.0, 0.6, 0.6]))
    change = (first - same).abs().mean(dim=(0, 1, 3, 4))
    assert change[0] > 2 * change[1:].max()


def test_the_time_of_the_sound_is_its_own(transformer: SHDT) -> None:
    text = _text(transformer)
    video, audio = _flow(transformer, _latents(), text, 0.6, 0.6)
    later_video, later_audio = _flow(transformer, _latents(), text, 0.6, 0.1)
    assert audio is not None
    assert later_audio is not None
    assert (audio - later_audio).abs().mean() > (video - later_video).abs().mean()


def test_linear_attention_equals_the_explicit_sum() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 11, 8, generator=generator, dtype=torch.float64)
    turn = Turn.of(rotary_angles(torch.arange(11), 4))
    feature_q, feature_k = q.relu() + 1e-3, k.relu() + 1e-3
    turned = turn(feature_q) @ turn(feature_k).transpose(-1, -2)  # b heads n n
    plain = feature_q @ feature_k.transpose(-1, -2)
    expected = (turned @ v) / plain.sum(dim=-1, keepdim=True)
    got = linear_attention(q, k, v, turn).view(2, 11, 4, 8).transpose(1, 2)
    torch.testing.assert_close(got, expected)


def test_linear_attention_without_rotation_is_an_average_of_the_values() -> None:
    q, k, v = torch.randn(3, 1, 2, 9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    still = Turn.of(torch.zeros(9, 2, dtype=torch.float64))
    torch.testing.assert_close(
        linear_attention(q, k, torch.full_like(v, 3.0), still), torch.full((1, 9, 8), 3.0, dtype=torch.float64)
    )
    mixed = linear_attention(q, k, v, still).view(9, 2, 4)
    assert (mixed <= v[0].amax(dim=1)[None] + 1e-9).all()


def test_the_order_of_frames_matters(transformer: SHDT) -> None:
    state, text = _latents(), _text(transformer)
    assert state.video is not None
    video, _ = _flow(transformer, state, text)
    turned, _ = _flow(transformer, LatentState(state.video.flip(2), state.audio), text)
    assert not torch.allclose(turned.flip(2), video, atol=1e-3)


def test_a_reference_stands_at_the_times_of_the_clip(transformer: SHDT) -> None:
    """Softmax attention knows places by their angles alone: change places with the reference, and nothing else does."""
    torch.manual_seed(0)
    model = SHDT(replace(transformer.config, mixers=("softmax",) * 2))
    torch.nn.init.normal_(model.video_out.out.weight)
    text, t = _text(model), torch.full((1, 2 * FRAMES), 0.5)
    one, other = _latents(audio=False).video, _latents(audio=False, seed=1).video
    assert one is not None
    assert other is not None

    def flow(first: torch.Tensor, second: torch.Tensor, referring: int) -> torch.Tensor:
        state = LatentState(torch.cat([first, second], dim=2), None)
        found: torch.Tensor = model(state, text, t, t[:, :1], 10.0, referring=referring).video
        return found

    swapped = flow(other, one, FRAMES).roll(FRAMES, dims=2)
    torch.testing.assert_close(flow(one, other, FRAMES), swapped)
    assert not torch.allclose(flow(one, other, 0), flow(other, one, 0).roll(FRAMES, dims=2))


def test_the_frame_rate_says_which_frame_belongs_to_which_sound(transformer: SHDT) -> None:
    state, text = _latents(), _text(transformer)
    clock = torch.full((1, FRAMES), 0.6), torch.full((1, 1), 0.6)
    slow, fast = (transformer(state, text, *clock, rate) for rate in (10.0, 20.0))
    assert not torch.allclose(slow.video, fast.video, atol=1e-4)


@pytest.mark.parametrize("config", [NANO, SMALL])
def test_a_fresh_model_predicts_nothing(config: SHDTConfig) -> None:
    torch.manual_seed(0)
    model = SHDT(replace(config, mixers=hybrid(3, linear_between=1)))
    text = model.read(torch.randn(1, 4, config.text_width), torch.ones(1, 4, dtype=torch.bool))
    state = LatentState(torch.randn(1, config.video_channels, 2, 4, 4), torch.randn(1, config.audio_channels, 5))
    flow = model(state, text, torch.full((1, 2), 0.5), torch.full((1, 1), 0.5), 10.0)
    assert flow.video.count_nonzero() == 0
    assert flow.audio.count_nonzero() == 0


def _attended(model: SHDT, state: LatentState, attending: Attending = EVERYTHING) -> LatentState:
    assert state.video is not None
    clock = torch.full((1, state.video.shape[2]), 0.6)
    return model(state, _text(model), clock, clock[:, :1], 10.0, attending)  # type: ignore[no-any-return]


def test_isolated_pictures_do_not_see_the_sound_nor_the_sound_the_pictures(transformer: SHDT) -> None:
    one, other = _latents(), _latents(seed=9)
    isolated = Attending(isolated=True)
    alone = _attended(transformer, one, isolated)
    torch.testing.assert_close(alone.video, _attended(transformer, LatentState(one.video, other.audio), isolated).video)
    torch.testing.assert_close(alone.audio, _attended(transformer, LatentState(other.video, one.audio), isolated).audio)
    torch.testing.assert_close(alone.video, _attended(transformer, LatentState(one.video, None)).video)
    assert not torch.allclose(alone.video, _attended(transformer, one).video, atol=1e-3)


def test_where_all_attention_is_skipped_only_neighbours_are_seen(transformer: SHDT) -> None:
    """Convolutions still reach: two linear layers of a 3×3 mixer and a 3×3 network see four tokens away, not more."""
    state = LatentState(torch.randn(1, 8, 1, 2, 24, generator=torch.Generator().manual_seed(0)), None)
    assert state.video is not None
    changed = state.video.clone()
    changed[..., -2:] += 1.0  # the last of twelve tokens in a row
    skipped = Attending(skipped=frozenset(range(4)))
    one, other = (_attended(transformer, LatentState(video, None), skipped).video for video in (state.video, changed))
    assert one is not None
    assert other is not None
    moved = (one - other).abs().amax(dim=(0, 1, 2, 3)) > 0
    assert moved[-2:].all()
    assert not moved[: 24 - 2 * 5].any()
    whole = (_attended(transformer, LatentState(video, None)).video for video in (state.video, changed))
    assert not torch.equal(*(video[..., 0] for video in whole))  # type: ignore[index]


def test_every_parameter_learns(transformer: SHDT) -> None:
    transformer.requires_grad_(True)
    video, audio = _flow(transformer, _latents(), _text(transformer))
    assert audio is not None
    (video.square().mean() + audio.square().mean()).backward()
    for name, parameter in transformer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_all_softmax_is_the_control(transformer: SHDT) -> None:
    torch.manual_seed(0)
    control = SHDT(replace(transformer.config, mixers=("softmax",) * 4))
    assert len(_text(control).keys) == 4
    assert _flow(control, _latents(), _text(control))[0].shape == (1, 8, FRAMES, 4, 6)


@pytest.mark.parametrize(
    ("layers", "between", "expected"),
    [(4, 2, "SLLS"), (10, 2, "SLLSLLSLLS"), (5, 3, "SLLLS"), (6, 3, "SLLLSS"), (1, 3, "S"), (3, 0, "SSS")],
)
def test_first_and_last_layers_are_softmax(layers: int, between: int, expected: str) -> None:
    assert "".join(mixer[0].upper() for mixer in hybrid(layers, between)) == expected
